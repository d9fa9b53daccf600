#!/usr/bin/python3
"""The arrows of inclusion go one way: programs -> dispatcher | worker | clients -> common/transport -> common."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# part: the parts it may include besides itself; the longest matching folder names the part of a file
MAY_INCLUDE = {
    "common": [],
    "common/transport": ["common"],
    "dispatcher": ["common", "common/transport"],
    "worker/init": [],
    "worker/sandbox": ["common", "worker/init"],
    "worker": ["common", "common/transport", "worker/sandbox"],
    "clients/cli": ["common", "common/transport", "worker/sandbox"],
}
FORBIDDEN_IN_COMMON = {"uv.h", "librdkafka/rdkafka.h", "hiredis/hiredis.h", "hiredis/async.h", "http_parser.h"}
TOP_LEVEL = {"worker", "dispatcher", "common", "schemas", "config", "deploy", "tests", "clients", "CMakeLists.txt", "CMakePresets.json",
             "README.md", "ARCHITECTURE.md", "LICENSE", ".ci", ".git", ".gitignore", ".clang-format", ".clang-tidy", "build"}


def part_of(path):
    return max((p for p in MAY_INCLUDE if path.startswith(p + "/")), key=len, default=None)


def faults_of(source):
    path = source.relative_to(ROOT).as_posix()
    part = part_of(path)
    for number, line in enumerate(source.read_text().splitlines(), 1):
        quoted = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        angled = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if quoted:
            target = part_of(quoted.group(1))
            if target != part and target not in MAY_INCLUDE[part]:
                yield f"{path}:{number}: {part} may not include {quoted.group(1)}"
        if angled and part == "common" and angled.group(1) in FORBIDDEN_IN_COMMON:
            yield f"{path}:{number}: common may not know {angled.group(1)}"


def main():
    sources = [s for folder in ("common", "dispatcher", "worker", "clients") for s in sorted((ROOT / folder).rglob("*.[ch]"))]
    inclusion = [fault for source in sources if part_of(source.relative_to(ROOT).as_posix()) for fault in faults_of(source)]
    layout = [f"{entry.name}: not a place of the top level" for entry in ROOT.iterdir() if entry.name not in TOP_LEVEL]
    homeless = [f"{s.relative_to(ROOT)}: belongs to no part" for s in sources if not part_of(s.relative_to(ROOT).as_posix())]
    for fault in inclusion + layout + homeless:
        print(fault)
    failed = sum(1 for faults in (inclusion, layout, homeless) if faults)
    print(f"{3 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not sources else 0


sys.exit(main())
