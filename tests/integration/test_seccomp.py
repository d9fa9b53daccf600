#!/usr/bin/python3
"""The seccomp lists in real containers: what honest programs need works at every level, what attacks need does not."""
import json
import subprocess
import sys

from sandbox_driver import MIB, ROOT, Sandbox, main

# Makes each raw call in a child of its own and prints how it went: a value, an errno or the signal that ended the child.
PROBE = r'''
import ctypes, errno, json, mmap, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
WIDE = 1 << 32
def int80(*unused):
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
def raw(*numbers):
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(n) for n in numbers])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "ok"
CALLS = {
    "unshare": (272, 0x10000000), "mount": (165, 0, 0, 0, 0, 0), "ptrace": (101, 0, 0, 0, 0), "bpf": (321, 0, 0, 0),
    "keyctl": (250, 0, 0, 0), "add_key": (248, 0, 0, 0), "personality": (135, 0), "io_uring_setup": (425, 1, 0),
    "userfaultfd": (323, 0), "setns": (308, 0, 0), "open_by_handle_at": (304, 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "init_module": (175, 0, 0, 0), "pivot_root": (155, 0, 0),
    "chroot": (161, 0), "clone newuser": (56, 0x10000000 | 17, 0, 0, 0, 0), "clone newtime and more": (56, 0x20000 | 17 | WIDE, 0, 0, 0, 0),
    "clone3": (435, 0, 0), "memfd_create": (319, id(b"name") + 32, 0), "fcntl F_SETSIG": (72, 0, 10, 31), "x32": (0x40000000 | 39,),
    "prlimit 1": (302, 1, 0, 0, 0), "prlimit own": (302, 0, 7, 0, 0), "affinity 1": (203, 1, 0, 0), "scheduler 1": (144, 1, 0, 0),
    "priority 1": (141, 0, 1, 5), "priority group": (141, 1, 1, 5), "priority own": (141, 0, 0, 5), "ioprio 1": (251, 1, 1, 0),
    "kill sigsys": (62, 0, 31), "kill sigsys wide": (62, 0, 31 | WIDE), "tgkill sigsys": (234, os.getpid(), os.getpid(), 31),
    "tkill sigsys": (200, 1, 31), "sigqueue sigsys": (129, 1, 31, 0), "pidfd sigsys": (424, 0, 31, 0, 0), "kill none": (62, 0, 0),
    "kill usr1 to 1": (62, 1, 10), "kill 1": (62, 1, 9),
    "unix": (41, 1, 1, 0), "inet": (41, 2, 1, 0), "inet6": (41, 10, 1, 0), "inet wide": (41, 2 | WIDE, 1, 0), "route": (41, 16, 3, 0),
    "audit": (41, 16, 3, 9), "route wide": (41, 16, 3, WIDE), "packet": (41, 17, 3, 0), "vsock": (41, 40, 1, 0), "alg": (41, 38, 5, 0),
    "bluetooth": (41, 31, 3, 0), "int80": int80,
}
out = {}
for name, call in CALLS.items():
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = "ok" if callable(call) and call() else raw(*call)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 64).decode()
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    out[name] = signal.Signals(status & 127).name if status & 127 else said
print(json.dumps(out))
'''

EXPECTED = {
    "unshare": "EPERM", "mount": "SIGSYS", "ptrace": "EPERM", "bpf": "SIGSYS", "keyctl": "EPERM", "add_key": "EPERM",
    "personality": "EPERM", "io_uring_setup": "EPERM", "userfaultfd": "SIGSYS", "setns": "SIGSYS", "open_by_handle_at": "SIGSYS",
    "process_vm_readv": "SIGSYS", "perf_event_open": "EPERM", "kexec_load": "SIGSYS", "init_module": "SIGSYS", "pivot_root": "SIGSYS",
    "chroot": "EPERM", "clone newuser": "EPERM", "clone newtime and more": "EPERM", "clone3": "ENOSYS", "memfd_create": "ENOSYS",
    "fcntl F_SETSIG": "EPERM", "x32": "SIGSYS", "prlimit 1": "EPERM", "prlimit own": "ok", "affinity 1": "EPERM", "scheduler 1": "EPERM",
    "priority 1": "EPERM", "priority group": "EPERM", "priority own": "ok", "ioprio 1": "EPERM", "kill sigsys": "EPERM",
    "kill sigsys wide": "EPERM", "tgkill sigsys": "EPERM", "tkill sigsys": "EPERM", "sigqueue sigsys": "EPERM", "pidfd sigsys": "EPERM",
    "kill none": "ok", "kill usr1 to 1": "ok", "kill 1": "ok", "unix": "ok", "inet": "EACCES", "inet6": "EACCES", "inet wide": "EACCES",
    "route": "EACCES", "audit": "EACCES", "route wide": "EACCES", "packet": "EACCES", "vsock": "EACCES", "alg": "EACCES",
    "bluetooth": "EACCES", "int80": "SIGSYS",
}
LOOSER = {"high": {}, "medium": {"inet": "ok", "inet6": "ok"},
          "low": {"inet": "ok", "inet6": "ok", "route": "ok", "memfd_create": "ok"}}

