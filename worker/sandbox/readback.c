#include "worker/sandbox/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/egress.h"

enum { PROC_TEXT_MAX = 256 << 10 };

/* What follows "KEY" at the start of a line, or NULL. */
static const char *line_value(const char *text, const char *key)
{
        size_t size = strlen(key);
        for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
                if (strncmp(line, key, size) == 0)
                        return line + size;
        return NULL;
}

static int expect_number(const char *text, const char *key, int base, uint64_t wanted, struct error *e)
{
        const char *value = line_value(text, key);
        uint64_t there = value ? strtoull(value, NULL, base) : 0;
        if (value && there == wanted)
                return 0;
        if (!value)
                return error_set(e, ERROR_SANDBOX, "%s cannot be read back", key);
        return error_set(e, ERROR_SANDBOX, "%s is %" PRIu64 ", not %" PRIu64, key, there, wanted);
}

/* Decimal numbers from the start of `text`, blanks between; false when there are fewer. */
static bool read_numbers(const char *text, uint64_t *ret_numbers, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char *end;
                ret_numbers[i] = strtoull(text, &end, 10);
                if (end == text)
                        return false;
                text = end;
        }
        return true;
}

/* Real, effective, saved and file system id. */
static int expect_ids(const char *status, const char *key, uint32_t wanted, struct error *e)
{
        uint64_t ids[4];
        const char *value = line_value(status, key);
        if (!value || !read_numbers(value, ids, 4))
                return error_set(e, ERROR_SANDBOX, "%s cannot be read back", key);
        for (size_t i = 0; i < 4; i++)
                if (ids[i] != wanted)
                        return error_set(e, ERROR_SANDBOX, "%s is %" PRIu64 ", not %" PRIu32, key, ids[i], wanted);
        return 0;
}

