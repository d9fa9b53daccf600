"""What brig's own runs leave on a host where others run containers too.

Every instance under one runtime directory is known by the name of its folder there (inotify sees it, however short it lived), every
container of theirs by the engine's events. Only what carries one of these names can be ours; a network namespace, which carries nobody's,
counts when it came during the watch, belongs to no container, and stays.
"""
import ctypes
import glob
import json
import os
import struct
import subprocess
import time

IN_CREATE = 0x100
SETTLE_SECONDS = 20
NETWORK_NAMESPACES = "/run/docker/netns"  # the engine removes names whose namespace is gone only each minute


def docker(*words):
    return subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().split()


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:  # a process that has ended
        return ""


def namespaces():
    """Those that live: a name without one is an empty file."""
    return {path for path in glob.glob(NETWORK_NAMESPACES + "/*") if device(path) != device(NETWORK_NAMESPACES)}


def device(path):
    try:
        return os.stat(path).st_dev
    except FileNotFoundError:
        return device(NETWORK_NAMESPACES)


class Instances:
    """The names that were ever made in a folder."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.names = set()
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self.descriptor, folder.encode(), IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), folder)

    def update(self):
        try:
            while True:
                events = os.read(self.descriptor, 1 << 16)
                while events:
                    size = struct.unpack_from("iIII", events)[3]
                    self.names.add(events[16:16 + size].rstrip(b"\0").decode())
                    events = events[16 + size:]
        except BlockingIOError:
            return {name for name in self.names if name.startswith("brig-")}


class Traces:
    """Begins to watch; `directory` is where BRIG_WORKER_RUNTIME_DIRECTORY of the runs will be."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.instances = Instances(directory)
        self.namespaces = namespaces()
        self.volumes = set(docker("volume", "ls", "-q"))
        self.events = open(os.path.join(os.path.dirname(directory), "events"), "w+")
        self.engine = subprocess.Popen(["docker", "events", "--since", str(int(time.time())), "--format", "{{json .}}"], stdout=self.events,
                                       stderr=subprocess.DEVNULL)

    def _containers(self):
        """Ids of ours, and the volumes that were mounted in them."""
        self.events.flush()
        events = [json.loads(line) for line in read(self.events.name).splitlines() if line.endswith("}")]
        ours = {e["Actor"]["ID"] for e in events if e["Type"] == "container"
                and e["Actor"]["Attributes"].get("brig.folder", "").startswith(self.directory + "/")}
        volumes = {e["Actor"]["ID"] for e in events if e["Type"] == "volume" and e["Actor"]["Attributes"].get("container") in ours}
        return ours, volumes

    def _processes(self, marks):
        for folder in glob.glob("/proc/[0-9]*"):
            if folder != f"/proc/{os.getpid()}" and int(folder[6:]) != self.engine.pid:
                texts = read(folder + "/cmdline") + read(folder + "/cgroup")
                if any(mark in texts for mark in marks):
                    yield read(folder + "/cmdline").replace("\0", " ")[:120] or folder

    def _unowned_namespaces(self):
        new = namespaces() - self.namespaces
        ids = docker("ps", "-aq") if new else []
        used = docker("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", *ids) if ids else []
        return {path for path in new if "/var" + path not in used and path not in used}

    def _now(self):
        names = self.instances.update()
        containers, volumes = self._containers()
        marks = {name.removeprefix("brig-") for name in names} | containers
        there = docker("ps", "-aq", "--no-trunc", "--filter", "label=brig.worker")
        folders = dict(line.rsplit("=", 1)[::-1] for line in self._labels(there))
        members = read_members("brig")
        return {
            "containers": {c for c in there if folders.get(c, "").startswith(self.directory + "/")},
            "volumes": volumes & (set(docker("volume", "ls", "-q")) - self.volumes),
            "network members": {m for m in members if any(mark in m for mark in marks)},
            "cgroups": {path for path, folders, _ in os.walk("/sys/fs/cgroup")
                        if any(mark in os.path.basename(path).replace("_", "-") for mark in marks)},
            "namespaces": self._unowned_namespaces(),
            "mounts": {line.split()[4] for line in read("/proc/self/mountinfo").splitlines() if self.directory in line},
            "files": {path for path in glob.glob(self.directory + "/**", recursive=True) if path.rstrip("/") != self.directory},
            "processes": set(self._processes(marks | {self.directory})),
        }

    @staticmethod
    def _labels(containers):
        shown = docker("inspect", "-f", '{{index .Config.Labels "brig.folder"}}={{.Id}}', *containers) if containers else []
        return [line for line in shown if "=" in line]

    def left(self):
        """What stays of ours although nothing of ours should run; the empty dict when all is gone. Ends the watch."""
        until = time.monotonic() + SETTLE_SECONDS
        stayed = self._now()
        while any(stayed.values()) and time.monotonic() < until:
            now = self._now()
            stayed = {kind: found & now[kind] for kind, found in stayed.items()}
        self.engine.terminate()
        self.engine.wait()
        self.events.close()
        os.close(self.instances.descriptor)
        return {kind: sorted(found)[:10] for kind, found in stayed.items() if found}


def read_members(network):
    return docker("network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", network)
