#!/usr/bin/python3
"""Runs test programs and scripts and counts every single test in them.

  run_tests.py --bin DIR [--plain DIR] [--jobs N] KIND [KIND ...]      kinds: checks unit fuzz sim fault integration abuse

Fault tests are those of --plain, a build without sanitizers. A C program (DIR/../tests/KIND_*) is counted by cmocka's own closing lines; a script (tests/KIND/test_*) by its closing line
`N passed, N failed, N skipped`. One that ends without its line, or by a signal, or too late, is one failed test more.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARALLEL = {"checks", "unit", "fuzz", "sim", "fault"}
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CMOCKA = {name: re.compile(r"^\[\s+%s\s+\] (\d+) test\(s\)" % name, re.M) for name in ("PASSED", "FAILED", "SKIPPED")}
SECONDS_MAX = {"checks": 900, "unit": 120, "fuzz": 120, "sim": 600, "fault": 600, "integration": 1500, "abuse": 1500}


def find(kind, bin_dir):
    programs = sorted((bin_dir.parent / "tests").glob(kind + "_*"))
    scripts = sorted(p for p in (ROOT / "tests" / kind).glob("test_*") if os.access(p, os.X_OK) and p.suffix in (".py", ".sh"))
    return [p for p in programs if os.access(p, os.X_OK) and p.is_file()] + scripts


def count(output, code):
    closing = CLOSING.findall(output)
    if closing:
        passed, failed, skipped = (int(n or 0) for n in closing[-1])
    else:
        passed, failed, skipped = (sum(int(n) for n in CMOCKA[name].findall(output)) for name in ("PASSED", "FAILED", "SKIPPED"))
    if code != 0 and failed == 0 or passed + failed + skipped == 0:
        failed += 1
    return passed, failed, skipped


def run(kind, path, bin_dir):
    began = time.monotonic()
    environment = dict(os.environ, BRIG_TEST_BIN_DIR=str(bin_dir))
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    try:
        done = subprocess.run([str(path)], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS_MAX[kind])
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace") + f"\nno end within {SECONDS_MAX[kind]} s\n", -1
    return kind, path, count(output, code), output, time.monotonic() - began


def report(outcome):
    kind, path, (passed, failed, skipped), output, seconds = outcome
    print(f"{'FAILED ' if failed else 'ok     '} {kind}/{path.name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.1f} s)",
          flush=True)
    if failed:
        print("\n".join("    " + line for line in output.splitlines()[-200:]), flush=True)
    else:
        for line in output.splitlines():
            if "SKIPPED" in line and "test(s)" not in line:
                print("    " + line.strip(), flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--bin", type=pathlib.Path, required=True)
    options.add_argument("--plain", type=pathlib.Path)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("kinds", nargs="+", choices=list(SECONDS_MAX))
    options = options.parse_args()
    total = [0, 0, 0]
    for kind in options.kinds:
        jobs = options.jobs if kind in PARALLEL else 1
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            bin_dir = (options.plain or options.bin if kind == "fault" else options.bin).resolve()
            for outcome in pool.map(lambda path, k=kind, b=bin_dir: run(k, path, b), find(kind, bin_dir)):
                report(outcome)
                total = [a + b for a, b in zip(total, outcome[2])]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


sys.exit(main())
