#!/usr/bin/env python3
"""Writes low.json, medium.json and high.json beside itself: the system calls a job may make, in the form the engine takes as
`seccomp=`. With --check it writes nothing and fails when a file is not what it would write.

Lists allow; what is in none is refused with EPERM. High has the calls that the five languages were seen to need and nothing else; medium and
low add what other programs and C libraries use for the same things. Sources: seccomp(2), the numbers in the kernel's uapi headers."""
import json
import os
import sys

EPERM, EACCES, ENOSYS = 1, 13, 38
LEVELS = ("low", "medium", "high")

# Dropped one at a time and then together, none can be missed by all of Python, Node, Bash, Go and Rust.
NEEDED = """
accept4 access arch_prctl bind chdir chmod clock_gettime clock_nanosleep close connect copy_file_range creat dup2 epoll_create1 epoll_ctl
epoll_pwait epoll_wait eventfd2 execve exit exit_group fadvise64 fallocate fchdir fchmod fchmodat fdatasync fgetxattr flock fork fsetxattr
fstatfs fsync ftruncate futex getcwd getdents64 geteuid getgroups getpgid getpgrp getpid getpriority getrandom getrusage getsid getsockopt
gettid getuid inotify_add_watch inotify_init1 ioctl link listen listxattr llistxattr lseek mkdir mknodat mmap mprotect msync munmap
newfstatat openat pidfd_open pipe2 poll pread64 preadv2 pwrite64 read readlink recvfrom rename renameat2 rmdir rt_sigaction rt_sigprocmask
rt_sigreturn rt_sigtimedwait sched_getaffinity sendto setitimer setsid shutdown sigaltstack signalfd4 statfs statx symlink symlinkat sysinfo
truncate uname unlink unlinkat utimensat wait4 write
"""

# Missed in silence, or replaced at a cost, or what cp, mv and ln of a shell script or Go's os/exec need. Without prctl init would stay
# dumpable; the clock calls matter where the vDSO has no clock. setsockopt is not among them: it attaches socket filters.
MISSED = """
alarm brk capget close_range dup dup3 faccessat faccessat2 fchown fchownat flistxattr fremovexattr fstat getcpu getegid getgid getpeername
getppid getsockname gettimeofday getxattr inotify_rm_watch lgetxattr linkat lremovexattr lsetxattr madvise mkdirat mremap nanosleep open
prctl readlinkat recvmsg removexattr renameat restart_syscall rseq rt_sigsuspend sched_yield sendfile sendmsg set_robust_list
set_tid_address setpgid setxattr time timer_create timer_settime times umask vfork waitid writev
"""

# Other forms of the same, for programs and C libraries beyond those five.
TWINS = """
accept chown clock_getres epoll_create epoll_pwait2 eventfd futimesat getdents getitimer getresgid getresuid getrlimit inotify_init lchown
lstat membarrier mincore mknod pause pipe ppoll preadv pselect6 pwritev pwritev2 readahead readv recvmmsg rt_sigpending
sched_get_priority_max sched_get_priority_min sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval select sendmmsg
setsockopt signalfd splice stat sync_file_range tee timer_delete timer_getoverrun timer_gettime timerfd_create timerfd_gettime
timerfd_settime utime utimes
"""

# Trusted agents and development.
DEVELOPMENT = """
execveat get_mempolicy get_robust_list memfd_create mlock mlock2 mlockall msgctl msgget msgrcv msgsnd munlock munlockall name_to_handle_at
semctl semget semop semtimedop setgid setregid setresgid setresuid setreuid setrlimit setuid shmat shmctl shmdt shmget sync syncfs vmsplice
"""

# Honest code never makes these: death of the whole process, which is recorded as an attack.
ATTACKS = """
bpf delete_module finit_module fsconfig fsmount fsopen fspick init_module kexec_file_load kexec_load mount mount_setattr move_mount
open_by_handle_at open_tree pivot_root process_vm_readv process_vm_writev setns umount2 userfaultfd
"""

# Programs ask for these first and know what to do where the kernel has none; clone3's flags lie where no filter can read them.
TOO_NEW = "clone3 futex_waitv landlock_add_rule landlock_create_ruleset landlock_restrict_self memfd_secret openat2 process_madvise"

NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
SIGSYS = 31
SIGNAL_ARGUMENT = {"kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2, "pidfd_send_signal": 1}

# Every command but F_SETSIG (10), which could make a process seem to have been killed by the filter, and F_SETOWN.
FCNTL = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 36, 37, 38, 1030, 1032, 1033, 1034]
F_SETPIPE_SZ = 1031  # pipe pages are one account of all who share a user

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, NETLINK_ROUTE = 1, 2, 10, 16, 0
FAMILIES = {"low": [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK], "medium": [AF_UNIX, AF_INET, AF_INET6], "high": [AF_UNIX]}


def argument(index, op, value, value_two=0):
    return {"index": index, "value": value, "valueTwo": value_two, "op": "SCMP_CMP_" + op}


def equal(index, value):
    return argument(index, "EQ", value)


def masked(index, mask, value):
    return argument(index, "MASKED_EQ", mask, value)


def allow(names, *arguments, comment=None):
    return rule("SCMP_ACT_ALLOW", names, arguments, comment)


def refuse(names, errno, *arguments, comment=None):
    return {**rule("SCMP_ACT_ERRNO", names, arguments, comment), "errnoRet": errno}


def rule(action, names, arguments, comment):
    made = {"names": sorted(names.split()), "action": action}
    if arguments:
        made["args"] = list(arguments)
    if comment:
        made["comment"] = comment
    return made


def plain(level):
    names = NEEDED + MISSED
    if level != "high":
        names += TWINS
    if level == "low":
        names += DEVELOPMENT
    return names


def signals():
    """Any signal but SIGSYS. An NE rule would be passed by 31 | 1 << 32, so: one of SIGSYS's five bits is not set, or a higher one is."""
    for name, index in SIGNAL_ARGUMENT.items():
        for bit in (1 << n for n in range(7)):
            yield allow(name, masked(index, bit, 0 if SIGSYS & bit else bit))


def sockets(level):
    """Refusals by EQ for each gap and by GT: a rule on the family alone that denies would be passed by family | 1 << 32."""
    families = FAMILIES[level]
    for family in families:
        if family == AF_NETLINK:
            yield allow("socket", equal(0, family), equal(2, NETLINK_ROUTE))
            yield refuse("socket", EACCES, equal(0, family), argument(2, "NE", NETLINK_ROUTE))
        else:
            yield allow("socket", equal(0, family))
    for family in range(max(families)):
        if family not in families:
            yield refuse("socket", EACCES, equal(0, family))
    yield refuse("socket", EACCES, argument(0, "GT", max(families)))


def on_itself():
    """PID 1 has the job's user, so its limits, priority and scheduling are the job's to set, but for these rules."""
    yield allow("prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr", equal(0, 0),
                comment="a process on itself alone")
    yield allow("setpriority", equal(0, 0), equal(1, 0))
    yield allow("ioprio_set", equal(0, 1), equal(1, 0))


def rules(level):
    yield allow(plain(level))
    yield allow("clone", masked(0, NAMESPACES, 0), comment="no namespaces")
    yield allow("socketpair", equal(0, AF_UNIX))
    for command in FCNTL + ([F_SETPIPE_SZ] if level == "low" else []):
        yield allow("fcntl", equal(1, command))
    yield from on_itself()
    yield from signals()
    yield from sockets(level)
    yield refuse(TOO_NEW + ("" if level == "low" else " memfd_create"), ENOSYS, comment="as if the kernel were older")
    yield rule("SCMP_ACT_KILL_PROCESS", ATTACKS, (), "an attack")


def profile(level):
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": EPERM, "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": list(rules(level))}


def text(level):
    """A rule a line."""
    head = profile(level)
    lines = ",\n".join("    " + json.dumps(one) for one in head.pop("syscalls"))
    return json.dumps(head)[:-1] + ', "syscalls": [\n' + lines + "\n]}\n"


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    stale = []
    for level in LEVELS:
        path = os.path.join(folder, level + ".json")
        wanted = text(level)
        if "--check" in sys.argv:
            with open(path) as file:
                if file.read() != wanted:
                    stale.append(path)
            continue
        with open(path, "w") as file:
            file.write(wanted)
    for path in stale:
        print(f"{path} is not what make.py writes", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
