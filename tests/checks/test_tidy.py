#!/usr/bin/python3
"""clang-tidy finds nothing in any C file of the build. What was clean is remembered by content, so that a second run takes seconds."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin")).parent
SEEN = BUILD / "tidy-seen"


def headers_digest():
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + (ROOT / "tests/.clang-tidy").read_bytes())
    for header in sorted(p for f in ("common", "dispatcher", "worker", "clients", "tests") for p in (ROOT / f).rglob("*.h")):
        digest.update(header.read_bytes())
    return digest


def check(job):
    source, common = job
    digest = common.copy()
    digest.update(source.read_bytes())
    mark = SEEN / digest.hexdigest()
    if mark.exists():
        return True, ""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", str(BUILD), str(source)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        mark.touch()
    return done.returncode == 0, done.stdout.decode(errors="replace")


def main():
    SEEN.mkdir(exist_ok=True)
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    sources = sorted({pathlib.Path(e["file"]) for e in entries if pathlib.Path(e["file"]).is_relative_to(ROOT)} - {None})
    sources = [s for s in sources if not s.is_relative_to(BUILD)]
    common, failed = headers_digest(), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, (clean, output) in zip(sources, pool.map(check, ((s, common) for s in sources))):
            if not clean:
                failed += 1
                print(f"FAILED: {source.relative_to(ROOT)}\n{output}")
    print(f"{len(sources) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not sources else 0


sys.exit(main())
