#!/usr/bin/python3
"""Jobs through real Kafka, Redis and Docker while parts of brig die: nothing lost, nothing accepted twice, nothing left behind."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cell import Cell  # noqa: E402
from script import run_tests  # noqa: E402

JOBS = int(os.environ.get("BRIG_TEST_JOBS", "200"))
AGENTS = 10
LEASE = {"BRIG_JOBS_LEASE": "6s"}


def agent_of(n):
    return f"agent-{n % AGENTS}"


def submit_jobs(cell, count):
    """{(agent, job_id): what it prints}"""
    jobs = {}
    for n in range(count):
        job_id = cell.submit(agent_of(n), code=f"print('job', {n})", limits={"timeout_ms": 20000}, metadata={"n": n})
        jobs[(agent_of(n), job_id)] = n
    cell.flush()
    return jobs


def check_results(cell, jobs, every_status=("succeeded",)):
    accepted = cell.accepted()
    assert set(accepted) == set(jobs), f"{len(set(jobs) - set(accepted))} jobs have no result"
    for key, n in jobs.items():
        record = accepted[key]
        value = record.value
        assert value["status"] in every_status, f"{key}: {value['status']} {value.get('termination')} {value.get('rejection')}"
        assert value["stdout"] == f"job {n}\n", f"{key}: {value['stdout']!r}"
        assert value["metadata"] == {"n": n}
        assert record.headers["job_id"] == key[1] and record.headers["ce_type"] == "brig.result"
        assert int(record.headers["req_partition"]) == record.partition and int(record.headers["req_offset"]) >= 0
        assert int(record.headers["attempt"]) == value["attempt"] and int(record.headers["fence"]) == value["fence"]


def leave(cell, *names):
    for name in names:
        assert cell.programs[name].stop() == 0, f"{name}:\n{cell.programs[name].tail()}"


def check_nothing_left(cell):
    left = cell.leftovers()
    assert not left, "left behind:\n" + "\n".join(left)


def start(cell, dispatchers, workers):
    started = [cell.start_dispatcher(name) for name in dispatchers] + [cell.start_worker(name) for name in workers]
    for program in started:
        program.wait_ready()


def finish(cell, jobs, seconds=400):
    cell.wait_for_results(len(jobs), seconds)
    cell.wait_committed()
    cell.read_results(3)
    check_results(cell, jobs)
    leave(cell, *[name for name, program in cell.programs.items() if program.process.poll() is None])
    check_nothing_left(cell)


def test_a_killed_dispatcher_loses_nothing_and_repeats_nothing():
    with Cell(settings=LEASE) as cell:
        start(cell, ["d1"], ["w1", "w2"])
        jobs = submit_jobs(cell, JOBS)
        cell.wait_for_results(JOBS // 3)
        cell.programs["d1"].kill()
        cell.start_dispatcher("d1")
        finish(cell, jobs)
        assert len(cell.records) == JOBS, f"{len(cell.records)} records for {JOBS} jobs"


def test_a_killed_workers_jobs_run_elsewhere():
    with Cell(settings=LEASE) as cell:
        start(cell, ["d1"], ["w1", "w2"])
        jobs = submit_jobs(cell, JOBS)
        cell.wait_for_results(JOBS // 3)
        cell.programs["w1"].kill()
        cell.wait_for_results(JOBS // 2)
        cell.start_worker("w1").wait_ready()
        finish(cell, jobs)


def test_an_emptied_redis_is_restored_from_kafka():
    with Cell(settings=LEASE) as cell:
        start(cell, ["d1"], ["w1", "w2"])
        jobs = submit_jobs(cell, JOBS)
        cell.wait_for_results(JOBS // 3)
        assert cell.redis.flush()
        finish(cell, jobs)


def test_a_record_too_large_for_redis_runs():
    with Cell(settings=LEASE) as cell:
        start(cell, ["d1"], ["w1"])
        job = cell.submit("agent-0", code="print('large')\n#" + "x" * 200_000)
        cell.flush()
        results = cell.wait_for_results(1, 60)
        assert results[("agent-0", job)].value["stdout"] == "large\n", results
        leave(cell, "d1", "w1")
        check_nothing_left(cell)


def test_a_worker_that_leaves_finishes_what_can_end_and_gives_back_the_rest():
    with Cell(settings=LEASE) as cell:
        start(cell, ["d1"], ["w1"])
        short = submit_sleeper(cell, "agent-1", 6)
        cell.programs["w1"].process.terminate()
        results = cell.wait_for_results(1, 90)
        assert results[("agent-1", short)].value["attempt"] == 1, results
        assert cell.programs["w1"].process.wait(40) == 0
        start(cell, [], ["w2"])
        long = submit_sleeper(cell, "agent-2", 15)
        for _ in range(2):  # told twice: at once
            cell.programs["w2"].process.terminate()
            time.sleep(0.5)
        assert cell.programs["w2"].process.wait(40) == 0
        start(cell, [], ["w3"])
        results = cell.wait_for_results(2, 90)
        assert results[("agent-2", long)].value["attempt"] == 2, results
        cell.wait_committed()
        leave(cell, "d1", "w3")
        check_nothing_left(cell)


def submit_sleeper(cell, agent, seconds):
    """A job that runs when this returns."""
    job = cell.submit(agent, code=f"import time\nprint('on', flush=True)\ntime.sleep({seconds})\nprint('off')")
    cell.flush()
    cell.wait_leased(1)
    time.sleep(1)
    return job


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
