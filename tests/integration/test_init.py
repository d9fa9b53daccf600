#!/usr/bin/python3
"""brig-init in real containers: what it says, what it survives, what it obeys."""
import hashlib
import io
import os
import select
import struct
import sys
import tarfile
import time

import sandbox_driver as driver
from sandbox_driver import (ARGUMENT, COMMAND, ENDED, END_DEADLINE, END_KILL, END_LEADER, END_OUTPUT, END_TIMEOUT, FAILED, HELLO, KEEPALIVE,
                            KILL, LEAVE, MIB, PREPARED, REFUSED, START, STDIN_DATA, STDIN_END, STDOUT, Ended, Run, Sandbox, boottime_ms,
                            engine, hello, main)

PYTHON = ["/usr/bin/python3", "-E", "-s", "-B", "-u", "-c"]


def until(condition, what):
    limit = time.monotonic() + driver.PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, what
        select.select([], [], [], 0.01)


def child_of(pid):
    """The job's first process, as the host sees it."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return int(file.read().split()[0])


def wait_for_exit(pid):
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([process], [], [], driver.PATIENCE_S)[0], "the process lives on"
    os.close(process)


def python(code, *arguments, level="high", sandbox=None, **options):
    with Sandbox(level, **(sandbox or {})) as box:
        return box.python(code, *arguments, **options)


def test_hello_says_what_the_kernel_holds():
    with Sandbox() as sandbox:
        before = boottime_ms()
        facts = hello(sandbox.expect(HELLO))
    clock = facts.pop("boottime_ms")
    assert facts == {"version": 1, "uid": 65534, "gid": 65534, "dumpable": 0, "no_new_privileges": 1, "seccomp_mode": 2, "capabilities": 0}
    assert abs(clock - before) < 60000


def test_output_exit_code_and_times_are_reported():
    run = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (run.stdout, run.stderr) == (b"out\n", b"err\n")
    assert run.ended["end"] == END_LEADER and run.ended["exit_code"] == 7 and run.ended["signal"] == 0
    assert run.ended["stdout_bytes"] == run.ended["stderr_bytes"] == 4 and run.ended["cpu_ms"] > 0


def test_every_exit_code_and_the_fatal_signals_arrive():
    for code in (0, 1, 127, 255):
        with Sandbox() as sandbox:
            assert sandbox.run(["/bin/bash", "-c", f"exit {code}"]).ended["exit_code"] == code
    for number in (1, 6, 9, 11, 13, 15, 64):
        with Sandbox() as sandbox:
            assert sandbox.run(["/bin/bash", "-c", f"kill -{number} $$"]).ended["signal"] == number


def test_the_environment_is_the_image_s_and_what_was_said():
    with Sandbox() as sandbox:
        run = sandbox.run(["env"], env=["A=1", "B=x=y", "A=2"])
    lines = run.stdout.decode().splitlines()
    assert [line for line in lines if not line.startswith("PATH=")] == ["HOME=/work", "TMPDIR=/tmp", "A=2", "B=x=y"], lines


def test_the_child_has_its_own_group_plain_signals_and_no_descriptor_of_init():
    run = python("import os, signal; print(os.getpgrp() == os.getpid(), sorted(os.listdir('/proc/self/fd')), os.getcwd(),"
                 "oct(os.umask(0)), open('/proc/self/oom_score_adj').read().strip(), open('/proc/1/oom_score_adj').read().strip(),"
                 "signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)", umask=0o27)
    assert run.stdout == b"True ['0', '1', '2', '3'] /work 0o27 1000 0 set() True\n", run.stdout


def test_pid_1_cannot_be_looked_into():
    run = python("import os\nfor name in 'mem fd/0 fd/1 environ maps root cwd exe'.split():\n"
                 "    try: os.open('/proc/1/' + name, os.O_RDWR if name[0] in 'mf' else os.O_RDONLY); print('opened', name)\n"
                 "    except PermissionError: pass\n    except OSError as e: print(name, e)")
    assert run.stdout == b"" and run.ended["exit_code"] == 0, (run.stdout, run.stderr)


def test_pid_1_survives_every_signal_and_the_job_killing_all():
    code = ("import os\nfor n in range(1, 65):\n    try: os.kill(1, n)\n    except OSError: pass\nprint('alive')\n"
            "try: os.kill(-1, 9)\nexcept OSError as e: print(e.strerror)")
    run = python(code)
    assert run.stdout == b"alive\nNo such process\n" and run.ended["exit_code"] == 0, run.ended  # it spares its caller
    run = python("import os\nif not os.fork(): os.kill(-1, 9)\nos.wait()")
    assert run.ended["signal"] == 9 and run.ended["end"] == END_LEADER, run.ended


def test_limits_priority_and_affinity_of_pid_1_cannot_be_set():
    code = ("import os, resource\ndef refused(f, *a):\n    try: f(*a); return False\n    except PermissionError: return True\n"
            "print(refused(resource.prlimit, 1, resource.RLIMIT_CPU, (1, 1)), refused(os.setpriority, os.PRIO_PROCESS, 1, 19),"
            "refused(os.sched_setaffinity, 1, {0}), refused(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)))")
    assert python(code).stdout == b"True True True True\n"


def test_a_fork_bomb_ends_with_its_time():
    run = python("import os\nprint('go')\nwhile True:\n    try: os.fork()\n    except OSError: pass", timeout_ms=1500)
    assert run.ended["end"] == END_TIMEOUT and run.stdout.startswith(b"go\n"), run.ended


def test_a_daemon_that_holds_stdout_neither_delays_nor_outlives():
    run = python("import os, time\nif os.fork(): print('parent'); os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
                 "print('daemon')\ntime.sleep(1000)")
    assert run.ended["end"] == END_LEADER and run.ended["exit_code"] == 0 and run.ended["duration_ms"] < 30000, run.ended


def test_a_stopped_group_is_ended_by_its_time():
    run = python("import os, signal; print('x'); os.killpg(0, signal.SIGSTOP)", timeout_ms=1000)
    assert run.ended["end"] == END_TIMEOUT and run.ended["signal"] == 9 and run.stdout == b"x\n"


def test_closing_every_descriptor_ends_nothing():
    run = python("import os, time\nos.closerange(0, 1024); time.sleep(0.1); os._exit(5)")
    assert run.ended["exit_code"] == 5


def test_zombies_are_reaped():
    run = python("import os\nfor i in range(40):\n    pid = os.fork()\n    if not pid:\n        os.fork()\n        os._exit(0)\n"
                 "    os.waitpid(pid, 0)\nprint('done')")
    assert run.stdout == b"done\n", run.stderr


def test_frames_forged_on_stdout_are_output():
    forged = struct.pack("<BI", ENDED, 4) + b"oops" + struct.pack("<BI", 79, 8) + bytes(8)
    run = python(f"import sys; sys.stdout.buffer.write({forged!r}); sys.exit(3)")
    assert run.stdout == forged and run.ended["exit_code"] == 3


def test_the_budget_counts_to_the_byte():
    for size, end in ((1000, END_LEADER), (1001, END_OUTPUT)):
        run = python(f"import os, time; os.write(2, b'e' * {size}); time.sleep(0.2)", output=1000)
        assert run.ended["end"] == end and run.stderr == b"e" * 1000, run.ended
        assert run.limit == (1 if end == END_OUTPUT else None) and run.ended["stderr_bytes"] == size


def test_output_left_in_the_pipe_is_charged_after_the_end():
    with Sandbox(CpusetCpus="0") as sandbox:
        sandbox.expect(HELLO)
        sandbox.define([*PYTHON, "import os; os.write(1, b'o' * 60000); os._exit(0)"], output=50000)
        sandbox.expect(PREPARED)
        os.sched_setscheduler(sandbox.pid(), os.SCHED_IDLE, os.sched_param(0))  # so the job's end comes before init reads
        sandbox.send(START)
        run = sandbox.finish()
    assert run.ended["end"] == END_OUTPUT and len(run.stdout) == 50000 and run.ended["stdout_bytes"] == 60000, run.ended


def test_an_output_flood_is_ended():
    with Sandbox() as sandbox:
        run = sandbox.run(["/usr/bin/yes"], output=1 << 20)
    assert run.ended["end"] == END_OUTPUT and len(run.stdout) == 1 << 20


def test_a_kill_is_obeyed_while_nobody_reads():
    with Sandbox() as sandbox:
        pid = sandbox.pid()
        sandbox.start(["/usr/bin/yes"], output=1 << 40, timeout_ms=0)
        child = child_of(pid)
        seen = [None] * 20

        def stuck():
            with open(f"/proc/{child}/io") as file:
                seen.append(file.read())
            return len(set(seen[-20:])) == 1 and "wchar: 0\n" not in seen[-1]
        until(stuck, "the job is never held back")
        sandbox.send(KILL)
        wait_for_exit(child)
        run = sandbox.finish()
        assert run.ended["end"] == END_KILL and run.ended["signal"] == 9 and len(run.stdout) > MIB


def test_a_kill_before_the_start_ends_too():
    with Sandbox() as sandbox:
        sandbox.expect(HELLO)
        sandbox.define(["/bin/true"])
        sandbox.expect(PREPARED)
        sandbox.send(KILL)
        sandbox.send(START)
        run = sandbox.finish()
        assert run.ended["end"] == END_KILL and run.ended["duration_ms"] == 0


def test_the_end_of_stdin_kills_everything():
    sandbox = Sandbox()
    with sandbox:
        pid = sandbox.pid()
        sandbox.start([*PYTHON, "import os, time; os.fork(); print('up'); time.sleep(1000)"], timeout_ms=0)
        while sandbox.receive()[0] != STDOUT:
            pass
        child = child_of(pid)
        sandbox.stream.close()
        wait_for_exit(child)
        wait_for_exit(pid)


def test_a_deadline_kills_and_a_later_one_moves_it():
    with Sandbox() as sandbox:
        sandbox.expect(HELLO)
        sandbox.send(KEEPALIVE, struct.pack("<Q", boottime_ms() + 1500))
        sandbox.define([*PYTHON, "import time; print('up'); time.sleep(1000)"], timeout_ms=0, artifacts=["*"])
        sandbox.expect(PREPARED)
        sandbox.send(START)
        begun = boottime_ms()
        sandbox.send(KEEPALIVE, struct.pack("<Q", boottime_ms() + 3000))
        run = sandbox.finish()
        assert run.ended["end"] == END_DEADLINE and boottime_ms() - begun >= 2900 and run.stdout == b"up\n"


def test_a_deadline_that_has_passed_starts_nothing():
    with Sandbox() as sandbox:
        sandbox.expect(HELLO)
        sandbox.send(KEEPALIVE, struct.pack("<Q", 1))
        sandbox.send_together(lambda: sandbox.define(["/bin/echo", "ran"]), lambda: sandbox.send(START))
        sandbox.expect(PREPARED)
        run = sandbox.finish()
        assert run.ended["end"] == END_DEADLINE and not run.started


def test_stdin_arrives_whole_under_its_window():
    data = os.urandom(300000)
    with Sandbox() as sandbox:
        sandbox.start([*PYTHON, "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"])
        run, sent = Run(), 0
        while run.report is None:
            while sent < len(data) and sent - run.taken < 65536:
                piece = data[sent:min(sent + 10000, run.taken + 65536)]
                sandbox.send(STDIN_DATA, piece)
                sent += len(piece)
                if sent == len(data):
                    sandbox.send(STDIN_END)
            run.take(*sandbox.receive())
    assert run.stdout.decode().strip() == hashlib.sha256(data).hexdigest() and run.taken == len(data)


def test_a_job_that_does_not_read_loses_its_stdin_and_nothing_hangs():
    run = python("import os, time; os.close(0); print('closed'); time.sleep(0.2)", stdin=b"x" * 60000)
    assert run.stdout == b"closed\n" and run.ended["exit_code"] == 0


def test_policy_lines_are_bounded_and_come_as_notices():
    code = "import os\nfor i in range(100): os.write(200, b'module %d\\n' % i)\nos.write(200, b'l' * 5000 + b'\\n'); print('end')"
    run = python(code, policy=1)
    assert run.notices == [b"module %d" % i for i in range(64)] and run.stdout == b"end\n", run.notices
    run = python("import os; os.write(200, b'l' * 5000 + b'\\n\\n')", policy=1)
    assert run.notices == [b"l" * 256]
    run = python("import os; os.write(200, b'x')")
    assert b"Bad file descriptor" in run.stderr


def test_what_cannot_start_says_which_step():
    for argv, directory, step, sys_error in ((["/nothing"], "/", b"exec", 2), (["nothing-in-path"], "/", b"exec", 2),
                                             (["/etc"], "/", b"exec", 13), (["/bin/true"], "/nowhere", b"working directory", 2)):
        with Sandbox() as sandbox:
            sandbox.start(argv, directory=directory)
            payload = sandbox.expect(FAILED)
            assert payload == struct.pack("<I", sys_error) + step, payload


def test_a_broken_conversation_is_refused():
    for frames, reason in (([(99, b"")], b"malformed command"), ([(COMMAND, bytes(8))], b"malformed command"),
                           ([(ARGUMENT, b"a\0b")], b"malformed command"), ([(STDIN_DATA, bytes(65537))], b"stdin beyond its window")):
        with Sandbox() as sandbox:
            sandbox.expect(HELLO)
            for frame in frames:
                sandbox.send(*frame)
            assert sandbox.expect(REFUSED) == reason
    with Sandbox() as sandbox:
        sandbox.expect(HELLO)
        sandbox.stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert sandbox.expect(REFUSED) == b"not a frame"


def test_leave_ends_the_container():
    with Sandbox() as sandbox:
        pid = sandbox.pid()
        run = sandbox.python("print(1)")
        assert run.report == (0, 0)
        assert sandbox.quiet(0.2), "something came after REPORT"
        sandbox.send(LEAVE)
        wait_for_exit(pid)


def test_memory_that_ends_kills_the_job_and_not_pid_1():
    run = python("x = []\nprint('up')\nwhile True: x.append(bytearray(1 << 20))", sandbox={"memory": 64 * MIB})
    assert run.ended["signal"] == 9 and run.ended["end"] == END_LEADER and run.stdout == b"up\n", run.ended


def test_a_full_disk_is_told():
    run = python("import errno\nf = open('/work/big', 'wb', buffering=0)\ntry:\n    while f.write(bytes(1 << 16)): pass\n"
                 "except OSError as e: print(errno.errorcode[e.errno])", sandbox={"work": 2 * MIB})
    assert run.stdout == b"ENOSPC\n" and run.ended["work_full"] == 1 and run.ended["tmp_full"] == 0 and run.ended["largest"] == 2 * MIB
    run = python("import os\ntry:\n    for i in range(5000): open(f'/tmp/{i}', 'w').close()\nexcept OSError as e: print(e.strerror)")
    assert run.ended["tmp_full"] == 1 and run.ended["work_full"] == 0, (run.stdout, run.ended)


MAKE_FILES = r'''
import os
os.chdir("/work"); os.makedirs("d/e"); os.makedirs(".hidden")
open("a.txt", "w").write("alpha"); open("d/e/b.txt", "w").write("beta"); open(".hidden/c.txt", "w").write("no")
open("empty.txt", "w"); open("big.txt", "w").write("x" * 100000); open("sparse.txt", "w").truncate(3 << 20)
os.symlink("/etc/passwd", "link.txt"); os.symlink("d", "dlink.txt"); os.mkfifo("fifo.txt"); os.mkdir("folder.txt")
open("h.txt", "w").write("h"); os.link("h.txt", "h2.txt"); open(b"bad\xff.txt", "w")
open("secret.txt", "w").close(); os.chmod("secret.txt", 0)
import socket; socket.socket(socket.AF_UNIX).bind("socket.txt")
'''


def test_artifacts_are_the_regular_files_that_a_glob_names():
    run = python(MAKE_FILES, artifacts=["**/*.txt"], bounds=(64, MIB, 2 * MIB))
    assert run.artifacts == {b"a.txt": b"alpha", b"d/e/b.txt": b"beta", b"empty.txt": b"", b"big.txt": b"x" * 100000}, run.stderr
    assert all(run.sizes[path] == len(data) for path, data in run.artifacts.items())
    assert run.omitted == {b"link.txt": "symbolic link", b"dlink.txt": "symbolic link", b"fifo.txt": "no regular file",
                           b"socket.txt": "no regular file", b"folder.txt": "folder", b"h.txt": "hard link", b"h2.txt": "hard link",
                           b"bad\xff.txt": "name is not UTF-8", b"secret.txt": "cannot be read", b"sparse.txt": "too large"}, run.omitted
    assert run.report == (4, 10)


def test_artifacts_are_bounded_in_number_bytes_and_named_omissions():
    code = "import os\nfor i in range(100): open(f'/work/{i}', 'w').write('x' * 1000)"
    run = python(code, artifacts=["*"], bounds=(10, MIB, MIB))
    assert run.report == (10, 90) and len(run.artifacts) == 10 and len(run.omitted) == 32
    assert set(run.omitted.values()) == {"too many artifacts"}
    run = python(code, artifacts=["*"], bounds=(64, MIB, 5500))
    assert run.report == (5, 95) and set(run.omitted.values()) == {"artifacts too large together"}
    run = python("import os\nos.chdir('/work')\nfor i in range(1000): os.mkdir('d'); os.chdir('d')", artifacts=["**"])
    assert run.report == (0, 1) and list(run.omitted.values()) == ["too many folders deep"], run.omitted


def test_artifacts_of_a_killed_job_are_kept_and_large_ones_arrive():
    code = "open('/work/f', 'wb').write(bytes(range(256)) * 20480)\nprint('there')\nwhile True: pass"
    run = python(code, artifacts=["f"], timeout_ms=1500)
    assert run.ended["end"] == END_TIMEOUT and run.artifacts[b"f"] == bytes(range(256)) * 20480


def test_leave_is_obeyed_while_nobody_reads_artifacts():
    with Sandbox(work=64 * MIB, memory=256 * MIB) as sandbox:
        pid = sandbox.pid()
        sandbox.start([*PYTHON, "[open(f'/work/{i}', 'wb').write(bytes(8 << 20)) for i in range(4)]"], artifacts=["*"])
        while sandbox.receive()[0] != ENDED:
            pass
        sandbox.send(LEAVE)
        wait_for_exit(pid)


def test_an_empty_image_with_settings_of_its_own_is_enough():
    archive = io.BytesIO()
    tarfile.open(fileobj=archive, mode="w").close()
    connection = driver.UnixConnection()
    changes = "changes=ENTRYPOINT%20%5B%22/bin/sh%22%5D&changes=USER%20root&changes=WORKDIR%20/x&changes=CMD%20%5B%22oops%22%5D"
    connection.request("POST", "/v1.41/images/create?fromSrc=-&repo=brig-test-empty&" + changes, archive.getvalue())
    assert connection.getresponse().status == 200
    before, driver.IMAGE = driver.IMAGE, "brig-test-empty"
    try:
        with Sandbox() as sandbox:
            run = sandbox.run(["/brig/init"])
        assert b"must be PID 1" in run.stdout and run.ended["exit_code"] == 1, run.stdout
    finally:
        driver.IMAGE = before
        engine("DELETE", "/images/brig-test-empty?force=1")


def test_nothing_is_written_beside_the_frames():
    with Sandbox() as sandbox:
        sandbox.python("import sys; print('e', file=sys.stderr)")
        sandbox.send(LEAVE)
        try:
            sandbox.receive()
            raise AssertionError("a frame after LEAVE")
        except Ended:
            assert sandbox.raw_stderr == b"" and sandbox.bytes == b""


if __name__ == "__main__":
    sys.exit(main(globals()))
