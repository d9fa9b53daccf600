"""A cell of brig for tests: real Kafka and Redis of its own, dispatchers and workers as processes, all of it below one directory.

    with Cell() as cell:
        cell.start_dispatcher("d1"); cell.start_worker("w1", slots=4)
        cell.submit(agent, code="print(1)")
        cell.wait_for_results(1)

The programs are those of $BRIG_TEST_BIN_DIR, else build/dev/bin. `Unavailable` is raised for what this machine lacks.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from kafka_server import KafkaServer
from redis_server import RedisServer
from server import Unavailable, die_with_parent

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build" / "dev" / "bin")).resolve()
IMAGES = [image for image in (os.environ.get("BRIG_TEST_IMAGE"), "brig/python", "t/python") if image]

Record = collections.namedtuple("Record", "partition offset headers value")


def docker(*arguments):
    return subprocess.run(["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60).stdout.decode().split()


def find_image():
    """An image with Python that the engine has already."""
    if not shutil.which("docker"):
        raise Unavailable("docker is not installed")
    if not docker("version", "--format", "{{.Server.Version}}"):
        raise Unavailable("no Docker engine answers")
    for image in IMAGES:
        if docker("image", "inspect", "--format", "{{.Id}}", image):
            return image
    raise Unavailable(f"none of the images {', '.join(IMAGES)} is here; deploy/images/make-image python makes the first")


def need_programs(*names):
    for name in names:
        if not os.access(BIN / name, os.X_OK):
            raise Unavailable(f"{BIN / name} is not built")


class Program:
    """One process of brig; its log lies in a file, one JSON object a line."""

    def __init__(self, name, arguments, environment, directory):
        self.name = name
        self.path = os.path.join(directory, f"{name}.log")
        self.seen = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        with open(self.path, "ab") as log:
            self.process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)

    def lines(self):
        """What this process has logged."""
        with open(self.path, errors="replace") as log:
            log.seek(self.seen)
            for line in log:
                try:
                    yield json.loads(line)
                except ValueError:
                    yield {"message": line.rstrip()}

    def has_said(self, message):
        return any(line.get("message") == message for line in self.lines())

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while not self.has_said("READY"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} is not ready; its log ends with:\n{self.tail()}")
            time.sleep(0.05)
        return self

    def tail(self, lines=15):
        with open(self.path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not leave within {seconds} s of SIGTERM; its log ends with:\n{self.tail()}") from None


class Cell:
    def __init__(self, partitions=4, settings=None):
        if not confluent_kafka:
            raise Unavailable("python3-confluent-kafka is not installed")
        need_programs("brig-dispatcher", "brig-worker", "brig-init", "brig-attack")
        self.image = find_image()
        self.partitions = partitions
        self.directory = tempfile.mkdtemp(prefix="brig-cell-")
        self.runtime = tempfile.mkdtemp(prefix="brig-cell-", dir="/run")
        os.chmod(self.runtime, 0o755)
        self.tag = os.path.basename(self.runtime)
        self.settings = settings or {}
        self.programs = {}
        self.records = []
        self.instances = set()  # names of the workers' folders, which their control groups carry
        self.producer = self.consumer = None
        self.kafka = KafkaServer(os.path.join(self.directory, "kafka"))
        self.redis = RedisServer(os.path.join(self.directory, "redis"))

    def __enter__(self):
        try:
            self.kafka.start()
            self.redis.start()
            self.write_config()
        except BaseException:
            self.__exit__()
            raise
        self.producer = confluent_kafka.Producer({"bootstrap.servers": self.kafka.address, "partitioner": "murmur2_random"})
        return self

    def __exit__(self, *_):
        for program in self.programs.values():
            if program.process.poll() is None:
                program.kill()
        self.remove_leftovers()
        if self.consumer:
            self.consumer.close()
        self.producer = self.consumer = None
        self.kafka.stop()
        self.redis.stop()
        if os.environ.get("BRIG_TEST_KEEP"):
            print(f"kept: {self.directory}", flush=True)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.runtime, ignore_errors=True)

    # Programs

    def write_config(self):
        self.config = os.path.join(self.directory, "config")
        shutil.copytree(ROOT / "config", self.config)
        path = os.path.join(self.config, "languages", "python.yaml")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(re.sub(r"(?m)^image:.*$", f"image: {self.image}", text))

    def environment(self, extra):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BRIG_")}
        return {**kept, "BRIG_KAFKA_BOOTSTRAP_SERVERS": self.kafka.address, "BRIG_KAFKA_PARTITIONS": str(self.partitions),
                "BRIG_REDIS_URL": self.redis.url, "BRIG_WORKER_RUNTIME_DIRECTORY": self.runtime,
                "BRIG_LOGS_DIRECTORY": os.path.join(self.directory, "logs"), **self.settings, **extra}

    def start(self, program, name, extra):
        arguments = [str(BIN / program), "--config", os.path.join(self.config, "sandbox-config.yaml")]
        self.programs[name] = Program(name, arguments, self.environment(extra), self.directory)
        return self.programs[name]

    def start_dispatcher(self, name):
        return self.start("brig-dispatcher", name, {"BRIG_DISPATCHER_ID": name})

    def worker_name(self, name):
        return f"{self.tag}-{name}"

    def start_worker(self, name, slots=4):
        return self.start("brig-worker", name, {"BRIG_WORKER_NAME": self.worker_name(name), "BRIG_WORKER_SLOTS": str(slots),
                                                "BRIG_WORKER_WARM": "1"})

    # Jobs and results

    def submit(self, agent, job_id=None, **fields):
        """Puts a job on the topic; its id."""
        job = {"job_id": job_id or str(uuid.uuid4()), "agent_id": agent, "language": "python", **fields}
        while True:
            try:
                self.producer.produce("brig.jobs", key=agent.encode(), value=json.dumps(job).encode())
                return job["job_id"]
            except BufferError:
                self.producer.poll(1)

    def flush(self):
        left = self.producer.flush(30)
        assert left == 0, f"{left} jobs could not be put on the topic"

    def open_consumer(self):
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.address, "group.id": "tests", "enable.auto.commit": False,
                                                  "auto.offset.reset": "earliest"})
        self.consumer.assign([confluent_kafka.TopicPartition("brig.results", p, 0) for p in range(self.partitions)])

    def read_results(self, seconds):
        """Adds what came to `records`."""
        if not self.consumer:
            self.open_consumer()
        self.instances.update(os.listdir(self.runtime))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.consumer.poll(min(left, 0.2))
            if message is None:
                return
            if message.error():
                continue
            headers = {name: value.decode() for name, value in message.headers() or []}
            self.records.append(Record(message.partition(), message.offset(), headers, json.loads(message.value())))

    def accepted(self):
        """The first record of each (agent, job)."""
        first = {}
        for record in sorted(self.records, key=lambda r: (r.partition, r.offset)):
            first.setdefault((record.value["agent_id"], record.value["job_id"]), record)
        return first

    def wait_for_results(self, count, seconds=300):
        deadline = time.monotonic() + seconds
        while len(self.accepted()) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.accepted())} of {count} jobs have a result after {seconds} s\n{self.tails()}")
            self.read_results(1)
        return self.accepted()

    def wait_leased(self, count, seconds=60):
        """Until so many jobs are at workers."""
        deadline = time.monotonic() + seconds
        while self.redis.ask("ZCARD {brig}:leases") != f":{count}\r\n".encode():
            assert time.monotonic() < deadline, self.tails()
            time.sleep(0.05)

    def tails(self):
        return "".join(f"--- {name}\n{program.tail()}" for name, program in self.programs.items())

    # What is left

    def offsets(self):
        """Partition: (committed, end) of brig.jobs for the dispatchers' group."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.address, "group.id": "brig-dispatcher"})
        wanted = [confluent_kafka.TopicPartition("brig.jobs", p) for p in range(self.partitions)]
        committed = {t.partition: t.offset for t in consumer.committed(wanted, timeout=20)}
        ends = {t.partition: consumer.get_watermark_offsets(t, timeout=20)[1] for t in wanted}
        consumer.close()
        return {p: (committed[p], ends[p]) for p in ends}

    def wait_committed(self, seconds=60):
        """Until every partition with jobs is committed to its end."""
        deadline = time.monotonic() + seconds
        while True:
            offsets = self.offsets()
            behind = {p: pair for p, pair in offsets.items() if pair[1] > 0 and pair[0] != pair[1]}
            if not behind:
                return offsets
            if time.monotonic() > deadline:
                raise AssertionError(f"partition: (committed, end) after {seconds} s: {behind}\n{self.tails()}")
            time.sleep(0.5)

    def containers(self):
        """Ids of the containers, running or not, of this cell's workers."""
        lines = docker("ps", "-a", "--no-trunc", "--format", '{{.ID}}={{.Label "brig.worker"}}')
        return [line.split("=")[0] for line in lines if line.split("=")[1].startswith(self.tag)]

    def remove_leftovers(self):
        """After a test that failed: the next one shall not suffer."""
        containers = self.containers()
        if containers:
            docker("rm", "-f", *containers)
        for name in os.listdir(self.runtime):
            subprocess.run(["umount", "-l", os.path.join(self.runtime, name)], stderr=subprocess.DEVNULL)

    def leftovers(self):
        """What the cell's workers left on this host: containers, control groups, folders for code, mounts."""
        groups = [path for path, _, _ in os.walk("/sys/fs/cgroup") if any(name in os.path.basename(path) for name in self.instances)]
        folders = [os.path.join(self.runtime, name) for name in os.listdir(self.runtime)]
        with open("/proc/mounts") as mounts:
            mounted = [line.split()[1] for line in mounts if self.tag in line]
        return [f"container {c}" for c in self.containers()] + [f"control group {g}" for g in groups] + \
               [f"folder {f}" for f in folders] + [f"mount {m}" for m in mounted]
