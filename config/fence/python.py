"""Runs a job's program with some modules refused:  python.py RISK "NAME NAME …" PROGRAM [ARGUMENT …]

A fence, not the wall: it refuses what the job's own code imports, by an ImportError that the program can catch. Modules of the standard
library go on importing what they need, and whoever climbs over it meets the kernel's walls.
"""

import builtins
import importlib
import os
import sys

POLICY_DESCRIPTOR = 200
LIBRARY = tuple({os.path.dirname(os.__file__), sys.prefix + "/lib/", "<frozen"})


def make_fence(risk, blocked):
    pipe = open_policy_pipe()
    get_frame, import_anything, import_module, write = sys._getframe, builtins.__import__, importlib.import_module, os.write

    def is_own(frame):
        return not frame.f_code.co_filename.startswith(LIBRARY)

    def refuse(name):
        if pipe is not None:
            try:
                write(pipe, b"blocked_module " + name.encode()[:128] + b"\n")
            except OSError:
                pass
        raise ImportError(f"module '{name}' is blocked at risk level {risk}", name=name)

    def check(name, members):
        parts = name.split(".")
        names = [".".join(parts[: n + 1]) for n in range(len(parts))]
        for candidate in names + [f"{name}.{member}" for member in members or ()]:
            if candidate in blocked:
                refuse(candidate)

    def guarded_import(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and is_own(get_frame(1)):
            check(name, fromlist)
        return import_anything(name, globals, locals, fromlist, level)

    def guarded_import_module(name, package=None):
        if not name.startswith(".") and is_own(get_frame(1)):
            check(name, ())
        return import_module(name, package)

    builtins.__import__ = guarded_import
    importlib.import_module = guarded_import_module


def open_policy_pipe():
    try:
        os.set_inheritable(POLICY_DESCRIPTOR, False)
    except OSError:
        return None
    return POLICY_DESCRIPTOR


def hide_own_frames(kind, error, trace):
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def main():
    _, risk, blocked, path, *arguments = sys.argv
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(path)
    sys.excepthook = hide_own_frames
    with open(path, "rb") as program:
        source = program.read()
    module = type(sys)("__main__")
    module.__dict__.update(__file__=path, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = module
    make_fence(risk, frozenset(blocked.split()))
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)


main()
