#!/usr/bin/python3
"""brig's own attack on each level, on the real engine: levels as they are delivered withstand it, weakened ones are not offered."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from script import run_tests  # noqa: E402
from server import Unavailable  # noqa: E402

BRIG = pathlib.Path(os.environ.get("BRIG_TEST_BIN_DIR", ROOT / "build/dev/bin")) / "brig"
SECONDS_MAX = 120
ALLOW_ALL = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": []}


def examine(weaken=lambda directory: None, **settings):
    """The doctor's word on each level, with a copy of the configuration that `weaken` may change."""
    with tempfile.TemporaryDirectory(prefix="brig-test-") as folder:
        directory = pathlib.Path(folder) / "config"
        shutil.copytree(ROOT / "config", directory)
        weaken(directory)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIG_") or name == "BRIG_DOCKER_HOST"}
        if "BRIG_TEST_IMAGE" in os.environ:
            kept["BRIG_IMAGES_ALLOW"] = os.environ["BRIG_TEST_IMAGE"]
        done = subprocess.run([BRIG, "doctor", "--local", "--json", "--config", directory / "sandbox-config.yaml"], env=dict(kept, **settings),
                              stdout=subprocess.PIPE, timeout=SECONDS_MAX, check=False)
    checks = {check["subject"]: check for check in json.loads(done.stdout)["checks"]}
    if checks["engine"]["state"] == "broken":
        raise Unavailable("no Docker engine answers")
    return checks


def need_attack(check):
    if "no image" in check["detail"]:
        raise Unavailable("the engine has no image of a language")


def set_profile(directory, level, key, value):
    path = directory / f"profiles/{level}.yaml"
    path.write_text(re.sub(rf"^{key}: .*$", f"{key}: {value}", path.read_text(), flags=re.M))


def escapes_of(check):
    assert check["state"] == "missing", check
    return set(check["detail"].split("an escape went through: ")[1].split(", "))


def test_the_levels_as_delivered_withstand_the_attack():
    checks = examine()
    for level in ("low", "medium", "high"):
        need_attack(checks[f"level {level}"])
        if level != "low" or "egress" not in checks["level low"]["detail"]:
            assert "withstood" in checks[f"level {level}"]["detail"], checks


def test_a_level_whose_list_allows_all_system_calls_is_not_offered():
    def weaken(directory):
        (directory / "seccomp/open.json").write_text(json.dumps(ALLOW_ALL))
        set_profile(directory, "high", "seccomp", "open")

    checks = examine(weaken)
    need_attack(checks["level medium"])
    assert {"clone-user", "limit-init", "audit-socket", "internet-socket"} <= escapes_of(checks["level high"])
    assert "withstood" in checks["level medium"]["detail"], checks


def test_a_level_with_the_list_of_a_looser_one_is_not_offered():
    checks = examine(lambda directory: set_profile(directory, "high", "seccomp", "medium"))
    need_attack(checks["level high"])
    assert escapes_of(checks["level high"]) == {"internet-socket"}, checks


def test_a_level_put_on_the_bridge_is_not_offered():
    def weaken(directory):
        set_profile(directory, "medium", "network", "bridge")
        set_profile(directory, "high", "network", "bridge")

    checks = examine(weaken)
    need_attack(checks["level high"])
    if "egress" in checks["level high"]["detail"]:
        raise Unavailable("the bridge is not fenced here, so nothing is offered on it anyway")
    assert escapes_of(checks["level medium"]) == {"interface", "route"}, checks
    assert escapes_of(checks["level high"]) == {"interface"}, checks


def test_without_an_image_the_attack_is_said_to_be_untried():
    def weaken(directory):
        for language in (directory / "languages").glob("*.yaml"):
            language.write_text(re.sub(r"^image: .*$", "image: brig-test/none", language.read_text(), flags=re.M))

    check = examine(weaken, BRIG_IMAGES_ALLOW="brig-test/none")["level medium"]
    assert check["state"] == "notice" and "not tried: no image" in check["detail"], check


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
