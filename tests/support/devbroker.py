"""brig-devbroker for tests: the embedded broker, for fast tests only (see its --help). What it held is gone when it stops.

    with DevBroker(directory) as broker:
        … broker.address …

Command line: `python3 devbroker.py start|stop|kill --dir D [--partitions N] [--program FILE]`; start prints the address.
The program is $BRIG_TEST_BIN_DIR/brig-devbroker, else build/dev/bin/brig-devbroker. Its port is another one at every start.
"""

import os

from server import Server, Unavailable, command_line

BUILT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "dev", "bin")


class DevBroker(Server):
    name = "devbroker"
    ready_seconds = 20

    def __init__(self, directory, partitions=4, program=None):
        super().__init__(directory)
        self.partitions = partitions
        self.program = program or os.path.join(os.environ.get("BRIG_TEST_BIN_DIR", BUILT), "brig-devbroker")
        if not os.access(self.program, os.X_OK):
            raise Unavailable(f"{self.program} is not built")

    def prepare(self):
        if os.path.exists(self.path("address")):
            os.unlink(self.path("address"))

    def command(self):
        return [os.path.abspath(self.program), "--partitions", str(self.partitions), "--port-file", self.path("address")]

    def answers(self):
        return os.path.exists(self.path("address"))

    @property
    def address(self):
        with open(self.path("address")) as file:
            return file.read().strip()

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])


def add_options(parser):
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--program")


if __name__ == "__main__":
    command_line(lambda arguments: DevBroker(arguments.dir, arguments.partitions, arguments.program), __doc__.splitlines()[0], add_options)
