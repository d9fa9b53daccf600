#!/usr/bin/python3
"""Languages with a compiler, from the source to the record: brig run alone, then through the queue. Needs an engine with brig/rust and
brig/go (deploy/images/make-image rust go); what cannot run says SKIPPED and why."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cell import BIN, Cell, docker  # noqa: E402
from script import run_tests  # noqa: E402
from server import Unavailable  # noqa: E402

SECONDS_MAX = 180
WORKER = f"test-compile-{os.getpid()}"
RUST = 'fn main() { println!("hello from rust"); }\n'
GO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello from go") }\n'
BROKEN = 'fn main() { let number: u8 = "text"; }\n'


def need_image(language):
    if not docker("image", "inspect", "--format", "{{.Id}}", f"brig/{language}"):
        raise Unavailable(f"no image brig/{language} on a Docker engine here; deploy/images/make-image {language} makes it")


class Place:
    """Logs, runtime folder and programs kept, for as long as it is open."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="brig-test-compile-")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def environment(self, settings):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIG_") or name == "BRIG_DOCKER_HOST"}
        return {**kept, "BRIG_LOGS_DIRECTORY": self.directory.name + "/log", "BRIG_WORKER_RUNTIME_DIRECTORY": self.directory.name + "/run",
                "BRIG_WORKER_NAME": WORKER, **settings}

    def start(self, job, *options, **settings):
        job = {"job_id": "0b0e7a52-6f43-4a7e-9c0e-0d6f3c1f2a11", "agent_id": "a", **job}
        process = subprocess.Popen([str(BIN / "brig"), "run", "--job", "-", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(settings))
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, job, **settings):
        """The record, and the exit status."""
        process = self.start(job, "--json", **settings)
        out, err = process.communicate(timeout=SECONDS_MAX)
        assert out, err
        return json.loads(out), process.returncode

    def kept(self):
        folder = pathlib.Path(self.directory.name, "log", "compiled")
        return sorted(folder.iterdir()) if folder.exists() else []


def check(record, status, cause, phase="compile"):
    assert (record["status"], record["termination"]["cause"], record["phase"]) == (status, cause, phase), record


def check_nothing_left():
    left = docker("ps", "-aq", "--filter", f"label=brig.worker={WORKER}")
    assert not left, left


def compiled_by_script(script, **settings):
    """A job whose compiler is bash and whose source is what that does."""
    return {"language": "rust", "code": script}, {"BRIG_LANGUAGES_RUST_COMPILE": "bash,{file}", **settings}


def test_rust_and_go_say_hello():
    for language, code in (("rust", RUST), ("go", GO)):
        need_image(language)
        for level in ("medium", "high"):
            with Place() as place:
                record, status = place.run({"language": language, "code": code, "risk_level": level})
                check(record, "succeeded", "exit", "run")
                assert (status, record["stdout"], record["stderr"]) == (0, f"hello from {language}\n", ""), record
                assert record["limits"]["seccomp"] == level and record["artifacts"] == [], record
    check_nothing_left()


def test_what_is_for_the_program_reaches_it():
    need_image("go")
    main = ('package main\nimport ("fmt"; "io"; "os")\nfunc main() { in, _ := io.ReadAll(os.Stdin)\n'
            'fmt.Println(os.Args[1:], os.Getenv("X"), string(in), word(), os.Getenv("GOMAXPROCS"))\n'
            'os.WriteFile("out", []byte("made"), 0644); os.Exit(7) }\n')
    files = [{"path": "cmd/main.go", "content": main}, {"path": "cmd/word.go", "content": 'package main\nfunc word() string { return "w" }\n'}]
    job = {"language": "go", "files": files, "entrypoint": "cmd/main.go", "args": ["1", "2"], "env": {"X": "y"}, "stdin": "in",
           "artifacts": ["out"]}
    with Place() as place:
        record, status = place.run(job)
        check(record, "failed", "exit", "run")
        assert (status, record["stdout"]) == (7, "[1 2] y in w 1\n"), record
        assert [a["path"] for a in record["artifacts"]] == ["out"], record


def test_an_error_in_the_source_is_the_records():
    need_image("rust")
    with Place() as place:
        record, status = place.run({"language": "rust", "code": BROKEN})
        check(record, "failed", "compile_failed")
        assert record["termination"]["code"] == 1 and status == 1, record
        assert "mismatched types" in record["stderr"] and record["stdout"] == "", record
        assert record["limits"]["memory_bytes"] == 1 << 30 and record["limits"]["network"] == "none", record
        assert place.kept() == []
        process = place.start({"language": "rust", "code": BROKEN})
        out, err = process.communicate(timeout=SECONDS_MAX)
        assert process.returncode == 1 and b"mismatched types" in err and b"Cause: compile_failed" in out + err, (out, err)
    check_nothing_left()


