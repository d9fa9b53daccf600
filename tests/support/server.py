"""A server process in a directory of its own, for tests: start, stop, kill -9, start again on the same port.

The process dies with the test that started it, unless started by `start(detached=True)`; then its pid and port lie in
the directory, and another process may stop it: that is what the command lines of the modules beside this one do.
"""

import argparse
import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import time


class Unavailable(Exception):
    """The server cannot be had on this machine: a test says SKIPPED, and why."""


def free_port():
    """A port of 127.0.0.1 below 32768, the first that connections are given: so no client takes it during a restart."""
    for _ in range(200):
        port = random.randint(20000, 32000)
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Unavailable("no free port between 20000 and 32000")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    name = None  # of the files in the directory, and in messages
    ready_seconds = 60

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.process = None

    # What each server says of itself.
    def command(self):
        raise NotImplementedError

    def prepare(self):
        """Before every start: files, formatting."""

    def answers(self):
        raise NotImplementedError

    def path(self, suffix):
        return os.path.join(self.directory, f"{self.name}.{suffix}")

    def remembered(self, suffix, make):
        """The number in the file, made and written when there is none."""
        if os.path.exists(self.path(suffix)):
            with open(self.path(suffix)) as file:
                return int(file.read())
        number = make()
        self.remember(suffix, number)
        return number

    def remember(self, suffix, number):
        with open(self.path(suffix), "w") as file:
            file.write(f"{number}\n")

    @property
    def port(self):
        return self.remembered("port", free_port)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, detached=False):
        """Returns the address once the server answers."""
        self.prepare()
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=detached, preexec_fn=None if detached else die_with_parent)
        self.remember("pid", self.process.pid)
        self.wait_until_ready()
        return self.address

    def wait_until_ready(self):
        deadline = time.monotonic() + self.ready_seconds
        while not self.answers():
            if not self.alive():
                raise RuntimeError(f"{self.name} ended at once; its log: {self.path('log')}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not answer in {self.ready_seconds} s; its log: {self.path('log')}")
            time.sleep(0.05)

    def log_tail(self):
        with open(self.path("log"), errors="replace") as log:
            return "".join(log.readlines()[-15:])

    @property
    def pid(self):
        return self.remembered("pid", lambda: 0)

    def alive(self):
        if self.process:
            return self.process.poll() is None
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        return False

    def stop(self):
        """SIGTERM, and SIGKILL after 20 s."""
        self.end(signal.SIGTERM)

    def kill(self):
        self.end(signal.SIGKILL)

    def end(self, number):
        for attempt in (number, signal.SIGKILL):
            if self.pid and self.alive():
                os.kill(self.pid, attempt)
                self.wait_until_dead(20)
        self.process = None
        self.remember("pid", 0)

    def wait_until_dead(self, seconds):
        deadline = time.monotonic() + seconds
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.02)

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def command_line(make, description, add_options=lambda parser: None):
    """`start --dir D` prints the address; `stop`, `kill`, `restart --dir D` act on what runs there. Exit 77: unavailable."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("action", choices=["start", "stop", "kill", "restart"])
    parser.add_argument("--dir", required=True)
    add_options(parser)
    arguments = parser.parse_args()
    try:
        server = make(arguments)
        if arguments.action in ("stop", "restart"):
            server.stop()
        if arguments.action == "kill":
            server.kill()
        if arguments.action in ("start", "restart"):
            print(server.start(detached=True), flush=True)
    except Unavailable as reason:
        print(f"SKIPPED: {reason}", flush=True)
        raise SystemExit(77)
