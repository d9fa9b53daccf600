#!/usr/bin/python3
"""brig beside `docker run`, in one run and alternating, the same Python line in the same image.

  beside_docker_run.py [--rounds N] [--jobs N]

Prints p50 and p99 of one job at a time (docker run, brig run cold, through Kafka and a warm slot), then jobs a second of `docker run`
four at a time and of the whole queue. Read the ratios: absolute figures are of this machine, now. Needs BRIG_TEST_BIN_DIR or build/release/bin.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/release/bin"))
sys.path.insert(0, str(ROOT / "tests/support"))

from kafka_server import KafkaServer  # noqa: E402
from redis_server import RedisServer  # noqa: E402

LINE = 'print("hi")'
IMAGE = "brig/python"


class Queue:
    """A dispatcher and a worker on real Kafka and Redis, and a client that keeps its connections as an agent would."""

    def __init__(self, directory, slots):
        self.kafka, self.redis = KafkaServer(directory + "/kafka"), RedisServer(directory + "/redis")
        self.kafka.start(), self.redis.start()
        environment = dict(os.environ, BRIG_KAFKA_BOOTSTRAP_SERVERS=self.kafka.address, BRIG_REDIS_URL=self.redis.url,
                           BRIG_LOGS_DIRECTORY=directory + "/log", BRIG_WORKER_SLOTS=str(slots), BRIG_WORKER_WARM=str(slots),
                           BRIG_RATES_MEDIUM_EXECUTIONS_PER_HOUR="1000000", BRIG_RATES_MEDIUM_CPU_PER_HOUR="100h",
                           BRIG_RATES_LOW_EXECUTIONS_PER_HOUR="1000000", BRIG_RATES_LOW_CPU_PER_HOUR="100h",
                           BRIG_RATES_GLOBAL_EXECUTIONS_PER_HOUR="1000000")
        self.programs = []
        for name in ("brig-dispatcher", "brig-worker"):
            log = open(f"{directory}/{name}.log", "w+")
            self.programs.append((subprocess.Popen([str(BIN / name)], env=environment, stdin=subprocess.DEVNULL, stderr=log), log))
            self.await_ready(*self.programs[-1])
        self.producer = Producer({"bootstrap.servers": self.kafka.address, "linger.ms": 0, "socket.nagle.disable": True})
        self.consumer = Consumer({"bootstrap.servers": self.kafka.address, "group.id": "bench", "fetch.wait.max.ms": 10})
        partitions = self.consumer.list_topics("brig.results", timeout=10).topics["brig.results"].partitions
        self.consumer.assign([TopicPartition("brig.results", p, 0) for p in partitions])
        self.consumer.poll(1)

    @staticmethod
    def await_ready(process, log):
        for _ in range(600):
            log.seek(0)
            if '"message":"READY"' in log.read():
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        log.seek(0)
        sys.exit("bench: a program did not become ready:\n" + log.read())

    def submit(self, agent):
        job_id = str(uuid.uuid4())
        job = {"job_id": job_id, "agent_id": agent, "language": "python", "code": LINE, "risk_level": "medium"}
        self.producer.produce("brig.jobs", json.dumps(job), agent)
        self.producer.poll(0)
        return job_id

    def results(self, wanted, seconds=120):
        end = time.monotonic() + seconds
        while wanted and time.monotonic() < end:
            record = self.consumer.poll(0.1)
            if record is None or record.error():
                continue
            result = json.loads(record.value())
            if result["job_id"] in wanted:
                wanted.discard(result["job_id"])
                if result["status"] != "succeeded":
                    sys.exit("bench: " + json.dumps(result)[:600])
        if wanted:
            sys.exit(f"bench: {len(wanted)} results missing")

    def one(self):
        began = time.monotonic()
        self.results({self.submit("bench")})
        return time.monotonic() - began

    def many(self, count):
        began = time.monotonic()
        self.results({self.submit(f"bench-{n % 10}") for n in range(count)}, 600)
        return count / (time.monotonic() - began)

    def memory(self):
        for process, _ in self.programs:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
            yield pathlib.Path(process.args[0]).name, int(rss) / 1024

    def close(self):
        for process, _ in reversed(self.programs):
            process.terminate()
            process.wait(60)
        self.consumer.close()
        self.redis.stop(), self.kafka.stop()


def docker_run():
    began = time.monotonic()
    subprocess.run(["docker", "run", "--rm", IMAGE, "python3", "-c", LINE], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def brig_run(directory):
    began = time.monotonic()
    subprocess.run([str(BIN / "brig"), "run", "--language", "python", "--code", "-"], input=LINE.encode(), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, BRIG_LOGS_DIRECTORY=directory))
    return time.monotonic() - began


def line(name, seconds, base):
    p50, p99 = statistics.median(seconds), sorted(seconds)[int(len(seconds) * 0.99)]
    print(f"{name:34} p50 {p50 * 1000:7.1f} ms   p99 {p99 * 1000:7.1f} ms   {statistics.median(base) / p50:5.1f} x faster than docker run")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--jobs", type=int, default=150)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        queue = Queue(directory, 4)
        for _ in range(5):
            queue.one(), docker_run(), brig_run(directory)
        times = {"docker run": [], "brig run, cold": [], "Kafka to Kafka, warm slot": []}
        for _ in range(options.rounds):
            times["docker run"].append(docker_run())
            times["brig run, cold"].append(brig_run(directory))
            time.sleep(0.3)  # the slot that served is replaced meanwhile: half load
            times["Kafka to Kafka, warm slot"].append(queue.one())
        for name, seconds in times.items():
            line(name, seconds, times["docker run"])
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: docker_run(), range(options.jobs // 3)))
        loop = options.jobs // 3 / (time.monotonic() - began)
        rate = queue.many(options.jobs)
        print(f"docker run, four at a time         {loop:.1f} jobs/s\nthe whole queue                    {rate:.1f} jobs/s   {rate / loop:.1f} x")
        for name, megabytes in queue.memory():
            print(f"{name:34} {megabytes:.1f} MB resident after the load")
        queue.close()


main()
