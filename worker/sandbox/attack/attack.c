/* What a hostile job would try first, tried by brig itself: `attack LEVEL`, static, run as a job of that level (selfattack.h).
 *
 * Prints "escaped NAME" for each try that went through, then "tried COUNT", and at last takes more memory than any job has: it must not
 * live to print "escaped memory". Each try is a child of its own, since the kernel answers some of them with death. The only addresses
 * ever spoken to are the metadata address and the default gateway, both refused on the way out of the bridge. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        NETLINK_OF_AUDIT = 9,
        ORIGIN_ICMP = 2,   /* ip(7) */
        CONNECT_MS = 1500, /* a refusal of this host comes at once */
        METADATA_PORT = 80,
        GATEWAY_PORT = 22,
        CHILDREN_MAX = 64, /* more than the job may have */
        ESCAPED = 42,
        BLOCK_BYTES = 1 << 20,
        BLOCKS_MAX = 256, /* more than the job may have */
};

static bool can_open(const char *path, int flags)
{
        return open(path, flags | O_CLOEXEC, 0600) >= 0;
}

/* --- files --- */

static bool write_code(void)
{
        return can_open("/code/owned", O_CREAT | O_WRONLY) || can_open("/code/attack", O_WRONLY);
}

static bool write_root(void)
{
        return can_open("/owned", O_CREAT | O_WRONLY) || can_open("/etc/hosts", O_WRONLY);
}

static bool write_init(void)
{
        return can_open("/brig/init", O_WRONLY);
}

static bool open_device(void)
{
        return can_open("/dev/mem", O_RDONLY) || can_open("/dev/kmsg", O_RDONLY) || can_open("/dev/ptmx", O_RDWR);
}

static bool make_device(void)
{
        return mknod("/tmp/device", S_IFCHR | 0666, 0x101) == 0;
}

static bool give_away(void)
{
        return can_open("/tmp/given", O_CREAT | O_WRONLY) && chown("/tmp/given", 0, 0) == 0;
}

static bool copy_self(const char *to)
{
        char block[4096];
        int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0700);
        for (ssize_t n; (n = read(in, block, sizeof(block))) > 0;)
                if (write(out, block, (size_t)n) != n)
                        return false;
        return close(out) == 0;
}

/* Goes on in main, with no level. */
static bool execute_tmp(void)
{
        char *arguments[] = {"attack", NULL};
        if (copy_self("/tmp/attack"))
                execv("/tmp/attack", arguments);
        return false;
}

/* --- the kernel --- */

static bool mount_tmpfs(void)
{
        return mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static bool unshare_user(void)
{
        return unshare(CLONE_NEWUSER) == 0;
}

static bool clone_user(void)
{
        long pid = syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0, 0, 0, 0);
        if (pid == 0)
                _exit(0);
        return pid > 0;
}

static bool enter_namespace(void)
{
        return setns(open("/proc/self/ns/net", O_RDONLY), 0) == 0;
}

static bool become_root(void)
{
        return setuid(0) == 0 || setgid(0) == 0;
}

static bool use_keys(void)
{
        return syscall(SYS_keyctl, 0, -3, 1) >= 0;
}

static bool load_bpf(void)
{
        int attributes[32] = {2, 4, 4, 1}; /* a map of one number */
        return syscall(SYS_bpf, 0, attributes, sizeof(attributes)) >= 0;
}

/* --- PID 1 --- */

static bool trace_init(void)
{
        return ptrace(PTRACE_SEIZE, 1, 0, 0) == 0;
}

static bool read_init_memory(void)
{
        return can_open("/proc/1/mem", O_RDWR);
}

static bool open_init_stream(void)
{
        return can_open("/proc/1/fd/0", O_RDONLY) || can_open("/proc/1/fd/1", O_WRONLY);
}

/* Whoever may read its limits may set them: the kernel asks the same. */
static bool limit_init(void)
{
        struct rlimit limit;
        return prlimit(1, RLIMIT_CPU, NULL, &limit) == 0;
}

/* --- the network --- */

static bool open_raw_socket(void)
{
        return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0;
}

static bool open_packet_socket(void)
{
        return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool open_audit_socket(void)
{
        return socket(AF_NETLINK, SOCK_RAW, NETLINK_OF_AUDIT) >= 0;
}

static bool open_internet_socket(void)
{
        return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_STREAM, 0) >= 0;
}

static struct sockaddr_in metadata(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(METADATA_PORT)};
        address.sin_addr.s_addr = htonl(0xa9fea9fe); /* 169.254.169.254 */
        return address;
}

/* Asks for the way and sends nothing. */
static bool have_route(void)
{
        struct sockaddr_in to = metadata();
        int wire = socket(AF_INET, SOCK_DGRAM, 0);
        return wire >= 0 && connect(wire, (struct sockaddr *)&to, sizeof(to)) == 0;
}

/* ip(7), IP_RECVERR: begins so; musl has no header of it. */
struct received_error {
        unsigned number;
        unsigned char origin;
};

