#!/usr/bin/python3
"""Drives the real brig program: what it prints, what it ends with, what it leaves behind.

Needs a Docker engine and a Python image for what runs programs; what cannot run says SKIPPED and why. The image is the one the configuration
names for python, or $BRIG_TEST_IMAGE.
"""
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin"))
BRIG = str(BIN / "brig")
SECONDS_MAX = 120
WORKER = f"test-cli-{os.getpid()}"  # labels the containers, so that others on this engine do not count
NOWHERE = {"BRIG_DOCKER_HOST": "unix:///nonexistent/docker.sock"}

try:
    import jsonschema
except ImportError:
    jsonschema = None


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BRIG_") or k == "BRIG_DOCKER_HOST"}
    if "BRIG_TEST_IMAGE" in os.environ:
        kept["BRIG_IMAGES_ALLOW"] = os.environ["BRIG_TEST_IMAGE"]
    return dict(kept, BRIG_LOGS_DIRECTORY=LOGS.name, BRIG_WORKER_NAME=WORKER, **more)


LOGS = tempfile.TemporaryDirectory(prefix="brig-test-logs-")


def brig(*arguments, stdin=b"", **more):
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    return subprocess.run([BRIG, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**more),
                          timeout=SECONDS_MAX)


def run_python(code, *arguments, **more):
    return brig("run", "--language", "python", *IMAGE, "--code", "-", *arguments, stdin=code, **more)


def record_of(done):
    """The one record on standard output, which holds nothing else."""
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 1, done
    record = json.loads(lines[0])
    validate(record)
    return record


def validate(record):
    schema = ROOT / "schemas/result.schema.json"
    if jsonschema and schema.exists():
        jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(record)


def containers():
    listed = subprocess.run(["docker", "ps", "-aq", "--no-trunc", "--filter", f"label=brig.worker={WORKER}"], stdout=subprocess.PIPE, check=True)
    return set(listed.stdout.decode().split())


