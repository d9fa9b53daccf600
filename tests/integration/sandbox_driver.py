"""Drives brig-init in a real container for tests: the engine's API over its socket, and the frames of worker/init/frame.h."""
import http.client
import json
import os
import select
import socket
import struct
import sys
import time
import traceback
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INIT = os.path.join(os.environ.get("BRIG_TEST_BIN_DIR", os.path.join(ROOT, "build", "dev", "bin")), "brig-init")
IMAGE = os.environ.get("BRIG_TEST_IMAGE", "brig/python")
ENGINE = os.environ.get("BRIG_DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
PATIENCE_S = float(os.environ.get("BRIG_TEST_PATIENCE", "60"))

(LIMITS, ARGUMENT, ENVIRONMENT, ARTIFACTS, COMMAND, START, STDIN_DATA, STDIN_END, KEEPALIVE, KILL, LEAVE) = range(1, 12)
(HELLO, REFUSED, PREPARED, STARTED, FAILED, STDIN_TAKEN, STDOUT, STDERR, NOTICE, OUTPUT_LIMIT, ENDED, ARTIFACT, ARTIFACT_DATA,
 ARTIFACT_OMITTED, REPORT) = range(65, 80)
END_LEADER, END_KILL, END_OUTPUT, END_TIMEOUT, END_DEADLINE = range(5)
MIB = 1 << 20


class UnixConnection(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("engine", timeout=PATIENCE_S)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(ENGINE)


def engine(method, path, body=None):
    """One call of the engine's API; returns the decoded answer."""
    connection = UnixConnection()
    connection.request(method, "/v1.41" + path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {data.decode()}")
    return json.loads(data) if data.startswith((b"{", b"[")) else data


def seccomp_option(level):
    if level == "unconfined":
        return "seccomp=unconfined"
    with open(os.path.join(ROOT, "config", "seccomp", level + ".json")) as file:
        return "seccomp=" + file.read()


def specification(level="high", memory=128 * MIB, pids=16, work=8 * MIB, shm=0, **host):
    """A container as the sandbox contract wants it, as far as brig-init and system calls are concerned."""
    def tmpfs(size):
        return f"size={size},nr_inodes={max(size // 4096, 1024)},uid=65534,gid=65534,mode=0700,noexec,nosuid,nodev"
    host = {
        "Binds": [INIT + ":/brig/init:ro"], "NetworkMode": "none", "ReadonlyRootfs": True, "CapDrop": ["ALL"], "IpcMode": "none",
        "SecurityOpt": ["no-new-privileges", seccomp_option(level)], "Memory": memory, "MemorySwap": memory, "PidsLimit": pids,
        "Tmpfs": {"/work": tmpfs(work), "/tmp": tmpfs(4 * MIB), **({"/dev/shm": tmpfs(shm)} if shm else {})},
        "LogConfig": {"Type": "none"}, "CgroupnsMode": "private",
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}, {"Name": "nofile", "Soft": 1024, "Hard": 1024}], **host}
    return {"Image": IMAGE, "Entrypoint": ["/brig/init"], "Cmd": [], "User": "65534:65534", "WorkingDir": "/", "OpenStdin": True,
            "StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "NetworkDisabled": True,
            "Labels": {"brig.test": "init"}, "HostConfig": host}


def attach(container):
    """The upgraded stream of a container: raw bytes in, the engine's frames of 8 bytes and data out."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(PATIENCE_S)
    stream.connect(ENGINE)
    stream.sendall(f"POST /v1.41/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
                   "Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.recv(1)
    assert b" 101 " in head, head
    return stream


class Ended(Exception):
    """The stream ended where a frame was awaited."""


class Sandbox:
    """One container with brig-init waiting in it. Use as a context: it is removed at the end."""

    def __init__(self, level="high", **options):
        name = "brig-test-init-" + uuid.uuid4().hex[:12]
        self.id = engine("POST", "/containers/create?name=" + name, specification(level, **options))["Id"]
        self.stream = attach(self.id)
        self.engine_bytes, self.bytes, self.raw_stderr, self.together = b"", b"", b"", None
        engine("POST", f"/containers/{self.id}/start")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stream.close()
        engine("DELETE", f"/containers/{self.id}?force=1&v=1")

    def pid(self):
        return engine("GET", f"/containers/{self.id}/json")["State"]["Pid"]

    def send(self, kind, payload=b""):
        frame = struct.pack("<BI", kind, len(payload)) + payload
        if self.together is None:
            self.stream.sendall(frame)
        else:
            self.together += frame

    def send_together(self, *senders):
        """What the functions send arrives at once."""
        self.together = b""
        for sender in senders:
            sender()
        self.stream.sendall(self.together)
        self.together = None

    def _receive(self):
        data = self.stream.recv(65536)
        if not data:
            raise Ended
        self.engine_bytes += data
        while len(self.engine_bytes) >= 8:
            kind, size = struct.unpack(">B3xI", self.engine_bytes[:8])
            if len(self.engine_bytes) < 8 + size:
                return
            if kind == 2:
                self.raw_stderr += self.engine_bytes[8:8 + size]
            else:
                self.bytes += self.engine_bytes[8:8 + size]
            self.engine_bytes = self.engine_bytes[8 + size:]

    def receive(self):
        """The next frame as (type, payload)."""
        while True:
            if len(self.bytes) >= 5:
                kind, size = struct.unpack("<BI", self.bytes[:5])
                if len(self.bytes) >= 5 + size:
                    payload, self.bytes = self.bytes[5:5 + size], self.bytes[5 + size:]
                    return kind, payload
            self._receive()

    def quiet(self, seconds):
        """True when nothing arrives for so long."""
        return not self.bytes and not select.select([self.stream], [], [], seconds)[0]

    def expect(self, kind):
        got, payload = self.receive()
        assert got == kind, f"frame {got} {payload!r} where {kind} was awaited"
        return payload

    def define(self, argv, env=(), output=1 << 18, timeout_ms=30000, artifacts=None, bounds=(64, 16 * MIB, 32 * MIB), policy=0,
               directory="/work", umask=0o22):
        self.send(LIMITS, struct.pack("<QQ", output, timeout_ms))
        for argument in argv:
            self.send(ARGUMENT, os.fsencode(argument))
        for variable in ("HOME=/work", "TMPDIR=/tmp", *env):
            self.send(ENVIRONMENT, variable.encode())
        if artifacts:
            self.send(ARTIFACTS, struct.pack("<IQQ", *bounds) + b"".join(os.fsencode(glob) + b"\0" for glob in artifacts))
        self.send(COMMAND, struct.pack("<II", umask, policy) + directory.encode())

    def start(self, argv, **options):
        self.hello = hello(self.expect(HELLO))
        self.define(argv, **options)
        self.expect(PREPARED)
        self.send(START)

    def finish(self):
        """Reads until REPORT."""
        run = Run()
        while run.report is None:
            run.take(*self.receive())
        return run

    def run(self, argv, stdin=b"", **options):
        self.start(argv, **options)
        if stdin:
            self.send(STDIN_DATA, stdin)
        self.send(STDIN_END)
        return self.finish()

    def python(self, code, *arguments, **options):
        return self.run(["/usr/bin/python3", "-E", "-s", "-B", "-u", "-c", code, *arguments], **options)


def hello(payload):
    keys = ("version", "uid", "gid", "dumpable", "no_new_privileges", "seccomp_mode", "capabilities", "boottime_ms")
    return dict(zip(keys, struct.unpack("<6I2Q", payload)))


class Run:
    """What the frames said of one job."""

    def __init__(self):
        self.stdout = self.stderr = b""
        self.notices, self.limit, self.ended, self.report = [], None, None, None
        self.artifacts, self.omitted, self.sizes, self.taken, self.started = {}, {}, {}, 0, False

    def take(self, kind, payload):
        if kind == STDOUT:
            self.stdout += payload
        elif kind == STDERR:
            self.stderr += payload
        elif kind == NOTICE:
            self.notices.append(payload)
        elif kind == OUTPUT_LIMIT:
            self.limit = struct.unpack("<I", payload)[0]
        elif kind == STDIN_TAKEN:
            self.taken += struct.unpack("<I", payload)[0]
        elif kind == ENDED:
            keys = ("end", "exit_code", "signal", "sigsys", "duration_ms", "cpu_ms", "stdout_bytes", "stderr_bytes", "largest",
                    "work_full", "tmp_full")
            self.ended = dict(zip(keys, struct.unpack("<4I5Q2I", payload)))
        elif kind == ARTIFACT:
            self.current = payload[8:]
            self.sizes[self.current] = struct.unpack("<Q", payload[:8])[0]
            self.artifacts[self.current] = b""
        elif kind == ARTIFACT_DATA:
            self.artifacts[self.current] += payload
        elif kind == ARTIFACT_OMITTED:
            path, reason = payload.split(b"\0", 1)
            self.omitted[path] = reason.decode()
        elif kind == REPORT:
            self.report = struct.unpack("<II", payload)
        elif kind == STARTED:
            self.started = True
        else:
            raise AssertionError(f"unexpected frame {kind} {payload!r}")
        assert self.ended is None or kind in (ENDED, ARTIFACT, ARTIFACT_DATA, ARTIFACT_OMITTED, REPORT), f"frame {kind} after ENDED"


def boottime_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


def missing():
    """Why these tests cannot run here; None: they can."""
    try:
        engine("GET", f"/images/{IMAGE}/json")
    except OSError as error:
        return f"no Docker engine at {ENGINE}: {error}"
    except RuntimeError as error:
        return str(error)
    return None


def run_one(test):
    print(f"[ RUN      ] {test.__name__}", flush=True)
    try:
        test()
    except Exception as error:  # a failure is told and the others still run
        traceback.print_exc(file=sys.stdout)
        print(f"[  FAILED  ] {test.__name__}: {error}", flush=True)
        return False
    print(f"[       OK ] {test.__name__}", flush=True)
    return True


def main(names):
    """Runs the test functions among `names`, or those that the command line names; returns the exit status."""
    tests = [test for name, test in names.items() if name.startswith("test_") and (not sys.argv[1:] or name in sys.argv[1:])]
    reason = missing()
    if reason:
        print(f"SKIPPED: {reason}\n0 passed, 0 failed, {len(tests)} skipped")
        return 0
    failed = sum(not run_one(test) for test in tests)
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
