#!/usr/bin/python3
"""Each wall holds something of its own, and none is ever missing unseen.

A container is made as brig makes it (medium), but for brig-init, and an attack of the abuse cases is its program: with all walls the attack
is refused, with one wall less it goes through. Then brig runs a job on an engine that leaves that wall out: it has to refuse.
"""
import json
import os
import subprocess
import sys
import tempfile
import uuid

from engine_proxy import EngineProxy
from test_abuse import BIN, ROOT, build_attacker
from test_images import PREFIX, file, folder, make_config, make_image, remove_image, run

sys.path.insert(0, str(ROOT / "tests/integration"))
import sandbox_driver  # noqa: E402

REFUSED, WENT_THROUGH, KILLED = 0, 42, 137


def host(**changes):
    return lambda spec: spec["HostConfig"].update(changes)


def without_seccomp(spec):
    spec["HostConfig"]["SecurityOpt"] = ["no-new-privileges", "seccomp=unconfined"]


def without_no_new_privileges(spec):
    spec["HostConfig"]["SecurityOpt"].remove("no-new-privileges")


def nothing(spec):
    pass


def without_noexec(spec):
    places = spec["HostConfig"]["Tmpfs"]
    places["/tmp"] = places["/tmp"].replace("noexec", "exec")


def with_network(spec):
    spec["NetworkDisabled"] = False
    spec["HostConfig"].update(NetworkMode="bridge", Dns=[])


# What has to be out of the way for an attack to meet this wall alone: runc itself cannot start a program under this list without it.
IN_THE_WAY = {"no new privileges": without_seccomp}

# wall: (how to take it down, the attack it stops, how that ends while it stands, what brig says when it is missing)
WALLS = {
    "seccomp": (without_seccomp, "add-key", REFUSED, "wall missing|Seccomp"),
    "read-only root": (host(ReadonlyRootfs=False), "write-open-folder", REFUSED, "/ is writable"),
    "no new privileges": (without_no_new_privileges, "set-user-id", REFUSED, "wall missing|NoNewPrivs|setgroups"),
    "process limit": (host(PidsLimit=4000), "many-processes", REFUSED, "pids.max"),
    "memory limit": (host(Memory=0, MemorySwap=0), "big-array", KILLED, "memory_bytes|memory limit"),
    "no network": (with_network, "network-device", REFUSED, "network device"),
    "noexec /tmp": (without_noexec, "exec-tmp", REFUSED, "/tmp is mounted"),
    "capabilities": (host(CapDrop=[]), "bounding-set", REFUSED, "wall missing|CapBnd"),
}


def describe(directory, config):
    """The specification that brig would give to the engine."""
    job = {"job_id": str(uuid.uuid4()), "agent_id": "abuse", "language": "native", "code": "", "risk_level": "medium", "image": PREFIX + "walls"}
    path = os.path.join(directory, "job.json")
    with open(path, "w") as stream:
        json.dump(job, stream)
    shown = subprocess.run([str(BIN / "brig"), "run", "--dry-run", "--config", config, "--job", path], stdout=subprocess.PIPE, check=True).stdout.decode()
    return json.JSONDecoder().raw_decode(shown[shown.index('{\n  "Image"'):])[0]


def ending(spec, code):
    """The exit status of a container of this specification whose program is the attack, with its files where brig has them."""
    spec["HostConfig"].pop("CgroupParent")
    spec["HostConfig"]["Mounts"] = [{"Type": "bind", "Source": code, "Target": "/code", "ReadOnly": True}]
    identity = sandbox_driver.engine("POST", "/containers/create", spec)["Id"]
    try:
        sandbox_driver.engine("POST", f"/containers/{identity}/start")
        return sandbox_driver.engine("POST", f"/containers/{identity}/wait")["StatusCode"]
    finally:
        sandbox_driver.engine("DELETE", f"/containers/{identity}?force=1")


def attack(spec, wall, directory, standing):
    take_down, name, _, _ = WALLS[wall]
    spec = json.loads(json.dumps(spec))
    spec.update(Entrypoint=["/code/attack"], Cmd=[name], OpenStdin=False)
    IN_THE_WAY.get(wall, nothing)(spec)
    if not standing:
        take_down(spec)
    return ending(spec, directory + "/code")


def record_without(wall, attacker, directory, config):
    path = f"{directory}/{len(os.listdir(directory))}.sock"
    proxy = EngineProxy(path, WALLS[wall][0])
    record = json.loads(run("walls", attacker, directory, config, engine=path))
    proxy.close()
    return record, proxy.edited


def faults(wall, spec, attacker, directory, config):
    stopped, missing = WALLS[wall][2:]
    standing, fallen = (attack(spec, wall, directory, up) for up in (True, False))
    if standing != stopped:
        yield f"with all walls the attack ended with {standing}"
    if fallen != WENT_THROUGH:
        yield f"without it the attack ended with {fallen}"
    record, edited = record_without(wall, attacker, directory, config)
    reason = record.get("termination", {}).get("reason", "")
    if not edited or record["status"] != "error" or not any(word in reason for word in missing.split("|")) or record.get("started_at"):
        yield f"brig did not refuse: {json.dumps(record)[:800]}"


def test_all(directory):
    attacker, config = build_attacker(directory), make_config(directory)
    os.mkdir(directory + "/code")
    os.chmod(directory, 0o755)
    os.rename(directory + "/attack", directory + "/code/attack")
    make_image("walls", [folder("open", 0o777), file("set-user-id", attacker, 0o4755)], [])
    spec, failed = describe(directory, config), 0
    for wall in WALLS:
        found = list(faults(wall, spec, attacker, directory, config))
        failed += bool(found)
        print(f"FAILED {wall}: " + "; ".join(found) if found else f"ok     {wall}", flush=True)
    return failed


def main():
    if subprocess.run(["docker", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        print(f"SKIPPED: no Docker engine answers\n0 passed, 0 failed, {len(WALLS)} skipped")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        try:
            failed = test_all(directory)
        finally:
            remove_image("walls")
    print(f"{len(WALLS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
