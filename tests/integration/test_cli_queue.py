#!/usr/bin/python3
"""The commands of brig that speak with the queue, against a real Kafka; dispatchers' and workers' records are put there by hand.

SKIPPED where Kafka, kcat or the program are not to be had.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from kafka_server import KafkaServer  # noqa: E402
from server import Unavailable  # noqa: E402

BRIG = str(pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin")) / "brig")
SECONDS_MAX = 90
WORK = tempfile.TemporaryDirectory(prefix="brig-test-queue-")
AGENT = "test-001"


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BRIG_")}
    return dict(kept, BRIG_KAFKA_BOOTSTRAP_SERVERS=Queue.kafka.address, BRIG_LOGS_DIRECTORY=WORK.name, BRIG_KAFKA_PARTITIONS="4")


def brig(*arguments, stdin=b""):
    return subprocess.run([BRIG, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                          timeout=SECONDS_MAX)


def produce(topic, partition, key, value, /, **headers):
    options = [part for name, text in headers.items() for part in ("-H", f"{name}={text}")]
    subprocess.run(["kcat", "-q", "-P", "-b", Queue.kafka.address, "-t", topic, "-p", str(partition), "-k", key, *options], check=True,
                   input=json.dumps(value).encode(), timeout=SECONDS_MAX)


def consume(topic):
    done = subprocess.run(["kcat", "-q", "-C", "-e", "-b", Queue.kafka.address, "-t", topic, "-f", "%s\n"], stdout=subprocess.PIPE, timeout=SECONDS_MAX)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def record(job_id, status="succeeded", stdout="hello\n", code=0, agent=AGENT):
    return {"job_id": job_id, "agent_id": agent, "language": "python", "status": status, "termination": {"cause": "exit", "code": code},
            "stdout": stdout, "stderr": "", "stdout_bytes": len(stdout), "stderr_bytes": 0, "truncated": False, "duration_ms": 12,
            "queued_ms": 1, "cpu_ms": 10, "peak_memory_bytes": 1 << 20, "risk_level": "medium", "findings": [], "violations": [],
            "artifacts": [], "limits_hit": [], "worker": "w", "attempt": 1, "fence": 1, "phase": "run",
            "started_at": "2026-01-10T02:27:34.000Z", "finished_at": "2026-01-10T02:27:34.012Z"}


class Queue(unittest.TestCase):
    kafka = None

    def submit(self, *arguments, code=b"print('hello')"):
        done = brig("submit", "--language", "python", "--agent-id", AGENT, "--code", "-", "--json", *arguments, stdin=code)
        self.assertEqual(done.returncode, 0, done)
        return json.loads(done.stdout)

    def finish(self, receipt, result):
        produce("brig.results", receipt["partition"], AGENT, result, job_id=receipt["job_id"], fence=1, attempt=1)

    def test_submitted_job_lies_on_the_topic(self):
        receipt = self.submit("--risk-level", "high", "--memory", "64m", "--expires", "10m")
        job = [j for j in consume("brig.jobs") if j["job_id"] == receipt["job_id"]][0]
        self.assertEqual((job["agent_id"], job["code"], job["risk_level"]), (AGENT, "print('hello')", "high"))
        self.assertEqual(job["limits"], {"memory_bytes": 64 << 20})
        self.assertIn("expires_at", job)

    def test_submit_prints_the_id_alone(self):
        done = brig("submit", "--language", "python", "--agent-id", AGENT, "--code", "-", stdin=b"1")
        self.assertEqual(done.returncode, 0, done)
        uuid.UUID(done.stdout.decode().strip())

    def test_what_would_be_refused_is_not_sent(self):
        before = len(consume("brig.jobs"))
        done = brig("submit", "--language", "python", "--code", "-", "--memory", "64g", "--json", stdin=b"1")
        self.assertEqual(done.returncode, 125)
        self.assertEqual(json.loads(done.stdout)["rejection"]["key"], "limits.memory_bytes")
        self.assertEqual(len(consume("brig.jobs")), before)

    def test_first_record_is_the_accepted_one(self):
        receipt = self.submit()
        self.finish(receipt, record(receipt["job_id"], "failed", "first\n", 7))
        self.finish(receipt, record(receipt["job_id"], stdout="second\n"))
        for options in ((), ("--agent", AGENT)):
            done = brig("result", receipt["job_id"], *options)
            self.assertEqual((done.returncode, done.stdout), (7, b"first\n"), done)
            self.assertIn(b"Exit Code: 7", done.stderr)
        exact = brig("result", receipt["job_id"], "--json")
        self.assertEqual(json.loads(exact.stdout), record(receipt["job_id"], "failed", "first\n", 7))

    def test_another_agents_record_is_not_taken(self):
        receipt = self.submit()
        produce("brig.results", receipt["partition"], "other", record(receipt["job_id"], agent="other"), job_id=receipt["job_id"])
        self.assertEqual(brig("result", receipt["job_id"], "--agent", AGENT).returncode, 127)

    def test_result_that_is_not_there_yet(self):
        job_id = str(uuid.uuid4())
        done = brig("result", job_id, "--agent", AGENT)
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"--wait", done.stderr)
        late = brig("result", job_id, "--agent", AGENT, "--wait", "--timeout-wait", "1")
        self.assertEqual(late.returncode, 127)

    def background(self, *arguments, stdin=b""):
        child = subprocess.Popen([BRIG, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        child.stdin.write(stdin)
        child.stdin.close()
        self.addCleanup(child.kill)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        return child

    def await_record(self, topic, wanted):
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            found = [r for r in consume(topic) if wanted(r)]
            if found:
                return found[-1]
        self.fail(f"nothing came on {topic}")

    def test_submit_waits_for_its_result(self):
        marker = str(uuid.uuid4())
        child = self.background("submit", "--wait", "--json", "--language", "python", "--agent-id", AGENT, "--code", "-", stdin=marker.encode())
        job = self.await_record("brig.jobs", lambda j: j["code"] == marker)
        partition = self.submit()["partition"]
        self.finish({"partition": partition, "job_id": job["job_id"]}, record(job["job_id"], stdout="waited\n"))
        self.assertEqual(child.wait(SECONDS_MAX), 0)
        self.assertEqual(json.loads(child.stdout.read())["stdout"], "waited\n")

    def test_cancel_waits_for_the_reply(self):
        job_id = str(uuid.uuid4())
        child = self.background("cancel", job_id, "--agent", AGENT, "--timeout-wait", "60")
        request = self.await_record("brig.control", lambda r: r.get("type") == "cancel" and r["job_id"] == job_id)
        self.assertEqual(request["agent_id"], AGENT)
        partition = self.submit()["partition"]
        produce("brig.control", partition, AGENT, {"type": "reply", "request_id": "another", "outcome": "done"})
        produce("brig.control", partition, AGENT, {"type": "reply", "request_id": request["request_id"], "agent_id": AGENT, "job_id": job_id, "outcome": "noted"})
        self.assertEqual(child.wait(SECONDS_MAX), 0)
        self.assertEqual(child.stdout.read(), b"noted\n")

    def test_cancel_without_a_dispatcher_says_so(self):
        done = brig("cancel", str(uuid.uuid4()), "--agent", AGENT, "--timeout-wait", "1")
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"no dispatcher answered", done.stderr)

    def test_jobs_of_an_agent(self):
        ended, waiting = self.submit(), self.submit()
        self.finish(ended, record(ended["job_id"], "failed", code=3))
        done = brig("jobs", "--agent", AGENT, "--json")
        rows = {row["job_id"]: row for row in map(json.loads, done.stdout.decode().splitlines())}
        self.assertEqual((rows[ended["job_id"]]["status"], rows[ended["job_id"]]["cause"]), ("failed", "exit"))
        self.assertEqual(rows[waiting["job_id"]]["status"], "unfinished")
        self.assertEqual(len(brig("jobs", "--agent", AGENT, "--last", "1").stdout.decode().splitlines()), 1)

    def test_agents_shows_the_highest_version(self):
        agent = f"agent-{uuid.uuid4()}"
        snapshot = {"agent": agent, "trust": 450, "violations": 1, "quarantined": False, "last": {}}
        produce("brig.agents", 0, f"{agent}|a", dict(snapshot, version=5))
        produce("brig.agents", 1, f"{agent}|b", dict(snapshot, version=9, trust=125, violations=3, quarantined=True))
        produce("brig.agents", 0, f"{agent}|a", dict(snapshot, version=7))
        shown = brig("agents", "--agent", agent).stdout.decode()
        self.assertIn("trust 0.125  violations 3  QUARANTINED", shown)
        self.assertEqual(len(brig("agents", "--agent", agent, "--quarantined", "--json").stdout.splitlines()), 1)

    def test_audit_is_filtered(self):
        partition = self.submit()["partition"]
        job_id = str(uuid.uuid4())
        for event in ("job.finished", "trust.changed"):
            produce("brig.audit", partition, AGENT, {"event": event, "time": "2026-01-10T02:27:34.000Z", "program": "w", "agent_id": AGENT, "job_id": job_id})
        self.assertEqual(len(brig("audit", "--job", job_id, "--json").stdout.splitlines()), 2)
        self.assertEqual(len(brig("audit", "--job", job_id, "--event", "job.*").stdout.splitlines()), 1)
        self.assertEqual(len(brig("audit", "--job", job_id, "--since", "1h", "--agent", AGENT).stdout.splitlines()), 2)
        self.assertEqual(brig("audit", "--job", job_id, "--agent", "other").stdout, b"")
        self.assertEqual(brig("audit", "--since", "yesterday").returncode, 125)

    def test_dead_letters_are_listed(self):
        produce("brig.dlq", 2, AGENT, {"broken": 1}, topic="brig.jobs", partition=1, offset=42, error="invalid")
        self.assertIn(b"from brig.jobs/1/42", brig("dlq").stdout)
        letter = json.loads(brig("dlq", "--json", "--last", "1").stdout)
        self.assertEqual((letter["error"], letter["offset"], json.loads(letter["value"])), ("invalid", "42", {"broken": 1}))

    def test_doctor_counts_breakout_attempts(self):
        violation = {"rule": "seccomp", "class": "attack", "count": 1}
        produce("brig.audit", 0, AGENT, {"event": "job.finished", "agent_id": AGENT, "violations": [violation, dict(violation, **{"class": "policy"})]})
        checks = json.loads(brig("doctor", "--json").stdout)["checks"]
        attempts = [check for check in checks if check["subject"] == "breakout attempts"]
        self.assertEqual((attempts[0]["state"], attempts[0]["detail"]), ("notice", f"1 in the last 24 hours, the last read seccomp by {AGENT}"))

    def test_doctor_sees_the_broker(self):
        report = json.loads(brig("doctor", "--json").stdout)
        states = {check["subject"]: check["state"] for check in report["checks"]}
        self.assertEqual((states["Kafka"], states["topics"]), ("ok", "ok"), report)


class NoBroker(unittest.TestCase):
    def test_no_broker_is_told_with_its_address(self):
        done = subprocess.run([BRIG, "result", str(uuid.uuid4())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS_MAX,
                              env=dict(environment(), BRIG_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9"))
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"127.0.0.1:9", done.stderr)


def skip(why):
    print(f"SKIPPED: {why}\n0 passed, 0 failed, 1 skipped")
    return 0


def main():
    if not os.access(BRIG, os.X_OK):
        return skip(f"{BRIG} is not built")
    if not shutil.which("kcat"):
        return skip("kcat is not installed")
    try:
        Queue.kafka = KafkaServer(WORK.name + "/kafka")
        Queue.kafka.start()
    except Unavailable as why:
        return skip(why)
    brig("jobs", "--agent", "first")  # makes the topics
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    finally:
        Queue.kafka.stop()
        WORK.cleanup()
    failed = len({t.id().split(" ")[0] for t, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
