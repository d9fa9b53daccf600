#!/usr/bin/python3
"""brig-dispatcher as a program, on real Redis and on real Kafka and the embedded broker: what it admits, refuses, settles, commits; what it
says and does when it, Redis or Kafka is away. Results are written as a worker would write them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from devbroker import DevBroker  # noqa: E402
from kafka_server import KafkaServer  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from server import Unavailable, free_port  # noqa: E402

BIN = os.environ.get("BRIG_TEST_BIN_DIR", os.path.join(ROOT, "build", "dev", "bin"))
PROGRAM = os.path.join(BIN, "brig-dispatcher")
PATIENCE = 60


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def job_id(number):
    return f"00000000-0000-4000-8000-{number:012}"


def job(number, agent="ada", **more):
    return {"job_id": job_id(number), "agent_id": agent, "language": "python", "code": "print(1)", **more}


class Dispatcher:
    def __init__(self, directory, kafka, redis, **settings):
        self.log = os.path.join(directory, f"dispatcher-{time.monotonic_ns()}.log")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BRIG_")}
        environment.update(BRIG_KAFKA_BOOTSTRAP_SERVERS=kafka, BRIG_REDIS_URL=redis, BRIG_DISPATCHER_ID="one", BRIG_KAFKA_PARTITIONS="2", **settings)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([PROGRAM], env=environment, stderr=log)

    def lines(self):
        with open(self.log) as log:
            return [json.loads(line) for line in log if line.endswith("\n")]

    def said(self, text):
        return [line for line in self.lines() if text in line["message"]]

    def ready(self):
        wait_for("READY", lambda: self.said("READY"))
        return self

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Cell:
    """A broker, a Redis, and what a client and a worker would do."""

    def __init__(self, directory, kafka, redis):
        self.directory, self.kafka, self.redis = directory, kafka, redis

    @contextlib.contextmanager
    def dispatcher(self, **settings):
        program = Dispatcher(self.directory, self.kafka.address, self.redis.url, **settings)
        try:
            yield program.ready()
        finally:
            if program.process.poll() is None:
                program.end(signal.SIGKILL)

    def produce(self, topic, key, value, partition=None, headers=()):
        command = ["kcat", "-b", self.kafka.address, "-P", "-t", f"brig.{topic}", "-k", key, "-D", "\x01"]
        command += ["-p", str(partition)] if partition is not None else ["-X", "partitioner=murmur2_random"]
        for name, text in headers:
            command += ["-H", f"{name}={text}"]
        text = value if isinstance(value, str) else json.dumps(value)
        subprocess.run(command, input=text.encode(), check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def records(self, topic):
        form = '{"partition":%p,"offset":%o,"headers":"%h","value":%s}\n' if topic != "dlq" else '{"headers":"%h","size":%S}\n'
        done = subprocess.run(["kcat", "-b", self.kafka.address, "-C", "-t", f"brig.{topic}", "-e", "-q", "-o", "beginning", "-f", form],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.redis.port), *words], stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout.decode()

    def job_keys(self):
        return {key.split(":job:")[1] for key in self.ask("keys", "{brig}:job:*").split()}

    def waits(self, number, agent="ada"):
        return f"{job_id(number)}:{agent}" in self.job_keys()

    def place(self, number, agent="ada"):
        key = "{brig}:job:" + f"{job_id(number)}:{agent}"
        words = self.ask("hmget", key, "partition", "offset").split()
        return int(words[0]), int(words[1])

    def finish(self, number, agent="ada", status="succeeded"):
        """As a worker that has run it; the settlement ends what Redis holds of it."""
        partition, offset = self.place(number, agent)
        result = {"job_id": job_id(number), "agent_id": agent, "status": status, "termination": {"cause": "exit", "code": int(status != "succeeded")},
                  "stdout": "", "stderr": "", "stdout_bytes": 0, "stderr_bytes": 0, "truncated": False, "duration_ms": 5, "queued_ms": 5,
                  "cpu_ms": 5, "peak_memory_bytes": 1, "risk_level": "medium", "findings": [], "violations": [], "artifacts": [],
                  "attempt": 1, "fence": 1, "limits_hit": [], "artifacts_omitted": {"count": 0, "first": []}, "phase": "run"}
        headers = [("job_id", job_id(number)), ("fence", 1), ("attempt", 1), ("req_partition", partition), ("req_offset", offset)]
        self.produce("results", agent, result, partition, headers)

    def trust(self, agent="ada"):
        return self.ask("hget", "{brig}:agent:" + agent, "trust").strip()


def test_a_job_is_claimable_and_a_bad_one_is_answered_and_kept(cell):
    with cell.dispatcher():
        cell.produce("jobs", "ada", job(1))
        cell.produce("jobs", "ada", {**job(2), "langauge": "python"})
        cell.produce("jobs", "ada", "{no json")
        wait_for("the job in Redis", lambda: cell.waits(1))
        result = wait_for("the rejected result", lambda: cell.records("results"))[0]
        assert result["value"]["rejection"]["nearest"] == "language", result
        assert f"job_id={job_id(2)}" in result["headers"] and "req_offset=" in result["headers"], result
        wait_for("both dead letters", lambda: len(cell.records("dlq")) == 2)


def test_results_are_settled_and_the_next_dispatcher_goes_on_behind_them(cell):
    with cell.dispatcher() as first:
        for number in (11, 12):
            cell.produce("jobs", "bob", job(number, "bob"))
            wait_for("the job", lambda: cell.waits(number, "bob"))
        place = cell.place(12, "bob")
        cell.finish(11, "bob")
        cell.finish(12, "bob", "failed")
        wait_for("trust 450", lambda: cell.trust("bob") == "450")
        wait_for("a snapshot", lambda: [r for r in cell.records("agents") if r["value"]["agent"] == "bob" and r["value"]["trust"] == 450])
        assert first.end(signal.SIGTERM) == 0
    with cell.dispatcher() as second:
        taken = wait_for("the take-over", lambda: [l for l in second.said("taken over") if l["partition"] == place[0]])
        assert taken[-1]["offset"] == place[1] + 1 and taken[-1]["replay_from"] > 0, taken
        assert cell.trust("bob") == "450"


def test_kill_9_loses_no_job_and_settles_none_twice(cell):
    numbers = range(100, 140)
    with cell.dispatcher() as first:
        for number in numbers[:20]:
            cell.produce("jobs", "eve", job(number, "eve"))
        wait_for("a job", lambda: cell.waits(numbers[0], "eve"))
        cell.finish(numbers[0], "eve")
        first.end(signal.SIGKILL)
    for number in numbers[20:]:
        cell.produce("jobs", "eve", job(number, "eve"))
    with cell.dispatcher():
        wait_for("every job", lambda: all(cell.waits(n, "eve") for n in numbers[1:]))
        wait_for("the settlement", lambda: cell.trust("eve") == "550")
        assert not cell.waits(numbers[0], "eve")
        for number in numbers[1:]:
            cell.finish(number, "eve", "failed")
        wait_for("the end of every job", lambda: not [k for k in cell.job_keys() if k.endswith(":eve")])


def test_a_redis_that_lost_everything_is_restored(cell):
    with cell.dispatcher() as dispatcher:
        cell.produce("jobs", "kim", job(200, "kim"))
        cell.produce("jobs", "kim", job(201, "kim"))
        wait_for("the jobs", lambda: cell.waits(200, "kim") and cell.waits(201, "kim"))
        cell.finish(200, "kim", "failed")
        wait_for("a snapshot", lambda: [r for r in cell.records("agents") if r["value"]["agent"] == "kim"])
        assert cell.redis.flush()
        wait_for("the restoration", lambda: dispatcher.said("was restored"))
        wait_for("the job again", lambda: cell.waits(201, "kim"))
        assert cell.trust("kim") == "400" and not cell.waits(200, "kim")
        assert [r for r in cell.records("alerts") if r["value"]["alert"] == "redis.restored"]
        cell.finish(201, "kim")
        wait_for("the end", lambda: not cell.waits(201, "kim"))


def test_cancelling_is_answered_and_ends_the_job(cell):
    with cell.dispatcher():
        cell.produce("jobs", "lee", job(300, "lee", metadata={"n": 7}))
        wait_for("the job", lambda: cell.waits(300, "lee"))
        cell.produce("control", "lee", {"type": "cancel", "request_id": job_id(9), "agent_id": "lee", "job_id": job_id(300)})
        wait_for("the reply", lambda: [r for r in cell.records("control") if r["value"].get("outcome") == "cancelled"])
        result = wait_for("the result", lambda: [r for r in cell.records("results") if r["value"]["job_id"] == job_id(300)])[0]
        assert result["value"]["status"] == "cancelled" and result["value"]["metadata"] == {"n": 7}, result
        wait_for("the end", lambda: not cell.waits(300, "lee"))


def test_redis_away_and_back(cell):
    with cell.dispatcher() as dispatcher:
        cell.redis.kill()
        wait_for("a line that names it", lambda: [l for l in dispatcher.said("Redis is away") if str(cell.redis.port) in l["detail"]])
        cell.produce("jobs", "ian", job(400, "ian"))
        cell.redis.start()
        wait_for("the job", lambda: cell.waits(400, "ian"))


def test_settings_are_read_again_and_a_bad_file_changes_nothing(cell):
    config = os.path.join(cell.directory, "config")
    shutil.copytree(os.path.join(ROOT, "config"), config, dirs_exist_ok=True)
    path = os.path.join(config, "sandbox-config.yaml")
    with open(path) as file:
        text = file.read()
    with cell.dispatcher(BRIG_CONFIG=path) as dispatcher:
        dispatcher.process.send_signal(signal.SIGHUP)
        wait_for("the reading", lambda: dispatcher.said("were read again"))
        with open(path, "w") as file:
            file.write(text + "\nnonsense: 1\n")
        dispatcher.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: dispatcher.said("stays as it was"))
        assert dispatcher.process.poll() is None


def test_without_servers_it_says_so_in_5_s_and_recovers(directory, broker):
    redis_port, kafka_port = free_port(), free_port()
    program = Dispatcher(directory, f"127.0.0.1:{kafka_port}", f"redis://127.0.0.1:{redis_port}/0")
    try:
        began = time.monotonic()
        wait_for("Kafka's line", lambda: [l for l in program.said("Kafka does not answer") if str(kafka_port) in json.dumps(l)])
        wait_for("Redis's line", lambda: [l for l in program.said("Redis is away") if str(redis_port) in l["detail"]])
        print(f"    said after {time.monotonic() - began:.1f} s", flush=True)
        assert len(program.said("Kafka does not answer")) == 1
        assert program.process.poll() is None and program.end(signal.SIGTERM) == 0
    finally:
        if program.process.poll() is None:
            program.end(signal.SIGKILL)


def test_options(directory, broker):
    for option, text in (("--help", "--config FILE"), ("--version", "brig-dispatcher"), ("--check", "good")):
        done = subprocess.run([PROGRAM, option], stdout=subprocess.PIPE, timeout=PATIENCE)
        assert done.returncode == 0 and text in done.stdout.decode(), (option, done)
    assert subprocess.run([PROGRAM, "--nonsense"], stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode == 2
    environment = dict(os.environ, BRIG_KAFKA_NONSENSES="1", BRIG_REDIS_URLL="x")
    assert subprocess.run([PROGRAM, "--check"], env=environment, stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode == 1


IN_A_CELL = [test_a_job_is_claimable_and_a_bad_one_is_answered_and_kept, test_results_are_settled_and_the_next_dispatcher_goes_on_behind_them,
             test_kill_9_loses_no_job_and_settles_none_twice, test_a_redis_that_lost_everything_is_restored,
             test_cancelling_is_answered_and_ends_the_job, test_redis_away_and_back, test_settings_are_read_again_and_a_bad_file_changes_nothing]
ALONE = [test_without_servers_it_says_so_in_5_s_and_recovers, test_options]


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, name, test, *arguments):
        began = time.monotonic()
        try:
            test(*arguments)
            self.passed += 1
            print(f"ok     {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:  # noqa: BLE001: a test that fails in any way is a failed test
            self.failed += 1
            print(f"FAILED {name}", flush=True)
            traceback.print_exc()

    def run_in_cell(self, make_broker, kind):
        with tempfile.TemporaryDirectory(prefix="brig-dispatcher-") as directory:
            try:
                with make_broker(os.path.join(directory, "broker")) as kafka, RedisServer(os.path.join(directory, "redis"), appendonly=True) as redis:
                    for test in IN_A_CELL:
                        self.run(f"{kind}: {test.__name__}", test, Cell(directory, kafka, redis))
            except Unavailable as why:
                self.skipped += len(IN_A_CELL)
                print(f"SKIPPED {kind}: {why}", flush=True)


def main():
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="brig-dispatcher-") as directory:
        for test in ALONE:
            tally.run(test.__name__, test, directory, None)
    tally.run_in_cell(lambda directory: DevBroker(directory, partitions=2), "embedded broker")
    tally.run_in_cell(KafkaServer, "Kafka")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
