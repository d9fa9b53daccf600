"""Redis for tests: a server on 127.0.0.1, in a directory of its own, that never evicts.

    with RedisServer(directory, appendonly=True) as redis:
        … redis.address, redis.url …
        redis.flush(); redis.kill(); redis.start()

Command line: `python3 redis_server.py start|stop|kill|restart --dir D [--appendonly]`; start prints the address. Exit 77
and a line beginning with SKIPPED when redis-server is not installed.
"""

import contextlib
import shutil
import socket

from server import Server, Unavailable, command_line


class RedisServer(Server):
    name = "redis"
    ready_seconds = 20

    def __init__(self, directory, appendonly=False):
        super().__init__(directory)
        if not shutil.which("redis-server"):
            raise Unavailable("redis-server is not installed")
        self.appendonly = appendonly

    @property
    def url(self):
        return f"redis://{self.address}/0"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory, "--save", "",
                "--appendonly", "yes" if self.appendonly else "no", "--appendfsync", "always",
                "--maxmemory-policy", "noeviction", "--daemonize", "no"]

    def ask(self, line):
        """One inline command; the reply's first bytes, or nothing when the server is away."""
        with contextlib.suppress(OSError):
            with contextlib.closing(socket.create_connection(("127.0.0.1", self.port), timeout=5)) as connection:
                connection.sendall(line.encode() + b"\r\n")
                return connection.recv(4096)
        return b""

    def answers(self):
        return self.ask("PING") == b"+PONG\r\n"

    def flush(self):
        """Empties data and functions: to brig the same as a new server."""
        self.ask("FUNCTION FLUSH SYNC")
        return self.ask("FLUSHALL SYNC") == b"+OK\r\n"


def add_options(parser):
    parser.add_argument("--appendonly", action="store_true")


if __name__ == "__main__":
    command_line(lambda arguments: RedisServer(arguments.dir, arguments.appendonly), __doc__.splitlines()[0], add_options)
