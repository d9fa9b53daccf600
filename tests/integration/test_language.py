#!/usr/bin/python3
"""Adding a language is adding a file: Perl, which brig does not know, in an image that has it by chance."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from script import run_tests  # noqa: E402
from server import Unavailable  # noqa: E402

BRIG = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin")) / "brig"
PERL = """image: brig/bash
file: main.pl
command: [perl, "{file}"]
env: ["CPUS={cpus}"]
"""


def run(directory, *options, code=""):
    config = directory / "config"
    shutil.copytree(ROOT / "config", config)
    (config / "languages/perl.yaml").write_text(PERL)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIG_") or name == "BRIG_DOCKER_HOST"}
    done = subprocess.run([BRIG, "run", "--config", config / "sandbox-config.yaml", "--code", "-", "--json", *options], input=code.encode(),
                          stdout=subprocess.PIPE, timeout=120, check=False, env=dict(kept, BRIG_LOGS_DIRECTORY=str(directory)))
    record = json.loads(done.stdout)
    if record["termination"].get("cause") == "infrastructure":
        raise Unavailable(record["termination"]["reason"])
    return done.returncode, record


def test_a_language_that_is_a_file_runs():
    with tempfile.TemporaryDirectory(prefix="brig-test-") as folder:
        code = 'print "perl @ARGV $ENV{CPUS}\\n"; exit 3;'
        status, record = run(pathlib.Path(folder), "--language", "perl", "--", "one", "two", code=code)
        assert (status, record["status"], record["stdout"]) == (3, "failed", "perl one two 1\n"), record
        assert record["language"] == "perl" and record["termination"] == {"cause": "exit", "code": 3}, record


def test_its_limits_are_those_of_every_language():
    with tempfile.TemporaryDirectory(prefix="brig-test-") as folder:
        _, record = run(pathlib.Path(folder), "--language", "perl", "--memory", "64m", code='my @hog; push @hog, "x" x 1000000 while 1;')
        assert record["termination"]["cause"] == "memory" and record["termination"]["limit"] == 67108864, record


sys.exit(run_tests(globals()))
