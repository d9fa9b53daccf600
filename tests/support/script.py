"""A test script's frame: runs its functions named test_… (with an argument those whose name holds it) and closes with the line that counts."""

import sys
import time
import traceback

from server import Unavailable


def verdict_of(test):
    try:
        test()
        return "ok"
    except Unavailable as reason:
        print(f"SKIPPED {test.__name__}: {reason}", flush=True)
        return "skipped"
    except Exception:
        print(f"FAILED  {test.__name__}\n{traceback.format_exc()}", flush=True)
        return "failed"


def run_tests(names):
    """`names`: globals() of the script. The exit status."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    counts = {"ok": 0, "failed": 0, "skipped": 0}
    for test in [value for name, value in names.items() if name.startswith("test_") and wanted in name]:
        began = time.monotonic()
        verdict = verdict_of(test)
        counts[verdict] += 1
        if verdict == "ok":
            print(f"ok      {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{counts['ok']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0