def images():
    try:
        listed = subprocess.run(["docker", "image", "ls", "--format", "{{.Repository}}"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listed.stdout.decode().split() if listed.returncode == 0 else []


def find_image():
    """Options that name the image, or None and why there is none."""
    known = images()
    wanted = os.environ.get("BRIG_TEST_IMAGE")
    if wanted:
        return ["--image", wanted], None
    if "brig/python" in known:
        return [], None
    return None, "no image brig/python on a Docker engine here"


IMAGE, NO_IMAGE = find_image()
NO_ENGINE = NO_IMAGE
IMAGE = IMAGE or []


class Words(unittest.TestCase):
    """What brig says about itself and about mistakes; needs nothing."""

    def test_help_teaches_with_examples(self):
        done = brig("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"Examples:", done.stdout)
        for command in ("run", "submit", "result", "cancel", "jobs", "agents", "audit", "dlq", "artifacts", "doctor"):
            with self.subTest(command):
                self.assertIn(command.encode(), done.stdout)
                of_command = brig(command, "--help")
                self.assertEqual(of_command.returncode, 0)
                self.assertIn(b"Usage: brig " + command.encode(), of_command.stdout)
                self.assertIn(b"Examples:\n  brig " + command.encode(), of_command.stdout.replace(b"  echo 'print(input())' | brig run", b"  brig run"))

    def assert_usage(self, done, *words):
        self.assertEqual(done.returncode, 125, done)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(done.stderr.startswith(b"brig: "), done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word.encode(), done.stderr)

    def test_misspelt_names_get_the_nearest(self):
        self.assert_usage(brig("rnu"), "did you mean brig run?")
        self.assert_usage(brig("run", "--risk-levle", "low"), "did you mean --risk-level?")
        self.assert_usage(brig("doctor", "--jsn"), "did you mean --json?")

    def test_usage_ends_with_125(self):
        self.assert_usage(brig())
        self.assert_usage(brig("run"), "--code")
        self.assert_usage(brig("run", "--code"), "needs a value")
        self.assert_usage(brig("run", "--code", "/nonexistent.py"), "/nonexistent.py", "No such file")
        self.assert_usage(run_python("", "--memory", "lots"), "--memory", "512m")
        self.assert_usage(run_python("", "--timeout", "soon"), "--timeout")
        self.assert_usage(run_python("", "--env", "novalue"), "NAME=VALUE")
        self.assert_usage(brig("run", "--code", "/etc/hostname"), "--language")
        self.assert_usage(brig("run", "--job", "/dev/null", "--memory", "1m"), "--job")
        self.assert_usage(brig("result", "no-uuid"), "UUID")
        self.assert_usage(brig("cancel", str(uuid.uuid4())), "--agent")
        self.assert_usage(brig("run", "--config", "/nonexistent/brig.yaml", "--code", __file__), "/nonexistent/")

    def test_no_engine_ends_with_127_and_a_record(self):
        done = run_python("print(1)", "--json", **NOWHERE)
        self.assertEqual(done.returncode, 127, done)
        record = record_of(done)
        self.assertEqual((record["status"], record["termination"]["cause"]), ("error", "infrastructure"))
        told = run_python("print(1)", **NOWHERE)
        self.assertEqual((told.returncode, told.stdout), (127, b""))
        self.assertIn(b"brig doctor", told.stderr)

    def test_refusals_say_what_to_do(self):
        done = brig("run", "--language", "pyton", "--code", "-", **NOWHERE)
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertTrue(done.stderr.startswith(b"brig: invalid: "), done.stderr)
        self.assertIn(b"did you mean python?", done.stderr)

    def test_doctor_tells_what_is_broken(self):
        done = brig("doctor", "--local", "--json", **NOWHERE)
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertFalse(report["healthy"])
        engine = [c for c in report["checks"] if c["subject"] == "engine"]
        self.assertEqual(engine[0]["state"], "broken")
        self.assertTrue(engine[0]["remedy"])


class BadInputs(unittest.TestCase):
    """Whatever --job is given, there is exactly one record, rejected/invalid, and status 125."""

    def refusal(self, content, **expected):
        done = brig("run", "--job", "-", "--json", stdin=content, **NOWHERE)
        self.assertEqual(done.returncode, 125, done)
        record = record_of(done)
        self.assertEqual((record["status"], record["rejection"]["reason"]), ("rejected", "invalid"))
        self.assertTrue(record["rejection"]["message"])
        for key, value in expected.items():
            self.assertEqual(record["rejection"].get(key), value, record["rejection"])
        return record

    def job(self, **members):
        job = {"job_id": str(uuid.uuid4()), "agent_id": "test-001", "language": "python", "code": "print(1)"}
        job.update(members)
        return {k: v for k, v in job.items() if v is not None}

    def test_unreadable_input_has_no_job_id(self):
        for name, content in {"empty": b"", "not JSON": b"hello", "truncated": b'{"job_id": "', "NUL": b'{"a": "\0"}',
                              "invalid UTF-8": b'{"a": "\xff\xfe"}', "nesting": b"[" * 10000 + b"]" * 10000,
                              "array": b"[]", "two values": b"{} {}"}.items():
            with self.subTest(name):
                self.assertIsNone(self.refusal(content)["job_id"])

    def test_ten_megabytes_are_refused(self):
        self.refusal(json.dumps(self.job(code="#" * (10 << 20))))
        self.refusal(b" " * (10 << 20))

    def test_duplicate_keys_are_refused(self):
        self.refusal(b'{"agent_id": "a", "agent_id": "b"}')

    def test_members_out_of_order_are_named(self):
        self.refusal(json.dumps(self.job(code=1)), key="code")
        self.refusal(json.dumps(self.job(args="x")), key="args")
        self.refusal(json.dumps(self.job(env=[])), key="env")
        self.refusal(json.dumps(self.job(limits={"memory_bytes": "1"})), key="limits.memory_bytes")
        self.refusal(json.dumps(self.job(limits={"timeout_ms": 10**12})), key="limits.timeout_ms")
        self.refusal(json.dumps(self.job(limits={"timeout_ms": -1})), key="limits.timeout_ms")
        self.refusal(json.dumps(self.job(limits={"cpus": 1e300})), key="limits.cpus")
        self.refusal(json.dumps(self.job(code="a\0b")))
        self.refusal(json.dumps(self.job(metadata={"n": 2**64})))
        self.refusal(json.dumps(self.job(agent_id=None)), key="agent_id")

    def test_unknown_names_get_the_nearest(self):
        self.refusal(json.dumps(self.job(langauge="x")), key="langauge", nearest="language")
        self.refusal(json.dumps(self.job(language="pythn")), key="language", nearest="python")
        self.refusal(json.dumps(self.job(risk_level="hihg")), key="risk_level")

    def test_record_keeps_what_could_be_read(self):
        job = self.job(language="cobol")
        record = self.refusal(json.dumps(job))
        self.assertEqual((record["job_id"], record["agent_id"]), (job["job_id"], "test-001"))

    def test_options_are_bounded_like_jobs(self):
        done = run_python("print(1)", "--memory", "64g", "--json", **NOWHERE)
        self.assertEqual(done.returncode, 125)
        rejection = record_of(done)["rejection"]
        self.assertEqual(rejection["key"], "limits.memory_bytes")
        for word in ("limits.memory_bytes", str(64 << 30)):
            self.assertIn(word, rejection["message"])

    def test_image_that_is_not_allowed_is_denied(self):
        done = brig("run", "--language", "python", "--image", "evil/image", "--code", "-", "--json", **NOWHERE)
        self.assertEqual(done.returncode, 126)
        self.assertEqual(record_of(done)["rejection"]["reason"], "denied")


class DryRun(unittest.TestCase):
    def test_everything_in_force_is_shown_and_nothing_started(self):
        code = "open('/etc/shadow')\n"
        done = run_python(code, "--dry-run", "--memory", "64m", **NOWHERE)
        self.assertEqual(done.returncode, 0, done)
        text = done.stdout.decode()
        for word in ("# Configuration", "# Findings", "# Risk level in force: high", "memory_bytes = 67108864    (named by the job)", "# Container"):
            self.assertIn(word, text)
        specification = json.loads(text[text.index("# Container\n") + len("# Container\n"):])
        self.assertIn("HostConfig", specification)
        self.assertEqual(specification["HostConfig"]["Memory"], 64 << 20)

    def test_every_value_says_where_it_comes_from(self):
        text = run_python("", "--dry-run", **NOWHERE).stdout.decode()
        configuration = text[:text.index("# Findings")].splitlines()[1:]
        values = [line for line in configuration if " = " in line]
        self.assertGreater(len(values), 30)
        for line in values:
            self.assertTrue(line.rstrip().endswith(")"), line)


@unittest.skipIf(NO_ENGINE, NO_ENGINE)
class Runs(unittest.TestCase):
    """Real containers."""

    def setUp(self):
        self.before = containers()

    def tearDown(self):
        self.assertEqual(containers() - self.before, set(), "containers left behind")

    def assert_cause(self, done, status, cause, exit_status):
        record = record_of(done)
        self.assertEqual((record["status"], record["termination"]["cause"]), (status, cause), record)
        self.assertEqual(done.returncode, exit_status)
        return record

    def test_hello(self):
        done = run_python("print('hello')", "--agent-id", "test-001")
        self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"), done)
        for line in (b"Execution Summary", b"Agent ID: test-001", b"Risk Level: medium", b"Language: python", b"Exit Code: 0"):
            self.assertIn(line, done.stderr)

    def test_output_comes_as_it_is_printed(self):
        child = subprocess.Popen([BRIG, "run", "--language", "python", *IMAGE, "--code", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
        child.stdin.write(b"import time\nprint('first')\ntime.sleep(3)\nprint('second')")
        child.stdin.close()
        first = child.stdout.readline()
        self.assertEqual((first, child.poll()), (b"first\n", None))
        self.assertEqual(child.stdout.read(), b"second\n")
        child.stdout.close()
        self.assertEqual(child.wait(SECONDS_MAX), 0)

    def test_log_of_the_run_is_kept(self):
        done = run_python("print('kept')", "--agent-id", "test-log")
        path = [line[len("Log: "):] for line in done.stderr.decode().splitlines() if line.startswith("Log: ")][0]
        text = pathlib.Path(path).read_text()
        self.assertTrue(text.startswith("kept\n"), text)
        self.assertIn("Agent ID: test-log", text)

    def test_log_folder_that_cannot_be_made_is_no_failure(self):
        done = subprocess.run([BRIG, "run", "--language", "python", *IMAGE, "--code", "-"], input=b"print(1)", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=dict(environment(), BRIG_LOGS_DIRECTORY="/proc/no/such"), timeout=SECONDS_MAX)
        self.assertEqual((done.returncode, done.stdout), (0, b"1\n"), done)
        self.assertEqual(done.stderr.count(b"no log of this run"), 1)

    def test_member_of_the_engines_group_needs_no_root(self):
        socket = pathlib.Path("/var/run/docker.sock")
        if os.geteuid() != 0 or not socket.exists() or not socket.stat().st_gid:
            self.skipTest("needs root, to become another user, and a group of the engine's socket")
        user = 65533
        with tempfile.TemporaryDirectory(prefix="brig-test-user-") as home:
            os.chown(home, user, user)
            becomes = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={socket.stat().st_gid}"]
            kept = {k: v for k, v in environment().items() if k != "BRIG_LOGS_DIRECTORY" and not k.startswith("XDG_")}
            done = subprocess.run([*becomes, BRIG, "run", "--language", "python", *IMAGE, "--code", "-"], input=b"print('hello')",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(kept, HOME=home, XDG_RUNTIME_DIR=home), timeout=SECONDS_MAX)
            if done.returncode == 126 and b"setpriv" in done.stderr:
                self.skipTest(f"another user may not run {BRIG}")
            self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"), done)
            self.assertEqual(len(list(pathlib.Path(home, ".local/state").rglob("*.log"))), 1)

    def test_exit_status_is_the_programs(self):
        self.assert_cause(run_python("raise SystemExit(7)", "--json"), "failed", "exit", 7)

    def test_signal_is_128_and_its_number(self):
        self.assert_cause(run_python("import signal\nsignal.raise_signal(signal.SIGSEGV)", "--json"), "failed", "signal", 128 + 11)

    def test_timeout_is_124_with_the_output_so_far(self):
        record = self.assert_cause(run_python("print('begun')\nwhile True: pass", "--timeout", "1", "--json"), "killed", "wall_timeout", 124)
        self.assertEqual(record["stdout"], "begun\n")
        self.assertEqual(record["termination"]["limit"], 1000)

    def test_memory_is_137(self):
        code = "print('begun')\nb = bytearray(10)\nwhile True: b += b'x' * 1000000"
        record = self.assert_cause(run_python(code, "--memory", "64m", "--json"), "killed", "memory", 137)
        self.assertEqual(record["stdout"], "begun\n")

    def test_json_is_one_record_and_nothing_else(self):
        done = run_python("import sys\nprint('out')\nprint('err', file=sys.stderr)", "--json", "--agent-id", "test-001", "--metadata", '{"a": [1, "b"]}')
        record = record_of(done)
        self.assertEqual((record["stdout"], record["stderr"]), ("out\n", "err\n"))
        self.assertEqual((record["metadata"], record["agent_id"]), ({"a": [1, "b"]}, "test-001"))
        self.assertEqual(done.stderr, b"")

    def test_arguments_input_and_environment(self):
        code = "import sys\nprint(sys.argv[1:], sys.stdin.read(), dict(p.split('=', 1) for p in open('/proc/self/environ').read().split(chr(0)) if p)['NAME'])"
        with tempfile.NamedTemporaryFile("w", suffix=".py") as program, tempfile.NamedTemporaryFile("w") as text:
            program.write(code), text.write("typed"), program.flush(), text.flush()
            done = brig("run", *IMAGE, "--code", program.name, "--stdin", text.name, "--env", "NAME=a=b", "--", "--x", "-h", "y z")
        self.assertEqual(done.stdout, b"['--x', '-h', 'y z'] typed a=b\n", done)

    def test_seeds_command_works(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
            program.write("print('seed')")
            program.flush()
            rest = ("--timeout", "300", "--memory", "512m", "--cpu", "1.0", "--language", "python", *IMAGE, "--code", program.name, "--agent-id", "test-001")
            for form in (("run", "--risk-level", "medium"), ("medium",)):
                with self.subTest(form):
                    done = brig(*form, *rest)
                    self.assertEqual((done.returncode, done.stdout), (0, b"seed\n"), done)
                    self.assertIn(b"Risk Level: medium", done.stderr)

    def test_findings_raise_the_level(self):
        record = record_of(run_python("open('/etc/shadow')", "--json"))
        self.assertEqual(record["risk_level"], "high")
        self.assertTrue(any(f["category"] == "sensitive" for f in record["findings"]))

    def test_whole_job_record(self):
        job = {"job_id": str(uuid.uuid4()), "agent_id": "test-001", "language": "python", "entrypoint": "main.py",
               "files": [{"path": "main.py", "content": "import other\nprint(other.x)"},
                         {"path": "other.py", "content": base64.b64encode(b"x = 42\n").decode(), "encoding": "base64"}]}
        if IMAGE:
            job["image"] = IMAGE[1]
        done = brig("run", "--job", "-", "--json", stdin=json.dumps(job))
        record = record_of(done)
        self.assertEqual((record["stdout"], record["job_id"]), ("42\n", job["job_id"]), record)

    def test_artifacts_are_kept_and_fetched(self):
        record = record_of(run_python("open('a.txt', 'w').write('made')", "--artifact", "*.txt", "--json"))
        self.assertEqual([a["path"] for a in record["artifacts"]], ["a.txt"], record)
        listed = brig("artifacts", "list", record["job_id"])
        self.assertIn(b"a.txt", listed.stdout)
        fetched = brig("artifacts", "get", record["job_id"], "a.txt")
        self.assertEqual((fetched.returncode, fetched.stdout), (0, b"made"), fetched)
        self.assertEqual(brig("artifacts", "get", record["job_id"], "../a.txt").returncode, 127)

    def interrupt(self, number):
        child = subprocess.Popen([BRIG, "run", "--language", "python", *IMAGE, "--code", "-", "--json"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        child.stdin.write(b"import time\nprint('begun')\ntime.sleep(60)")
        child.stdin.close()
        deadline = time.monotonic() + 60
        while not containers() - self.before and time.monotonic() < deadline:
            pass
        time.sleep(1)  # the program has to print before it is ended; too little only makes the output empty
        child.send_signal(number)
        out, err = child.stdout.read(), child.stderr.read()
        child.stdout.close(), child.stderr.close()
        return subprocess.CompletedProcess(child.args, child.wait(SECONDS_MAX), out, err)

    def test_ctrl_c_ends_the_sandbox_and_prints_the_record(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(status):
                self.assert_cause(self.interrupt(number), "cancelled", "cancelled", status)
                self.assertEqual(containers() - self.before, set())

    def test_reader_that_goes_away_ends_the_run(self):
        child = subprocess.Popen([BRIG, "run", "--language", "python", *IMAGE, "--timeout", "60", "--code", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
        child.stdin.write(b"import time\nwhile True:\n    print('y' * 100)\n    time.sleep(0.01)")
        child.stdin.close()
        child.stdout.read(100)
        child.stdout.close()
        self.assertEqual(child.wait(SECONDS_MAX), 128 + signal.SIGPIPE)


def main():
    if not os.access(BRIG, os.X_OK):
        print(f"SKIPPED: {BRIG} is not built")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    for test, why in result.skipped:
        print(f"SKIPPED {test}: {why}")
    failed = len({t.id().split(" ")[0] for t, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    LOGS.cleanup()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
