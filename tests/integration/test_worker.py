#!/usr/bin/python3
"""The worker as a process: what it says when parts are away, how it recovers, reloads, keeps logs and leaves."""

import glob
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cell import BIN, Cell, Program, ROOT, need_programs  # noqa: E402
from script import run_tests  # noqa: E402
from server import free_port  # noqa: E402

SECONDS = 30  # for what takes a tenth of that on an idle machine


def run(*arguments, **environment):
    need_programs("brig-worker")
    return subprocess.run([str(BIN / "brig-worker"), *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)


def wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def test_version_help_and_check_start_nothing():
    assert run("--version").stdout.startswith(b"brig-worker ")
    assert b"--config FILE" in run("--help").stdout
    checked = run("--check", "--config", str(ROOT / "config" / "sandbox-config.yaml"))
    assert checked.returncode == 0, checked.stderr


def test_wrong_use_and_wrong_configuration_are_refused():
    assert run("--nonsense").returncode == 2
    assert run("something").returncode == 2
    misspelt = run("--check", BRIG_WORKER_SLOTZ="3")
    assert misspelt.returncode == 1 and b"BRIG_WORKER_SLOTS" in misspelt.stderr, misspelt.stderr


def test_what_is_away_is_named_with_its_address_and_sigterm_ends_it():
    need_programs("brig-worker", "brig-init")
    ports = [free_port(), free_port()]
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "BRIG_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports[0]}",
                       "BRIG_REDIS_URL": f"redis://127.0.0.1:{ports[1]}/0", "BRIG_DOCKER_HOST": f"unix://{directory}/no.sock", "BRIG_WORKER_RUNTIME_DIRECTORY": f"{directory}/run"}
        worker = Program("worker", [str(BIN / "brig-worker")], environment, directory)
        for address, remedy in ((f"127.0.0.1:{ports[0]}", "kafka.bootstrap_servers"), (f"127.0.0.1:{ports[1]}", "redis.url"),
                                ("no.sock", "docker.host")):
            def lines(address=address, remedy=remedy):
                return [l for l in worker.lines() if address in l.get("detail", "") and remedy in l["detail"]]
            wait_until(lines, worker.tail)
            assert len(lines()) == 1, worker.tail()
        assert worker.stop() == 0, worker.tail(60)


class Notified:
    """A service manager's socket."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def messages(self):
        got = []
        try:
            while True:
                got.append(self.socket.recv(256))
        except BlockingIOError:
            return got


def test_parts_that_come_late_make_it_ready_and_a_loss_is_over_by_itself():
    with Cell(settings={"BRIG_JOBS_LEASE": "6s"}) as cell:
        notified = Notified(cell.directory)
        cell.redis.kill()
        worker = cell.start("brig-worker", "w1", {"BRIG_WORKER_NAME": cell.worker_name("w1"), "NOTIFY_SOCKET": notified.path})
        wait_until(lambda: worker.has_said("no Redis; trying again until it is there"), worker.tail)
        assert not worker.has_said("READY") and not notified.messages()
        cell.redis.start()
        worker.wait_ready()
        assert notified.messages() == [b"READY=1"]
        cell.start_dispatcher("d1").wait_ready()
        cell.kafka.kill()
        wait_until(lambda: any(l.get("part") == "Kafka" for l in worker.lines()), worker.tail)
        cell.kafka.start()
        wait_until(lambda: any(l.get("part") == "Kafka" and l["message"] == "works again" for l in worker.lines()), worker.tail)
        cell.submit("agent", code="print('back')")
        cell.flush()
        (record,) = cell.wait_for_results(1, 120).values()
        assert record.value["stdout"] == "back\n", record.value
        assert len([l for l in worker.lines() if l.get("message") == "READY"]) == 1
        assert worker.stop() == 0, worker.tail(60)
        assert not cell.leftovers(), cell.leftovers()


SUMMARY = re.compile(r"""=================================
Execution Summary
=================================
Agent ID: an/agent
Risk Level: medium
Language: python
Code File: main\.py
Exit Code: 0
Duration: \d+s
Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d
=================================
$""")


def test_execution_logs_reload_and_result_fields():
    with Cell(settings={"BRIG_WORKER_EXECUTION_LOGS": "true"}) as cell:
        cell.start_dispatcher("d1").wait_ready()
        worker = cell.start_worker("w1").wait_ready()
        cell.submit("an/agent", code="print('x' * 10)")
        cell.flush()
        (record,) = cell.wait_for_results(1, 120).values()
        check_record(record, cell)
        wait_until(lambda: glob.glob(f"{cell.directory}/logs/medium-risk_*.log"), worker.tail)
        (path,) = glob.glob(f"{cell.directory}/logs/medium-risk_*.log")
        wait_until(lambda: os.path.getsize(path) > 0, worker.tail)
        text = open(path).read()
        assert text.startswith("xxxxxxxxxx\n=====") and SUMMARY.search(text), text
        reload_limits(cell, worker)
        assert worker.stop() == 0, worker.tail(60)


def check_record(record, cell):
    value = record.value
    assert value["worker"] == cell.worker_name("w1") and value["attempt"] == 1 and value["risk_level"] == "medium"
    assert value["queued_ms"] >= 0 and value["started_at"] and value["finished_at"] and value["image"].startswith("sha256:")
    assert value["limits"]["user"] == "65534:65534" and value["limits"]["memory_bytes"] == 256 << 20, value["limits"]


def reload_limits(cell, worker):
    profile = os.path.join(cell.config, "profiles", "medium.yaml")
    text = open(profile).read()
    open(profile, "w").write("nonsense: 1\n" + text)
    worker.process.send_signal(signal.SIGHUP)
    wait_until(lambda: worker.has_said("configuration not reloaded"), worker.tail)
    open(profile, "w").write(text.replace("memory: 256m", "memory: 128m"))
    worker.process.send_signal(signal.SIGHUP)
    wait_until(lambda: worker.has_said("limits reloaded"), worker.tail)
    job = cell.submit("another", code="print(1)")
    cell.flush()
    record = cell.wait_for_results(2, 120)[("another", job)]
    assert record.value["limits"]["memory_bytes"] == 128 << 20, json.dumps(record.value["limits"])


def test_a_cancelled_job_ends_and_its_output_so_far_is_there():
    with Cell() as cell:
        cell.start_dispatcher("d1").wait_ready()
        worker = cell.start_worker("w1").wait_ready()
        job = cell.submit("agent", code="import time\nprint('begun', flush=True)\ntime.sleep(60)")
        cell.flush()
        cell.wait_leased(1)
        time.sleep(2)  # the program prints meanwhile
        request = {"type": "cancel", "request_id": "1", "agent_id": "agent", "job_id": job}
        cell.producer.produce("brig.control", key=b"agent", value=json.dumps(request).encode())
        cell.flush()
        (record,) = cell.wait_for_results(1, 60).values()
        assert record.value["status"] == "cancelled" and record.value["stdout"] == "begun\n", record.value
        assert worker.stop() == 0, worker.tail(60)
        assert not cell.leftovers(), cell.leftovers()


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