def test_a_compiler_above_a_limit_is_killed_in_its_phase():
    need_image("rust")
    with Place() as place:
        record, status = place.run({"language": "rust", "code": 'static B: &[u8] = include_bytes!("/dev/urandom");\nfn main() {}\n'},
                                   BRIG_LANGUAGES_RUST_COMPILE_LIMITS_MEMORY="256m")
        check(record, "killed", "memory")
        assert record["termination"]["limit"] == 256 << 20 and status == 137, record
        job, settings = compiled_by_script("sleep 100", BRIG_LANGUAGES_RUST_COMPILE_LIMITS_TIMEOUT="1s")
        record, status = place.run({**job, "limits": {"timeout_ms": 60000}}, **settings)
        check(record, "killed", "wall_timeout")
        assert record["termination"]["limit"] == 1000 and status == 124, record
        record, _ = place.run(*[compiled_by_script("yes | head -c 400000 >&2")[0]], **compiled_by_script("")[1])
        check(record, "killed", "output")
    check_nothing_left()


def test_what_a_compiler_leaves_running_is_gone_before_the_program_runs():
    need_image("rust")
    job, settings = compiled_by_script("setsid sleep 1000 & cp /bin/echo /work/program")
    with Place() as place:
        record, _ = place.run({**job, "args": ["echoed"]}, **settings)
        check(record, "succeeded", "exit", "run")
        assert record["stdout"] == "echoed\n", record
    check_nothing_left()


def test_the_jobs_time_is_the_runs_alone():
    need_image("rust")
    job, settings = compiled_by_script("sleep 2; cp /bin/sleep /work/program")
    with Place() as place:
        record, _ = place.run({**job, "args": ["0.1"], "limits": {"timeout_ms": 1500}}, **settings)
        check(record, "succeeded", "exit", "run")
        record, status = place.run({**job, "args": ["100"], "limits": {"timeout_ms": 1500}}, **settings)
        check(record, "killed", "wall_timeout", "run")
        assert status == 124, record


def test_a_second_job_of_the_same_agent_finds_it_compiled():
    need_image("go")
    job = {"language": "go", "code": GO}
    with Place() as place:
        began = time.monotonic()
        first, _ = place.run(job)
        between = time.monotonic()
        second, _ = place.run({**job, "args": ["other"]})
        ended = time.monotonic()
        assert first["stdout"] == second["stdout"] == "hello from go\n"
        assert second["cpu_ms"] < first["cpu_ms"], (first["cpu_ms"], second["cpu_ms"])
        assert [path.stat().st_mode & 0o777 for path in place.kept()] == [0o600]
        print(f"        compiled {between - began:.2f} s, found {ended - between:.2f} s: {(between - began) / (ended - between):.1f} x; "
              f"cpu {first['cpu_ms']} ms, {second['cpu_ms']} ms")
        place.run({**job, "agent_id": "b"})
        assert len(place.kept()) == 2, "another agent's program is its own"


def compiler_runs(patience_s=60):
    """Waits until the compiler's container runs its sleep."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        for container in docker("ps", "-q", "--filter", f"label=brig.worker={WORKER}"):
            if "sleep" in docker("top", container):
                return
        time.sleep(0.05)
    raise AssertionError("the compiler did not start")


def test_a_cancel_while_it_is_compiled_leaves_nothing():
    need_image("rust")
    job, settings = compiled_by_script("sleep 1000")
    with Place() as place:
        process = place.start(job, "--json", **settings)
        compiler_runs()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=SECONDS_MAX)
        check(json.loads(out), "cancelled", "cancelled")
        assert process.returncode == 128 + signal.SIGTERM and place.kept() == []
    check_nothing_left()


def test_a_dry_run_shows_both_containers():
    with Place() as place:
        process = place.start({"language": "go", "code": GO}, "--dry-run")
        text = process.communicate(timeout=SECONDS_MAX)[0].decode()
        compiler, own = text.split("# Compiler's container\n")[1].split("# Container\n")
        assert json.loads(compiler)["HostConfig"]["Memory"] == 1 << 30
        assert json.loads(compiler)["HostConfig"]["NetworkMode"] == "none"
        assert json.loads(own)["HostConfig"]["Memory"] == 256 << 20


def test_through_the_queue_and_back_when_a_worker_leaves():
    need_image("rust")
    need_image("go")
    with Cell() as cell:
        for program in (cell.start_dispatcher("d1"), cell.start_worker("w1")):
            program.wait_ready()
        wanted = {cell.submit("a", language="rust", code=RUST): ("succeeded", "hello from rust\n"),
                  cell.submit("b", language="go", code=GO): ("succeeded", "hello from go\n"),
                  cell.submit("b", language="go", code=GO, args=["again"]): ("succeeded", "hello from go\n"),
                  cell.submit("a", language="rust", code=BROKEN): ("failed", "")}
        cell.flush()
        for (_, job_id), record in cell.wait_for_results(len(wanted)).items():
            assert (record.value["status"], record.value["stdout"]) == wanted[job_id], record.value
            assert record.value["attempt"] == 1, record.value
        slow = cell.submit("c", language="rust", code=RUST.replace("hello", "late"))
        cell.flush()
        cell.wait_leased(1)
        assert cell.programs["w1"].stop() == 0
        assert not cell.containers()
        cell.start_worker("w2").wait_ready()
        accepted = cell.wait_for_results(len(wanted) + 1)
        assert accepted[("c", slow)].value["stdout"] == "late from rust\n", accepted[("c", slow)].value
        for name in ("d1", "w2"):
            assert cell.programs[name].stop() == 0
        assert not cell.leftovers(), cell.leftovers()


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
