/* A native attacker, static, put into a job as a file: `attack NAME` tries one thing and says how the kernel answered.
 * Exit 0: refused (the errno's name is printed); 42: it went through. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

static const char *errno_name(int number)
{
        static const struct {
                int number;
                const char *name;
        } names[] = {
                        {EPERM, "EPERM"},
                        {EACCES, "EACCES"},
                        {ENOSYS, "ENOSYS"},
                        {EROFS, "EROFS"},
                        {ENOENT, "ENOENT"},
                        {EINVAL, "EINVAL"},
                        {ENETUNREACH, "ENETUNREACH"},
                        {ECONNREFUSED, "ECONNREFUSED"},
                        {EAFNOSUPPORT, "EAFNOSUPPORT"},
                        {ENXIO, "ENXIO"},
                        {ENOTTY, "ENOTTY"},
                        {EFAULT, "EFAULT"},
                        {EBADF, "EBADF"},
                        {ESRCH, "ESRCH"},
                        {EINPROGRESS, "EINPROGRESS"},
                        {EIO, "EIO"},
                        {EHOSTUNREACH, "EHOSTUNREACH"},
                        {ENODEV, "ENODEV"},
                        {ETXTBSY, "ETXTBSY"},
                        {ENOTDIR, "ENOTDIR"},
                        {EAGAIN, "EAGAIN"},
        };
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (names[i].number == number)
                        return names[i].name;
        return strerror(number);
}

struct attack {
        const char *name;
        long (*run)(void);
};

static long call_mount(void)
{
        return mount("none", "/tmp", "tmpfs", 0, NULL);
}
static long call_umount(void)
{
        return umount2("/proc", MNT_DETACH);
}
static long call_pivot_root(void)
{
        return syscall(SYS_pivot_root, "/tmp", "/tmp");
}
static long call_chroot(void)
{
        return chroot("/tmp");
}
static long call_unshare_user(void)
{
        return unshare(CLONE_NEWUSER);
}
static long call_unshare_net(void)
{
        return unshare(CLONE_NEWNET);
}
static long call_setns(void)
{
        return setns(open("/proc/self/ns/net", O_RDONLY), 0);
}
static long call_clone_newuser(void)
{
        long pid = syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0, 0, 0, 0);
        if (pid == 0)
                _exit(0);
        return pid;
}
static long call_clone3(void)
{
        unsigned long long args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
        long pid = syscall(SYS_clone3, args, sizeof(args));
        if (pid == 0)
                _exit(0);
        return pid;
}
static long call_ptrace(void)
{
        return ptrace(PTRACE_ATTACH, 1, 0, 0);
}
static long call_ptrace_me(void)
{
        return ptrace(PTRACE_TRACEME, 0, 0, 0);
}
static long call_process_vm_readv(void)
{
        return syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}
static long call_keyctl(void)
{
        return syscall(SYS_keyctl, 0, -3, 1);
}
static long call_add_key(void)
{
        return syscall(SYS_add_key, "user", "k", "v", 1, -3);
}
static long call_bpf(void)
{
        return syscall(SYS_bpf, 0, NULL, 0);
}
static long call_userfaultfd(void)
{
        return syscall(SYS_userfaultfd, 0);
}
static long call_io_uring(void)
{
        char params[120] = {0};
        return syscall(425, 4, params);
}
static long call_perf(void)
{
        char attr[128] = {0};
        return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}
static long call_open_by_handle(void)
{
        return syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0);
}
static long call_name_to_handle(void)
{
        return syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0);
}
static long call_kexec(void)
{
        return syscall(SYS_kexec_load, 0, 0, NULL, 0);
}
static long call_init_module(void)
{
        return syscall(SYS_init_module, NULL, 0, "");
}
static long call_finit_module(void)
{
        return syscall(SYS_finit_module, -1, "", 0);
}
static long call_reboot(void)
{
        return syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL);
}
static long call_swapon(void)
{
        return syscall(SYS_swapon, "/tmp/s", 0);
}
static long call_sethostname(void)
{
        return sethostname("owned", 5);
}
static long call_settime(void)
{
        struct timespec t = {0, 0};
        return clock_settime(CLOCK_REALTIME, &t);
}
static long call_iopl(void)
{
        return syscall(SYS_iopl, 3);
}
static long call_acct(void)
{
        return syscall(SYS_acct, NULL);
}
static long call_quotactl(void)
{
        return syscall(SYS_quotactl, 0, NULL, 0, NULL);
}
static long call_fanotify(void)
{
        return syscall(SYS_fanotify_init, 0, 0);
}
static long call_setuid(void)
{
        return setuid(0);
}
static long call_mknod(void)
{
        return mknod("/tmp/null", S_IFCHR | 0666, 0x103);
}
static long call_memfd(void)
{
        return syscall(SYS_memfd_create, "m", 0);
}
static long call_personality(void)
{
        return syscall(SYS_personality, 0x0040000);
}
static long call_vmsplice(void)
{
        return syscall(SYS_vmsplice, 1, NULL, 0, 0);
}
static long call_mlock(void)
{
        return mlockall(MCL_CURRENT);
}
static long call_shmget(void)
{
        return syscall(SYS_shmget, 1, 4096, 01600);
}
static long call_msgget(void)
{
        return syscall(SYS_msgget, 1, 01600);
}
static long call_mq_open(void)
{
        return syscall(SYS_mq_open, "q", O_CREAT | O_RDWR, 0600, NULL);
}
static long call_netlink(void)
{
        return socket(AF_NETLINK, SOCK_RAW, 0);
}
static long call_netlink_audit(void)
{
        return socket(AF_NETLINK, SOCK_RAW, 9);
}
static long call_packet(void)
{
        return socket(AF_PACKET, SOCK_RAW, 0);
}
static long call_vsock(void)
{
        return socket(40, SOCK_STREAM, 0);
}
static long call_alg(void)
{
        return socket(38, SOCK_SEQPACKET, 0);
}
static long call_inet(void)
{
        return socket(AF_INET, SOCK_STREAM, 0);
}
static long call_inet6(void)
{
        return socket(AF_INET6, SOCK_STREAM, 0);
}
static long call_raw(void)
{
        return socket(AF_INET, SOCK_RAW, 1);
}
static long call_inet_high_bits(void)
{
        return syscall(SYS_socket, AF_INET | 1L << 32, SOCK_STREAM, 0);
}
static long call_vsock_high_bits(void)
{
        return syscall(SYS_socket, 40 | 1L << 32, SOCK_STREAM, 0);
}
static long call_prlimit_init(void)
{
        struct rlimit r = {1, 1};
        return prlimit(1, RLIMIT_CPU, &r, NULL);
}
static long call_affinity_init(void)
{
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(0, &set);
        return sched_setaffinity(1, sizeof(set), &set);
}
static long call_scheduler_init(void)
{
        struct sched_param p = {0};
        return syscall(SYS_sched_setscheduler, 1, SCHED_IDLE, &p);
}
static long call_priority_init(void)
{
        return setpriority(PRIO_PROCESS, 1, 19);
}
static long call_ioprio_init(void)
{
        return syscall(SYS_ioprio_set, 1, 1, 3 << 13 | 7);
}
static long call_sigsys_self(void)
{
        return kill(getpid(), SIGSYS);
}
static long call_sigsys_high_bits(void)
{
        return syscall(SYS_kill, getpid(), 31 | 1L << 32);
}
static long call_sigsys_tgkill(void)
{
        return syscall(SYS_tgkill, getpid(), getpid(), SIGSYS);
}
static long call_setsig(void)
{
        return fcntl(0, F_SETSIG, SIGSYS);
}
static long call_kill_init(void) /* sending is allowed; PID 1 must not notice */
{
        for (int signal = 1; signal <= 64; signal++)
                kill(1, signal);
        errno = EPERM;
        return -1;
}
static long call_init_mem(void)
{
        return open("/proc/1/mem", O_RDWR);
}
static long call_init_fd(void)
{
        return open("/proc/1/fd/0", O_RDWR);
}
static long call_init_environ(void)
{
        return open("/proc/1/environ", O_RDONLY);
}
static long call_init_oom(void)
{
        return open("/proc/1/oom_score_adj", O_WRONLY);
}
static long call_int80(void)
{
        long answer;
        __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory"); /* getpid of the 32-bit table */
        errno = answer < 0 ? (int)-answer : 0;
        return answer < 0 ? -1 : answer;
}
static long call_x32(void)
{
        return syscall(0x40000000 | SYS_getpid);
}
static long call_tiocsti(void)
{
        char c = 'x';
        return ioctl(0, 0x5412, &c);
}
static long call_write_code(void)
{
        return open("/code/attack", O_WRONLY);
}
static long call_chmod_code(void)
{
        return chmod("/code/attack", 0777);
}
static long call_unlink_code(void)
{
        return unlink("/code/attack");
}
static long call_write_init(void)
{
        return open("/brig/init", O_WRONLY);
}
static long call_write_root(void)
{
        return open("/owned", O_CREAT | O_WRONLY, 0600);
}
static long call_write_etc(void)
{
        return open("/etc/hosts", O_WRONLY);
}
static long call_sysrq(void)
{
        return open("/proc/sysrq-trigger", O_WRONLY);
}
static long call_core_pattern(void)
{
        return open("/proc/sys/kernel/core_pattern", O_WRONLY);
}
static long call_kcore(void)
{
        char byte;
        int fd = open("/proc/kcore", O_RDONLY);
        return fd < 0 || read(fd, &byte, 1) < 1 ? (errno = EPERM, -1) : 1;
}
static long call_cgroup_write(void)
{
        return open("/sys/fs/cgroup/memory/memory.limit_in_bytes", O_WRONLY);
}
static long call_release_agent(void)
{
        return open("/sys/fs/cgroup/release_agent", O_WRONLY);
}
static long call_uevent_helper(void)
{
        return open("/sys/kernel/uevent_helper", O_WRONLY);
}
static long call_dev_mem(void)
{
        return open("/dev/mem", O_RDONLY);
}
static long call_ptmx(void)
{
        return open("/dev/ptmx", O_RDWR);
}
static long call_mqueue(void)
{
        return open("/dev/mqueue/q", O_CREAT | O_RDWR, 0600);
}
static long call_exec_tmp(void)
{
        int out = open("/tmp/attack", O_CREAT | O_WRONLY, 0777), in = open("/code/attack", O_RDONLY);
        char block[4096];
        for (ssize_t n; (n = read(in, block, sizeof(block))) > 0;)
                if (write(out, block, (size_t)n) != n)
                        return -1;
        close(out);
        char *argv[] = {"attack", "exec-tmp-done", NULL};
        return execv("/tmp/attack", argv);
}
static long call_exec_tmp_done(void)
{
        return 1;
}
static long call_connect_loopback(void)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof(to));
}
static long connect_to(const char *address, int port)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
        inet_pton(AF_INET, address, &to.sin_addr);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0)
                return -1;
        struct timeval wait = {.tv_sec = 1};
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
        return connect(fd, (struct sockaddr *)&to, sizeof(to));
}
static long call_connect_metadata(void)
{
        return connect_to("169.254.169.254", 80);
}
static long call_connect_private(void)
{
        return connect_to("10.0.0.1", 80);
}
static long call_connect_gateway(void)
{
        return connect_to("172.17.0.1", 22);
}
static long call_alloc_hosts(void)
{
        return prctl(PR_SET_MM, 0, 0, 0, 0);
}