int readback_check_status(const struct readback *want, const char *status, struct error *e)
{
        static const char *const capabilities[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
        if (expect_ids(status, "Uid:", want->uid, e) < 0 || expect_ids(status, "Gid:", want->gid, e) < 0)
                return -1;
        for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
                if (expect_number(status, capabilities[i], 16, 0, e) < 0)
                        return -1;
        if (expect_number(status, "NoNewPrivs:", 10, 1, e) < 0)
                return -1;
        return expect_number(status, "Seccomp:", 10, 2, e);
}

static int expect_rlimit(const char *limits, const char *key, uint64_t wanted, struct error *e)
{
        uint64_t there[2]; /* soft and hard */
        const char *value = line_value(limits, key);
        if (!value || !read_numbers(value, there, 2))
                return error_set(e, ERROR_SANDBOX, "%s: no such limit in force", key);
        if (there[0] != wanted || there[1] != wanted)
                return error_set(e, ERROR_SANDBOX, "%s is %" PRIu64 ", not %" PRIu64, key, there[1], wanted);
        return 0;
}

int readback_check_rlimits(const struct readback *want, const char *limits, struct error *e)
{
        if (expect_rlimit(limits, "Max core file size", 0, e) < 0 || expect_rlimit(limits, "Max open files", SPEC_OPEN_FILES_MAX, e) < 0 ||
            expect_rlimit(limits, "Max msgqueue size", 0, e) < 0)
                return -1;
        return expect_rlimit(limits, "Max file size", want->sizes.work_bytes, e);
}

int readback_check_network(const struct readback *want, const char *devices, struct error *e)
{
        if (want->profile->network == NETWORK_BRIDGE)
                return 0;
        for (const char *colon = strchr(devices, ':'); colon; colon = strchr(colon + 1, ':')) {
                if (colon - devices < 2 || strncmp(colon - 2, "lo", 2) != 0)
                        return error_set(e, ERROR_SANDBOX, "the sandbox sees a network device beside lo");
        }
        return 0;
}

struct mount {
        char target[512];
        char options[512];
        char super_options[512];
};

/* proc(5): id parent major:minor root target options [tag…] - type source super-options */
static bool mount_parse(const char *line, struct mount *ret_mount)
{
        const char *separator = strstr(line, " - ");
        if (sscanf(line, "%*d %*d %*s %*s %511s %511s", ret_mount->target, ret_mount->options) != 2 || !separator)
                return false;
        return sscanf(separator, " - %*s %*s %511s", ret_mount->super_options) == 1;
}

static bool has_option(const char *options, const char *option)
{
        size_t size = strlen(option);
        for (const char *at = options; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
                if (strncmp(at, option, size) == 0 && (at[size] == 0 || at[size] == ','))
                        return true;
        return false;
}

/* The writable places, and how large they may be; false: not one of them. */
static bool place_size(const struct readback *want, const char *target, uint64_t *ret_bytes)
{
        const struct {
                const char *target;
                uint64_t bytes;
        } places[] = {{"/work", want->sizes.work_bytes}, {"/tmp", want->sizes.tmp_bytes}, {"/dev/shm", want->sizes.shm_bytes}};
        for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
                if (strcmp(places[i].target, target) == 0 && places[i].bytes > 0) {
                        *ret_bytes = places[i].bytes;
                        return true;
                }
        }
        return false;
}

static int check_place(const struct mount *mount, uint64_t bytes, struct error *e)
{
        char size[48];
        snprintf(size, sizeof(size), "size=%" PRIu64 "k", bytes >> 10);
        if (!has_option(mount->options, "noexec") || !has_option(mount->options, "nosuid") || !has_option(mount->options, "nodev"))
                return error_set(e, ERROR_SANDBOX, "%s is mounted %.80s", mount->target, mount->options);
        if (!has_option(mount->super_options, size))
                return error_set(e, ERROR_SANDBOX, "%s is mounted %.80s, not %s", mount->target, mount->super_options, size);
        if (!strstr(mount->super_options, "nr_inodes="))
                return error_set(e, ERROR_SANDBOX, "%s has no limit of inodes", mount->target);
        return 0;
}

/* The engine's own mounts that are writable by nobody but root, whom no container has: /dev, /proc and what is masked beneath it, and on
 * cgroup v1 the folder of the hierarchies, which are read-only themselves. */
static bool is_kernel_place(const char *target)
{
        return strcmp(target, "/dev") == 0 || strcmp(target, "/sys/fs/cgroup") == 0 || strcmp(target, "/proc") == 0 ||
               strncmp(target, "/proc/", 6) == 0;
}

static int check_mount(const struct readback *want, const struct mount *mount, unsigned *places, struct error *e)
{
        uint64_t bytes;
        if (place_size(want, mount->target, &bytes)) {
                ++*places;
                return check_place(mount, bytes, e);
        }
        if (has_option(mount->options, "ro") || is_kernel_place(mount->target))
                return 0;
        return error_set(e, ERROR_SANDBOX, "%s is writable (%.80s), or the image has a link to it", mount->target, mount->options);
}

static const char *next_line(const char *line)
{
        const char *end = strchr(line, '\n');
        return end && end[1] ? end + 1 : NULL;
}

/* Is it hidden by a later mount on the same place? */
static bool is_covered(const struct mount *mount, const char *later)
{
        for (struct mount other; later; later = next_line(later))
                if (mount_parse(later, &other) && strcmp(other.target, mount->target) == 0)
                        return true;
        return false;
}

int readback_check_mounts(const struct readback *want, const char *mountinfo, struct error *e)
{
        unsigned places = 0;
        unsigned wanted = want->sizes.shm_bytes ? 3 : 2;
        for (const char *line = mountinfo; line; line = next_line(line)) {
                struct mount mount;
                if (!mount_parse(line, &mount))
                        return error_set(e, ERROR_SANDBOX, "mountinfo cannot be read: %.80s", line);
                if (!is_covered(&mount, next_line(line)) && check_mount(want, &mount, &places, e) < 0)
                        return -1;
        }
        if (places != wanted)
                return error_set(e, ERROR_SANDBOX, "%u of the %u writable places are mounted", places, wanted);
        return 0;
}

/* The whole file, which the caller frees; NULL with errno. */
static char *read_proc(pid_t pid, const char *name)
{
        char path[64];
        size_t size = 0;
        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        char *text = file < 0 ? NULL : malloc(PROC_TEXT_MAX + 1);
        ssize_t got = text ? 1 : -1;
        while (got > 0 && size < PROC_TEXT_MAX) {
                got = read(file, text + size, PROC_TEXT_MAX - size);
                size += got > 0 ? (size_t)got : 0;
        }
        if (file >= 0)
                close(file);
        if (text)
                text[size] = 0;
        return text;
}

typedef int check_text(const struct readback *want, const char *text, struct error *e);

static int check_score(const struct readback *want, const char *text, struct error *e)
{
        (void)want;
        return strcmp(text, "0\n") == 0 ? 0 : error_set(e, ERROR_SANDBOX, "oom_score_adj is %.8s, not 0", text);
}

static int check_process(const struct readback *want, pid_t pid, struct error *e)
{
        static const struct {
                const char *name;
                check_text *check;
        } files[] = {
                        {"status", readback_check_status},   {"mountinfo", readback_check_mounts}, {"limits", readback_check_rlimits},
                        {"net/dev", readback_check_network}, {"oom_score_adj", check_score},
        };
        for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
                char *text = read_proc(pid, files[i].name);
                int result = text ? files[i].check(want, text, e)
                                  : error_set_sys(e, ERROR_SANDBOX, errno, "/proc/%d/%s cannot be read back", (int)pid, files[i].name);
                free(text);
                if (result < 0)
                        return -1;
        }
        return 0;
}