LIBRARY = r'''
import asyncio, concurrent.futures, json, multiprocessing, os, queue, random, select, shutil, signal, socket, sqlite3, subprocess, sys
import tempfile, threading, time, zipfile
def double(n):
    return 2 * n
def through_pipe(pipe, n):
    pipe.send(n * 3)
threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    assert list(pool.map(double, range(5))) == [0, 2, 4, 6, 8]
here, there = multiprocessing.Pipe()
process = multiprocessing.Process(target=through_pipe, args=(there, 7))
process.start(); assert here.recv() == 21; process.join(); assert process.exitcode == 0
if os.path.isdir("/dev/shm"):
    with multiprocessing.Pool(2) as pool:
        assert pool.map(double, range(5)) == [0, 2, 4, 6, 8]
assert subprocess.run(["/bin/sh", "-c", "echo $((6*7)) | cat"], capture_output=True).stdout == b"42\n"
async def sleepy():
    await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(3)])
    process = await asyncio.create_subprocess_exec("/bin/echo", "hi", stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0]
assert asyncio.run(sleepy()) == b"hi\n"
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "x")
    with open(path, "wb") as file:
        file.write(os.urandom(5000)); os.fsync(file.fileno())
    shutil.copy2(path, path + "2"); os.rename(path + "2", path + "3"); os.symlink("x", path + "4"); os.chmod(path, 0o600)
    os.truncate(path, 10); os.utime(path); os.mkfifo(path + "5"); assert len(list(os.scandir(folder))) == 4
    with zipfile.ZipFile(path + ".zip", "w") as archive:
        archive.write(path, "x")
    base = sqlite3.connect(path + ".db"); base.execute("create table t (n)"); base.execute("insert into t values (1)"); base.commit()
left, right = socket.socketpair(); left.send(b"z"); assert right.recv(1) == b"z"
if sys.argv[1] != "high":
    server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
signal.signal(signal.SIGALRM, lambda *unused: None); signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause() if hasattr(os, "none") else time.sleep(0.05)
print("all is well")
'''

SHELL = r'''
set -e
cd /work; mkdir -p a/b; echo one > a/b/f; cp -a a c; mv c d; ln -s f a/b/l; cat d/b/f | sort | uniq | wc -l; sed s/one/two/ a/b/f
(sleep 0.01; echo child) & wait; trap 'echo trapped' USR1; kill -USR1 $$; ls -l a/b > /dev/null; find . -name f | head -1 > /dev/null
date > /dev/null; mkfifo p; echo through > p & read word < p; echo "$word"; tar cf - a | tar tf - > /dev/null; rm -r a d p; echo done
'''


def probe(level):
    with Sandbox(level, pids=32) as sandbox:
        run = sandbox.python(PROBE)
    assert run.ended["exit_code"] == 0, run.stderr.decode()
    seen = json.loads(run.stdout)
    wanted = {**EXPECTED, **LOOSER[level]}
    wrong = {name: (seen.get(name), wanted[name]) for name in wanted if seen.get(name) != wanted[name]}
    assert not wrong, f"{level}: (seen, wanted) {wrong}"
    assert run.ended["end"] == 0


def library(level):
    with Sandbox(level, pids=32, shm=0 if level == "high" else 16 * MIB) as sandbox:
        run = sandbox.python(LIBRARY, level)
    assert run.stdout == b"all is well\n", run.stderr.decode()
    with Sandbox(level, pids=32) as sandbox:
        run = sandbox.run(["/bin/bash", "-c", SHELL])
    assert run.stdout == b"1\ntwo\nchild\ntrapped\nthrough\ndone\n", (run.stdout, run.stderr)


def test_the_files_are_what_their_script_writes():
    subprocess.run([sys.executable, ROOT + "/config/seccomp/make.py", "--check"], check=True)


def test_attacks_fail_at_high():
    probe("high")


def test_attacks_fail_at_medium():
    probe("medium")


def test_attacks_fail_at_low():
    probe("low")


def test_python_and_bash_work_at_high():
    library("high")


def test_python_and_bash_work_at_medium():
    library("medium")


def test_python_and_bash_work_at_low():
    library("low")


def test_a_death_by_sigsys_that_init_reaps_is_counted():
    orphan = ("import os,ctypes,time\nif os.fork(): time.sleep(0.3); os._exit(0)\n"
              "if os.fork(): os._exit(0)\nctypes.CDLL(None).syscall(165,0,0,0,0,0)")
    with Sandbox("high") as sandbox:
        run = sandbox.python(orphan)
    assert run.ended["sigsys"] == 1 and run.ended["signal"] == 0, run.ended
    with Sandbox("high") as sandbox:
        run = sandbox.python("import ctypes; ctypes.CDLL(None).syscall(321,0,0,0)")
    assert run.ended["sigsys"] == 1 and run.ended["signal"] == 31, run.ended


if __name__ == "__main__":
    sys.exit(main(globals()))
