#!/usr/bin/python3
"""Images never made for brig: each runs a static program of the job's, or the record says what is wrong with it; no wall gives way."""
import base64
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid

from test_abuse import ROOT, build_attacker, start
from traces import Traces

PREFIX = f"brig-test-{os.getpid()}/"
LANGUAGE = 'image: none\nfile: main\ncommand: ["{file}"]\n'
WORKS = r'"stdout": "write-root: EROFS\nexec-tmp: EACCES\n"'


def folder(name, mode=0o755):
    return tarfile.DIRTYPE, name, b"", mode


def file(name, content=b"x", mode=0o755):
    return tarfile.REGTYPE, name, content, mode


def link(name, target):
    return tarfile.SYMTYPE, name, target.encode(), 0o777


# name: (what lies in the image, its settings, a part of the record)
IMAGES = {
    "one-file": ([file("data")], [], WORKS),
    "volumes": ([], ["VOLUME /data", "VOLUME /work", "VOLUME /work/below", "VOLUME /tmp/below"], WORKS),
    "settings": ([folder("elsewhere")], ['ENTRYPOINT ["/none"]', 'CMD ["none"]', "USER root", "WORKDIR /elsewhere", "ENV HOME=/elsewhere LD_PRELOAD=/none",
                                         "HEALTHCHECK --interval=1s CMD /none", "EXPOSE 80"], WORKS),
    "closed-folders": ([folder("work", 0o700), folder("code", 0o700), folder("tmp", 0o700), folder("etc", 0o700)], [], WORKS),
    "own-init": ([folder("brig"), file("brig/init", b"#!/none\n")], [], WORKS),
    "own-init-is-a-link": ([folder("brig"), link("brig/init", "/data"), file("data")], [], WORKS),
    "code-is-a-link": ([link("code", "/elsewhere"), folder("elsewhere")], [], WORKS),
    "hosts-is-a-link": ([folder("etc"), link("etc/hosts", "/data"), file("data")], [], WORKS),
    "kernel-folders-are-files": ([file("proc"), file("sys"), file("dev"), file("etc")], [], WORKS),
    "kernel-folders-are-links": ([link("proc", "/elsewhere"), link("sys", "/elsewhere"), link("dev", "/elsewhere"), folder("elsewhere")], [], WORKS),
    "closed-brig": ([folder("brig", 0o700)], [], "/brig/init: permission denied"),
    "work-is-a-file": ([file("work")], [], "/work is not a directory"),
    "tmp-is-a-file": ([file("tmp")], [], 'to rootfs at \\"/tmp\\"'),
    "code-is-a-file": ([file("code")], [], 'to rootfs at \\"/code\\"'),
    "brig-is-a-file": ([file("brig")], [], 'to rootfs at \\"/brig/'),
    "work-is-a-link": ([link("work", "/elsewhere"), folder("elsewhere")], [], "the image has a link to it"),
    "work-leads-out": ([link("work", "../../../../etc"), folder("etc")], [], "/etc is writable"),
    "tmp-is-a-link": ([link("tmp", "/elsewhere"), folder("elsewhere")], [], "the image has a link to it"),
    "volume-in-code": ([], ["VOLUME /code/below"], "declares the volume /code/below"),
    "volume-over-init": ([], ["VOLUME /brig"], "declares the volume /brig"),
    "volume-is-the-root": ([], ["VOLUME /"], "destination can't be '/'"),
    "volume-is-proc": ([], ["VOLUME /proc"], "start container"),
    "too-many-variables": ([], ["ENV " + " ".join(f"V{i}=1" for i in range(1100))], "too many variables"),
}


def make_image(name, entries, settings):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for kind, path, content, mode in entries + [file("last", b"")]:
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = kind, mode
            entry.linkname = content.decode() if kind == tarfile.SYMTYPE else ""
            entry.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(content))
    changes = [word for setting in settings for word in ("--change", setting)]
    subprocess.run(["docker", "import", *changes, "-", PREFIX + name], input=archive.getvalue(), stdout=subprocess.DEVNULL, check=True)


def remove_image(name):
    subprocess.run(["docker", "rmi", PREFIX + name], stdout=subprocess.DEVNULL)


def make_config(directory):
    config = pathlib.Path(directory) / "config"
    shutil.copytree(ROOT / "config", config)
    (config / "languages/native.yaml").write_text(LANGUAGE)
    main = config / "sandbox-config.yaml"
    main.write_text(main.read_text().replace("allow: []", f'allow: ["{PREFIX}*"]'))
    return str(main)


def run(name, attacker, directory, config, engine=None):
    content = base64.b64encode(attacker).decode()
    job = {"job_id": str(uuid.uuid4()), "agent_id": "abuse", "language": "native", "image": PREFIX + name, "entrypoint": "attack",
           "files": [{"path": "attack", "content": content, "encoding": "base64"}], "args": ["write-root", "exec-tmp"]}
    process = start(directory, "--json", config=config, engine=engine)
    return process.communicate(json.dumps(job).encode(), timeout=120)[0].decode()


def attempt(name, attacker, directory, config):
    entries, settings, wanted = IMAGES[name]
    make_image(name, entries, settings)
    try:
        record = json.dumps(json.loads(run(name, attacker, directory, config)))
    finally:
        remove_image(name)
    if wanted in record.replace('\\\\"', '\\"') and ('"succeeded"' in record) == (wanted == WORKS):
        return 0
    print(f"FAILED {name}: no {wanted} in {record[:1500]}")
    return 1


def main():
    if subprocess.run(["docker", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        print(f"SKIPPED: no Docker engine answers\n0 passed, 0 failed, {len(IMAGES) + 1} skipped")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        attacker, config, traces = build_attacker(directory), make_config(directory), Traces(directory + "/run")
        failed = sum(attempt(name, attacker, directory, config) for name in IMAGES)
        left = traces.left()
    if left:
        print(f"FAILED left behind: {left}")
    failed += bool(left)
    print(f"{len(IMAGES) + 1 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
