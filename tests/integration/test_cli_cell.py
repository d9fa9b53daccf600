#!/usr/bin/python3
"""brig against a whole cell: real Kafka, Redis, Docker, one dispatcher and one worker.

SKIPPED where one of them is not to be had.
"""
import json
import pathlib
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cell import BIN, Cell  # noqa: E402
from server import Unavailable  # noqa: E402

BRIG = str(BIN / "brig")
SECONDS_MAX = 120


class WithCell(unittest.TestCase):
    cell = None

    def setUp(self):
        self.agent = f"agent-{uuid.uuid4()}"

    def brig(self, *arguments, stdin=b""):
        return subprocess.run([BRIG, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.cell.environment({}),
                              timeout=SECONDS_MAX)

    def submit(self, code, *arguments):
        return self.brig("submit", "--language", "python", "--image", self.cell.image, "--agent-id", self.agent, "--code", "-", *arguments,
                         stdin=code.encode())

    def submit_and_wait(self, code, *arguments):
        done = self.submit(code, "--wait", "--json", *arguments)
        self.assertTrue(done.stdout, done)
        return done, json.loads(done.stdout)

    def await_line(self, words, *arguments):
        """Until the command prints a line with these words."""
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            for line in self.brig(*arguments).stdout.decode().splitlines():
                if all(word in line for word in words):
                    return line
        self.fail(f"brig {arguments} never said {words}")

    def test_submit_and_wait_looks_like_run(self):
        done = self.submit("print('hello')", "--wait")
        self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"), done)
        self.assertIn(f"Agent ID: {self.agent}".encode(), done.stderr)

    def test_exit_statuses_are_those_of_run(self):
        done, record = self.submit_and_wait("raise SystemExit(7)")
        self.assertEqual((done.returncode, record["status"]), (7, "failed"))
        again = self.brig("result", record["job_id"], "--agent", self.agent, "--json")
        self.assertEqual((again.returncode, json.loads(again.stdout)), (7, record))
        done, record = self.submit_and_wait("while True: pass", "--timeout", "1")
        self.assertEqual((done.returncode, record["termination"]["cause"]), (124, "wall_timeout"))

    def test_same_job_again_gets_its_first_record(self):
        job = {"job_id": str(uuid.uuid4()), "agent_id": self.agent, "language": "python", "image": self.cell.image, "code": "print(1)"}
        first, second = (self.brig("submit", "--job", "-", "--wait", "--json", stdin=json.dumps(job).encode()) for _ in range(2))
        self.assertEqual((first.returncode, first.stdout), (0, second.stdout), (first, second))

    def test_cancel_ends_a_running_job(self):
        job_id = json.loads(self.submit("import time\nprint('begun')\ntime.sleep(100)", "--json").stdout)["job_id"]
        time.sleep(2)  # it should run, but the outcome is the same when it does not yet
        cancelled = self.brig("cancel", job_id, "--agent", self.agent)
        self.assertEqual(cancelled.returncode, 0, cancelled)
        self.assertIn(cancelled.stdout, (b"cancelling\n", b"cancelled\n"))
        done = self.brig("result", job_id, "--agent", self.agent, "--wait", "--json", "--timeout-wait", "60")
        self.assertEqual((done.returncode, json.loads(done.stdout)["status"]), (130, "cancelled"), done)
        self.assertEqual(self.brig("cancel", job_id, "--agent", self.agent).stdout, b"done\n")

    def test_cancel_of_an_unknown_job_is_noted(self):
        self.assertEqual(self.brig("cancel", str(uuid.uuid4()), "--agent", self.agent).stdout, b"noted\n")

    def test_trust_is_shown_and_changed(self):
        self.submit_and_wait("print(1)")
        self.await_line(["trust 0.550"], "agents", "--agent", self.agent)
        changed = self.brig("agents", "--agent", self.agent, "--trust", "0.9")
        self.assertEqual((changed.returncode, changed.stdout), (0, b"changed\n"), changed)
        self.await_line(["trust 0.900"], "agents", "--agent", self.agent)

    def test_quarantine_refuses_and_release_lets_run(self):
        self.assertEqual(self.brig("agents", "--agent", self.agent, "--quarantine").stdout, b"changed\n")
        done, record = self.submit_and_wait("print(1)")
        self.assertEqual((done.returncode, record["rejection"]["reason"]), (126, "quarantined"))
        self.await_line([self.agent, "QUARANTINED"], "agents", "--quarantined")
        self.assertEqual(self.brig("agents", "--agent", self.agent, "--release").stdout, b"changed\n")
        self.assertEqual(self.submit_and_wait("print(1)")[0].returncode, 0)

    def test_audit_and_jobs_tell_of_a_job(self):
        _, record = self.submit_and_wait("raise SystemExit(3)")
        line = self.await_line([record["job_id"]], "audit", "--agent", self.agent, "--since", "1h", "--event", "job.finished")
        self.assertIn('"failed"', line)
        line = self.await_line([record["job_id"]], "jobs", "--agent", self.agent)
        self.assertIn("failed", line)

    def test_artifacts_of_a_queued_job(self):
        _, record = self.submit_and_wait("open('made.txt', 'w').write('by a job')", "--artifact", "*.txt")
        self.assertEqual([a["path"] for a in record["artifacts"]], ["made.txt"], record)
        self.assertEqual(self.brig("artifacts", "get", record["job_id"], "made.txt", "--agent", self.agent).stdout, b"by a job")
        self.assertEqual(self.brig("artifacts", "get", record["job_id"], "made.txt").stdout, b"by a job", "the worker's index, on its host")

    def test_dead_letters_hold_what_is_no_job(self):
        self.cell.producer.produce("brig.jobs", key=self.agent.encode(), value=b"no job at all")
        self.cell.flush()
        self.await_line([self.agent, "13 bytes"], "dlq", "--agent", self.agent)

    def test_doctor_finds_the_cell_well(self):
        done = self.brig("doctor", "--json")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["healthy"]), (0, True), report)


def main():
    try:
        with Cell() as cell:
            WithCell.cell = cell
            cell.start_dispatcher("d").wait_ready()
            cell.start_worker("w").wait_ready()
            result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(WithCell))
            if not result.wasSuccessful():
                print(cell.tails())
    except Unavailable as why:
        print(f"SKIPPED: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    failed = len({test.id() for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