static int expect_limit(const char *name, uint64_t there, uint64_t wanted, struct error *e)
{
        if (there == wanted)
                return 0;
        return error_set(e, ERROR_SANDBOX, "the kernel holds %s %" PRIu64 ", not %" PRIu64, name, there, wanted);
}

static bool host_has_swap(void)
{
        char line[512];
        FILE *swaps = fopen("/proc/swaps", "re");
        bool has = swaps && fgets(line, sizeof(line), swaps) && fgets(line, sizeof(line), swaps);
        if (swaps)
                fclose(swaps);
        return has;
}

/* Where swap is not accounted for, there must be none. */
static int check_swap(uint64_t swap_bytes, struct error *e)
{
        if (swap_bytes == 0 || (swap_bytes == UINT64_MAX && !host_has_swap()))
                return 0;
        return error_set(e, ERROR_SANDBOX, "the kernel lets the sandbox swap");
}

int readback_limits(const struct readback *want, const struct cgroup *cgroup, struct limits_in_force *ret_limits, struct error *e)
{
        struct cgroup_limits there;
        if (cgroup_read_limits(cgroup, &there, e) < 0)
                return -1;
        if (expect_limit("memory_bytes", there.memory_bytes, want->limits.memory_bytes, e) < 0 || check_swap(there.swap_bytes, e) < 0 ||
            expect_limit("cpu_millis", there.cpu_millis, want->limits.cpu_millis, e) < 0 ||
            expect_limit("pids.max", there.processes, want->pids_max, e) < 0)
                return -1;
        *ret_limits = (struct limits_in_force){.limits = want->limits, .disk_bytes = want->sizes.work_bytes};
        ret_limits->limits.memory_bytes = there.memory_bytes;
        ret_limits->limits.cpu_millis = there.cpu_millis;
        ret_limits->limits.processes = want->limits.processes - (want->pids_max - there.processes);
        snprintf(ret_limits->network, sizeof(ret_limits->network), "%s", network_name(want->profile->network));
        snprintf(ret_limits->seccomp, sizeof(ret_limits->seccomp), "%s", want->profile->seccomp);
        snprintf(ret_limits->user, sizeof(ret_limits->user), "%" PRIu32 ":%" PRIu32, want->uid, want->gid);
        return 0;
}

struct readback readback_of(const struct profile *profile, const struct limits *limits, uint32_t runtime_processes)
{
        return (struct readback){
                        .profile = profile,
                        .limits = *limits,
                        .pids_max = spec_pids_max(limits, runtime_processes),
                        .sizes = spec_sizes(profile, limits->memory_bytes),
                        .uid = profile->uid,
                        .gid = profile->gid,
        };
}

int readback_check_hello(const struct readback *want, const struct frame *frame, struct error *e)
{
        struct frame_hello hello;
        if (frame->type == FRAME_REFUSED)
                return error_set(e, ERROR_SANDBOX, "brig-init refused: %.*s", (int)frame->size, (const char *)frame->payload);
        if (frame->type != FRAME_HELLO || !frame_decode_hello(frame, &hello) || hello.version != FRAME_VERSION)
                return error_set(e, ERROR_PROTOCOL, "brig-init does not speak version %d of the frames", FRAME_VERSION);
        if (hello.uid != want->uid || hello.gid != want->gid || hello.dumpable != 0 || hello.no_new_privileges != 1 ||
            hello.seccomp_mode != 2 || hello.capabilities != 0)
                return error_set(e, ERROR_SANDBOX, "brig-init found a wall missing");
        return 0;
}

int readback_check_inspection(const struct readback *want, const json_t *inspection, struct error *e)
{
        const json_t *networks = json_object_get(json_object_get(inspection, "NetworkSettings"), "Networks");
        if (want->profile->network != NETWORK_BRIDGE)
                return 0;
        if (json_object_size(networks) == 1 && json_object_get(networks, EGRESS_NETWORK))
                return 0;
        return error_set(e, ERROR_SANDBOX, "the container is not on the network %s alone", EGRESS_NETWORK);
}

int readback_check(const struct readback *want, pid_t pid, const struct cgroup *cgroup, struct error *e)
{
        struct limits_in_force ignored;
        if (check_process(want, pid, e) < 0)
                return -1;
        return readback_limits(want, cgroup, &ignored, e);
}