static long call_abort(void)
{
        abort();
}
static long call_big_array(void)
{
        static char array[400 << 20];
        for (size_t i = 0; i < sizeof(array); i += 4096)
                array[i] = 1;
        return array[4096];
}
static long call_stack_overflow(void)
{
        volatile char frame[65536];
        frame[0] = 1;
        return call_stack_overflow() + frame[0];
}
static long call_bus_error(void) /* writes a mapped file beyond what its tmpfs can hold */
{
        enum { STEP = 1 << 20 };
        for (int n = 0; n < 256; n++) {
                char name[32];
                snprintf(name, sizeof(name), "/work/%d", n);
                int fd = open(name, O_CREAT | O_RDWR, 0600);
                if (ftruncate(fd, STEP) < 0)
                        return -1;
                char *map = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                if (map == MAP_FAILED)
                        return -1;
                memset(map, 1, STEP);
        }
        return 1;
}

static long call_many_processes(void)
{
        enum { MANY = 300 };
        for (int n = 0; n < MANY; n++) {
                pid_t pid = fork();
                if (pid < 0)
                        return -1;
                if (pid == 0)
                        for (;;)
                                pause();
        }
        return MANY;
}
static long call_network_device(void) /* any but lo */
{
        char line[256];
        long others = -2; /* lines of heading */
        FILE *devices = fopen("/proc/net/dev", "r");
        while (devices && fgets(line, sizeof(line), devices))
                others += !strstr(line, " lo:");
        errno = ENODEV;
        return others > 0 ? others : -1;
}
static long call_bounding_set(void)
{
        long held = 0;
        for (unsigned long capability = 0; capability < 41; capability++)
                held += prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1;
        errno = EPERM;
        return held ? held : -1;
}
static long call_write_open_folder(void) /* of an image that has one; only a read-only root prevents it */
{
        return open("/open/owned", O_CREAT | O_WRONLY, 0600);
}
static long call_root(void)
{
        errno = EPERM;
        return geteuid() == 0 ? 1 : -1;
}
static long call_set_user_id(void) /* of an image that has this program so */
{
        char *argv[] = {"attack", "root", NULL};
        return execv("/set-user-id", argv);
}

