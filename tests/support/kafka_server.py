"""Apache Kafka for tests, from its published jars: one KRaft node on 127.0.0.1, its data in a directory of its own.

    with KafkaServer(directory) as kafka:
        … kafka.address …
        kafka.kill(); kafka.start()     # kill -9, and again on the same port with the same data

Command line: `python3 kafka_server.py start|stop|kill|restart --dir D`; start prints the address. Exit 77 and a line
beginning with SKIPPED when Java, Maven or the jars cannot be had.

The jars are fetched once, by Maven, into $XDG_CACHE_HOME/brig-tests (else ~/.cache/brig-tests), about 45 MB. The first
start also writes a class archive there, which makes later ones twice as fast. BRIG_TEST_KAFKA_VERSION chooses another version.
"""

import contextlib
import fcntl
import glob
import os
import shutil
import socket
import struct
import subprocess

from server import Server, Unavailable, command_line, free_port

VERSION = os.environ.get("BRIG_TEST_KAFKA_VERSION", "3.9.2")
CLUSTER_ID = "YnJpZy10ZXN0cy1rYWZrYQ"

POM = f"""<project><modelVersion>4.0.0</modelVersion><groupId>brig</groupId><artifactId>kafka-jars</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
group.min.session.timeout.ms=500
"""


def cache_directory():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "brig-tests", f"kafka-{VERSION}")


@contextlib.contextmanager
def locked(directory):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def need(program):
    if not shutil.which(program):
        raise Unavailable(f"{program} is not installed; real Kafka needs it")


def fetch_jars(directory):
    """Maven writes beside the final place; the rename says that all jars are there."""
    need("mvn")
    partial = os.path.join(directory, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    with open(os.path.join(directory, "pom.xml"), "w") as pom:
        pom.write(POM)
    done = subprocess.run(["mvn", "-B", "-q", "-ntp", "dependency:copy-dependencies", f"-DoutputDirectory={partial}"],
                          cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if done.returncode != 0:
        raise Unavailable(f"Maven could not fetch Kafka {VERSION}: {done.stdout.decode(errors='replace').strip()[-300:]}")
    os.rename(partial, os.path.join(directory, "jars"))


def class_path():
    need("java")
    directory = cache_directory()
    with locked(directory):
        if not os.path.isdir(os.path.join(directory, "jars")):
            fetch_jars(directory)
    return ":".join(sorted(glob.glob(os.path.join(directory, "jars", "*.jar"))))


def answers_metadata(port):
    """One Metadata request, version 1, for no topic; true once the answer names a broker."""
    request = struct.pack(">hhih4si", 3, 1, 7, 4, b"brig", 0)
    try:
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=1)) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0


class KafkaServer(Server):
    name = "kafka"
    ready_seconds = 120

    def __init__(self, directory, properties=None):
        super().__init__(directory)
        self.properties = properties or {}
        self.class_path = class_path()

    def write_properties(self):
        text = PROPERTIES.format(port=self.port, controller_port=self.remembered("controller-port", free_port), directory=self.directory)
        with open(self.path("properties"), "w") as file:
            file.write(text + "".join(f"{key}={value}\n" for key, value in self.properties.items()))

    def java(self, *arguments):
        return ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *arguments]

    def prepare(self):
        self.write_properties()
        if not os.path.exists(os.path.join(self.directory, "data", "meta.properties")):
            subprocess.run(self.java("-cp", self.class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self.path("properties")),
                           check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return self.java(*self.archive_options(), "-cp", self.class_path, "kafka.Kafka", self.path("properties"))

    def archive_options(self):
        """The archive is written when the first server to run ends in order; others must not write it meanwhile."""
        archive = os.path.join(cache_directory(), "classes.jsa")
        if os.path.exists(archive):
            return [f"-XX:SharedArchiveFile={archive}"]
        with contextlib.suppress(FileExistsError):
            with open(os.path.join(cache_directory(), "classes.claimed"), "x"):
                return [f"-XX:ArchiveClassesAtExit={archive}"]
        return []

    def answers(self):
        return answers_metadata(self.port)


if __name__ == "__main__":
    command_line(lambda arguments: KafkaServer(arguments.dir), __doc__.splitlines()[0])
