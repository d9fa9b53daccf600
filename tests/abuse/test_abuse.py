#!/usr/bin/python3
"""What hostile code does, one file a case: tests/abuse/TOPIC/CASE.yaml holds a job and the record it must come to.

  levels:   risk levels to try, default all three
  job:      members of the job record; `language` defaults to python
  raw:      bytes sent instead of a record: a text, or {base64:} or {prefix:, repeat:, times:, suffix:}
  attack:   [NAME ...] puts attack.c's program into the job and runs it with these arguments
  matrix:   {name: [values]}; "${name}" in job and expect is replaced, one case a value
  beside:   members of a second job that is started first and runs while this one does (it prints "ready")
  expect:   what the result record must hold: members given are compared, objects recursively; every element listed must
            be in the record's list; "~RE" matches text, {min:, max:} numbers, null that a member is absent
  expect@LEVEL: replaces `expect` at one level

Runs every case through `brig run --job - --json` in parallel, then looks for what they left on the host (traces.py). BRIG_TEST_CASES=RE
runs the cases whose name matches.
"""
import base64
import concurrent.futures
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import uuid

import yaml

from traces import Traces

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin"))
LEVELS = ["low", "medium", "high"]
JOBS = 3
SECONDS_MAX = 120


def substitute(value, names):
    if isinstance(value, str):
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        if whole and whole.group(1) in names:
            return names[whole.group(1)]
        return re.sub(r"\$\{(\w+)\}", lambda m: str(names.get(m.group(1), m.group(0))), value)
    if isinstance(value, dict):
        return {k: substitute(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, names) for v in value]
    return value


def cases():
    wanted = re.compile(os.environ.get("BRIG_TEST_CASES", ""))
    for path in sorted(HERE.glob("*/*.yaml")):
        case = yaml.safe_load(path.read_text())
        matrix = case.get("matrix", {})
        key = next(iter(matrix), None)
        for value in matrix.get(key, [None]):
            for level in case.get("levels", LEVELS):
                name = f"{path.parent.name}/{path.stem}" + (f"[{value}]" if key else "") + f"@{level}"
                if wanted.search(name):
                    yield name, level, substitute(copy.deepcopy(case), {key: value} if key else {})


def record_of(case, level, attacker):
    raw = case.get("raw")
    if isinstance(raw, dict) and "base64" in raw:
        return base64.b64decode(raw["base64"])
    if isinstance(raw, dict):
        return (raw["prefix"] + raw["repeat"] * raw["times"] + raw["suffix"]).encode()
    if raw is not None:
        return raw.encode()
    job = dict(case.get("job", {}))
    job.setdefault("job_id", str(uuid.uuid4()))
    job.setdefault("agent_id", "abuse")
    job.setdefault("language", "python")
    job.setdefault("risk_level", level)
    if "attack" in case:
        files = [{"path": "main.sh", "content": 'exec /code/attack "$@"\n'},
                 {"path": "attack", "content": base64.b64encode(attacker).decode(), "encoding": "base64"}]
        job.update(language="bash", files=files, entrypoint="main.sh", args=case["attack"])
    limits = job.setdefault("limits", {})
    limits.setdefault("timeout_ms", 20000)
    return json.dumps(job).encode()


def start(directory, *options, config=None, engine=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIG_")}
    environment.update(BRIG_LOGS_DIRECTORY=directory, BRIG_WORKER_RUNTIME_DIRECTORY=directory + "/run")
    if config:
        environment["BRIG_CONFIG"] = config
    if engine:
        environment["BRIG_DOCKER_HOST"] = "unix://" + engine
    return subprocess.Popen([str(BIN / "brig"), "run", "--job", "-", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment)


def start_beside(record, directory):
    process = start(directory)
    process.stdin.write(record)
    process.stdin.close()
    process.stdin = None
    process.stdout.readline()  # "ready"
    return process


def differences(expected, got, where="record"):
    if isinstance(expected, dict) and set(expected) <= {"min", "max"} and expected:
        low, high = expected.get("min", float("-inf")), expected.get("max", float("inf"))
        if not isinstance(got, (int, float)) or not low <= got <= high:
            yield f"{where}: {got!r} is not within {expected}"
    elif isinstance(expected, dict):
        for key, value in expected.items():
            yield from differences(value, got.get(key) if isinstance(got, dict) else None, f"{where}.{key}")
    elif expected == [] and got:
        yield f"{where}: {got!r} is not empty"
    elif isinstance(expected, list):
        for element in expected:
            if not any(not list(differences(element, one)) for one in got or []):
                yield f"{where}: no {element!r} in {got!r}"
    elif isinstance(expected, str) and expected.startswith("~"):
        if not isinstance(got, str) or not re.search(expected[1:], got, re.S):
            yield f"{where}: {str(got)[:300]!r} does not match {expected[1:]!r}"
    elif expected != got:
        yield f"{where}: {str(got)[:300]!r} instead of {expected!r}"


def attempt(name, level, case, attacker, directory):
    beside = None
    if "beside" in case:
        beside = start_beside(record_of({"job": case["beside"]}, level, attacker), directory)
    try:
        record = record_of(case, level, attacker)
        process = start(directory, "--json")
        out, err = process.communicate(record, timeout=SECONDS_MAX)
        try:
            got = json.loads(out)
        except ValueError:
            return [f"no record: exit {process.returncode}, stdout {out[:200]!r}, stderr {err[-400:]!r}"]
        expected = case.get("expect@" + level, case.get("expect"))
        faults = list(differences(expected, got))
        if process.returncode == 0 and got.get("status") != "succeeded":
            faults.append("exit status 0 without success")
        if faults:
            faults.append("record: " + json.dumps(got)[:1500])
        return faults
    except subprocess.TimeoutExpired:
        process.kill()
        return [f"no end within {SECONDS_MAX} s"]
    finally:
        if beside:
            beside.terminate()
            beside.communicate(timeout=30)


def build_attacker(directory):
    path = os.path.join(directory, "attack")
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu", "-o", path,
                    str(HERE / "attack.c")], check=True)
    return pathlib.Path(path).read_bytes()


def main():
    everything = list(cases())
    if subprocess.run(["docker", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        print(f"SKIPPED: no Docker engine answers\n0 passed, 0 failed, {len(everything)} skipped")
        return 0
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as directory:
        attacker = build_attacker(directory)
        traces = Traces(directory + "/run")
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            futures = [(name, pool.submit(attempt, name, level, case, attacker, directory)) for name, level, case in everything]
            for name, future in futures:
                faults = future.result()
                if faults and "not offered" in " ".join(faults):
                    skipped += 1
                    print(f"SKIPPED {name}: {faults[0][:200]}")
                elif faults:
                    failed += 1
                    print(f"FAILED {name}\n    " + "\n    ".join(faults), flush=True)
                else:
                    passed += 1
        left = traces.left()
    if left:
        failed += 1
        print(f"FAILED left behind: {left}")
    else:
        passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