static const struct attack attacks[] = {
                {"many-processes", call_many_processes},
                {"network-device", call_network_device},
                {"bounding-set", call_bounding_set},
                {"write-open-folder", call_write_open_folder},
                {"root", call_root},
                {"set-user-id", call_set_user_id},
                {"abort", call_abort},
                {"big-array", call_big_array},
                {"stack-overflow", call_stack_overflow},
                {"bus-error", call_bus_error},
                {"mount", call_mount},
                {"umount", call_umount},
                {"pivot-root", call_pivot_root},
                {"chroot", call_chroot},
                {"unshare-user", call_unshare_user},
                {"unshare-net", call_unshare_net},
                {"setns", call_setns},
                {"clone-newuser", call_clone_newuser},
                {"clone3", call_clone3},
                {"ptrace", call_ptrace},
                {"ptrace-me", call_ptrace_me},
                {"process-vm-readv", call_process_vm_readv},
                {"keyctl", call_keyctl},
                {"add-key", call_add_key},
                {"bpf", call_bpf},
                {"userfaultfd", call_userfaultfd},
                {"io-uring", call_io_uring},
                {"perf", call_perf},
                {"open-by-handle", call_open_by_handle},
                {"name-to-handle", call_name_to_handle},
                {"kexec", call_kexec},
                {"init-module", call_init_module},
                {"finit-module", call_finit_module},
                {"reboot", call_reboot},
                {"swapon", call_swapon},
                {"sethostname", call_sethostname},
                {"settime", call_settime},
                {"iopl", call_iopl},
                {"acct", call_acct},
                {"quotactl", call_quotactl},
                {"fanotify", call_fanotify},
                {"setuid", call_setuid},
                {"mknod", call_mknod},
                {"memfd", call_memfd},
                {"personality", call_personality},
                {"vmsplice", call_vmsplice},
                {"mlock", call_mlock},
                {"shmget", call_shmget},
                {"msgget", call_msgget},
                {"mq-open", call_mq_open},
                {"netlink", call_netlink},
                {"netlink-audit", call_netlink_audit},
                {"packet", call_packet},
                {"vsock", call_vsock},
                {"alg", call_alg},
                {"inet", call_inet},
                {"inet6", call_inet6},
                {"raw", call_raw},
                {"inet-high-bits", call_inet_high_bits},
                {"vsock-high-bits", call_vsock_high_bits},
                {"prlimit-init", call_prlimit_init},
                {"affinity-init", call_affinity_init},
                {"scheduler-init", call_scheduler_init},
                {"priority-init", call_priority_init},
                {"ioprio-init", call_ioprio_init},
                {"sigsys-self", call_sigsys_self},
                {"sigsys-high-bits", call_sigsys_high_bits},
                {"sigsys-tgkill", call_sigsys_tgkill},
                {"setsig", call_setsig},
                {"kill-init", call_kill_init},
                {"init-mem", call_init_mem},
                {"init-fd", call_init_fd},
                {"init-environ", call_init_environ},
                {"init-oom", call_init_oom},
                {"int80", call_int80},
                {"x32", call_x32},
                {"tiocsti", call_tiocsti},
                {"write-code", call_write_code},
                {"chmod-code", call_chmod_code},
                {"unlink-code", call_unlink_code},
                {"write-init", call_write_init},
                {"write-root", call_write_root},
                {"write-etc", call_write_etc},
                {"sysrq", call_sysrq},
                {"core-pattern", call_core_pattern},
                {"kcore", call_kcore},
                {"cgroup-write", call_cgroup_write},
                {"release-agent", call_release_agent},
                {"uevent-helper", call_uevent_helper},
                {"dev-mem", call_dev_mem},
                {"ptmx", call_ptmx},
                {"mqueue", call_mqueue},
                {"exec-tmp", call_exec_tmp},
                {"exec-tmp-done", call_exec_tmp_done},
                {"connect-loopback", call_connect_loopback},
                {"connect-metadata", call_connect_metadata},
                {"connect-private", call_connect_private},
                {"connect-gateway", call_connect_gateway},
                {"set-mm", call_alloc_hosts},
};

static int attempt(const char *name)
{
        for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
                if (strcmp(attacks[i].name, name) != 0)
                        continue;
                errno = 0;
                long answer = attacks[i].run();
                printf("%s: %s\n", name, answer < 0 ? errno_name(errno) : "went through");
                return answer < 0 ? 0 : 42;
        }
        fprintf(stderr, "attack: no '%s'\n", name);
        return 2;
}

int main(int argc, char **argv)
{
        int worst = argc < 2 ? 2 : 0;
        for (int i = 1; i < argc; i++) {
                int now = attempt(argv[i]);
                worst = now > worst ? now : worst;
                fflush(stdout);
        }
        return worst;
}