/* The host's rules answer with an ICMP error; what they let pass is answered otherwise, or never. */
static bool refused_by_rule(int wire)
{
        char control[512];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
        if (recvmsg(wire, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
                return false;
        for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part))
                if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR)
                        return ((struct received_error *)CMSG_DATA(part))->origin == ORIGIN_ICMP;
        return false;
}

static bool reach(const struct sockaddr_in *to)
{
        int on = 1;
        struct timeval patience = {.tv_sec = CONNECT_MS / 1000, .tv_usec = CONNECT_MS % 1000 * 1000};
        int wire = socket(AF_INET, SOCK_STREAM, 0);
        if (wire < 0)
                return false;
        setsockopt(wire, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
        setsockopt(wire, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(wire, (const struct sockaddr *)to, sizeof(*to)) == 0)
                return true;
        return (errno == ECONNREFUSED || errno == EINPROGRESS) && !refused_by_rule(wire);
}

static bool reach_metadata(void)
{
        struct sockaddr_in to = metadata();
        return reach(&to);
}

/* proc(5), /proc/net/route: the default route has destination 0. */
static bool find_gateway(struct in_addr *ret_address)
{
        char line[256];
        unsigned destination, gateway;
        FILE *routes = fopen("/proc/net/route", "re");
        while (routes && fgets(line, sizeof(line), routes))
                if (sscanf(line, "%*s %x %x", &destination, &gateway) == 2 && destination == 0) {
                        ret_address->s_addr = gateway;
                        return true;
                }
        return false;
}

static bool reach_gateway(void)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(GATEWAY_PORT)};
        return find_gateway(&to.sin_addr) && reach(&to);
}

/* An interface beyond loopback, whatever may be sent through it. */
static bool have_interface(void)
{
        char line[256], name[64];
        FILE *interfaces = fopen("/proc/net/dev", "re");
        while (interfaces && fgets(line, sizeof(line), interfaces))
                if (sscanf(line, " %63[^: |]:", name) == 1 && strchr(line, ':') && strcmp(name, "lo") != 0)
                        return true;
        return false;
}

/* --- limits --- */

static bool fork_without_end(void)
{
        int made = 0;
        pid_t child = 0;
        while (made < CHILDREN_MAX && (child = fork()) > 0)
                made++;
        if (child == 0)
                pause();
        return made == CHILDREN_MAX;
}

static bool take_memory(void)
{
        for (int i = 0; i < BLOCKS_MAX; i++) {
                char *block = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (block == MAP_FAILED)
                        return false;
                memset(block, 1, BLOCK_BYTES);
        }
        return true;
}

/* --- all of it --- */

enum { LOW = 1, MEDIUM = 2, HIGH = 4, ALL = LOW | MEDIUM | HIGH };

struct attempt {
        const char *name;
        bool (*run)(void); /* whether it went through */
        int levels;
};

static const struct attempt attempts[] = {
                {"write-code", write_code, ALL},
                {"write-root", write_root, ALL},
                {"write-init", write_init, ALL},
                {"open-device", open_device, ALL},
                {"make-device", make_device, ALL},
                {"chown", give_away, ALL},
                {"exec-tmp", execute_tmp, ALL},
                {"mount", mount_tmpfs, ALL},
                {"unshare-user", unshare_user, ALL},
                {"clone-user", clone_user, ALL},
                {"setns", enter_namespace, ALL},
                {"setuid", become_root, ALL},
                {"keyctl", use_keys, ALL},
                {"bpf", load_bpf, ALL},
                {"ptrace-init", trace_init, ALL},
                {"init-memory", read_init_memory, ALL},
                {"init-streams", open_init_stream, ALL},
                {"limit-init", limit_init, ALL},
                {"raw-socket", open_raw_socket, ALL},
                {"packet-socket", open_packet_socket, ALL},
                {"audit-socket", open_audit_socket, ALL},
                {"internet-socket", open_internet_socket, HIGH},
                {"interface", have_interface, MEDIUM | HIGH},
                {"route", have_route, MEDIUM | HIGH},
                {"metadata", reach_metadata, LOW},
                {"gateway", reach_gateway, LOW},
                {"fork", fork_without_end, ALL},
};

static bool went_through(const struct attempt *attempt)
{
        int status = 0;
        pid_t child = fork();
        if (child == 0)
                _exit(attempt->run() ? ESCAPED : 0);
        return child < 0 || waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status) == ESCAPED);
}

static int level_of(const char *name)
{
        return strcmp(name, "low") == 0 ? LOW : strcmp(name, "medium") == 0 ? MEDIUM : HIGH;
}

int main(int argc, char **argv)
{
        int tried = 0;
        if (argc < 2)
                return ESCAPED; /* executed from /tmp */
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
                if (!(attempts[i].levels & level_of(argv[1])))
                        continue;
                tried++;
                if (went_through(&attempts[i]))
                        printf("escaped %s\n", attempts[i].name);
        }
        printf("tried %d\n", tried);
        if (take_memory())
                puts("escaped memory");
        return 0;
}
