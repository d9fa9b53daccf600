#include "worker/sandbox/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MIB = 1 << 20, INODE_BYTES = 4096, INODES_MIN = 1024, NANO_PER_MILLI_CPU = 1000000 };

/* The engine's own list (it replaces, it does not add), then ours: queues and terminals of the host, and what names its hardware. */
static const char *const masked_paths[] = {
                "/proc/asound",
                "/proc/acpi",
                "/proc/kcore",
                "/proc/keys",
                "/proc/latency_stats",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/sys/firmware",
                "/sys/devices/virtual/powercap",
                "/proc/kallsyms",
                "/proc/modules",
                "/proc/interrupts",
                "/proc/kmsg",
                "/proc/key-users",
                "/proc/cmdline",
                "/proc/partitions",
                "/proc/diskstats",
                "/sys/devices/virtual/dmi",
                "/sys/class/dmi",
                "/dev/mqueue",
                "/dev/pts",
};

static const char *const read_only_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static const char no_resolver[] = "192.0.2.53"; /* of TEST-NET-1, RFC 5737: nobody answers there, and the rules refuse it at once */

static uint64_t scale(uint64_t bytes, uint64_t part, uint64_t whole)
{
        if (bytes == 0)
                return 0;
        uint64_t mib = bytes / MIB * part / whole;
        return (mib ? mib : 1) * MIB;
}

struct spec_sizes spec_sizes(const struct profile *profile, uint64_t memory_bytes)
{
        struct spec_sizes sizes = {profile->work_bytes, profile->tmp_bytes, profile->shm_bytes};
        uint64_t whole = (sizes.work_bytes + sizes.tmp_bytes + sizes.shm_bytes) / MIB;
        uint64_t part = memory_bytes / 2 / MIB;
        if (whole <= part)
                return sizes;
        return (struct spec_sizes){
                        scale(sizes.work_bytes, part, whole),
                        scale(sizes.tmp_bytes, part, whole),
                        scale(sizes.shm_bytes, part, whole),
        };
}

bool spec_sizes_equal(const struct spec_sizes *a, const struct spec_sizes *b)
{
        return a->work_bytes == b->work_bytes && a->tmp_bytes == b->tmp_bytes && a->shm_bytes == b->shm_bytes;
}

uint64_t spec_pids_max(const struct limits *limits, uint32_t runtime_processes)
{
        return limits->processes + 1 + runtime_processes;
}

static json_t *texts(const char *const *list, size_t count)
{
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
                json_array_append_new(array, json_string(list[i]));
        return array;
}

static json_t *bind(const char *source, const char *target)
{
        return json_pack("{ss ss ss sb}", "Type", "bind", "Source", source, "Target", target, "ReadOnly", 1);
}

static json_t *binds(const struct spec *spec)
{
        json_t *array = json_array();
        json_array_append_new(array, bind(spec->init_path, "/brig/init"));
        json_array_append_new(array, bind(spec->fence_path, "/brig/fence"));
        json_array_append_new(array, bind(spec->code_path, "/code"));
        if (spec->profile->network != NETWORK_BRIDGE)
                json_array_append_new(array, bind(spec->hosts_path, "/etc/hosts"));
        return array;
}

static void add_tmpfs(json_t *object, const char *path, uint64_t bytes, const char *options)
{
        char text[160];
        uint64_t inodes = bytes / INODE_BYTES > INODES_MIN ? bytes / INODE_BYTES : INODES_MIN;
        if (bytes == 0)
                return;
        snprintf(text, sizeof(text), "rw,noexec,nosuid,nodev,size=%" PRIu64 ",nr_inodes=%" PRIu64 ",%s", bytes, inodes, options);
        json_object_set_new(object, path, json_string(text));
}

/* The engine gives each VOLUME of an image a writable host folder without bounds; an empty read-only tmpfs in its place prevents it. */
static void cover_volumes(json_t *object, const json_t *volumes)
{
        const char *path;
        json_t *unused;
        json_object_foreach((json_t *)volumes, path, unused)
        {
                if (!json_object_get(object, path) && strcmp(path, "/code") != 0)
                        json_object_set_new(object, path, json_string("ro,noexec,nosuid,nodev,size=4096,nr_inodes=2"));
        }
}

/* All are the job's own: where the image has a folder of that name, runc gives its mode to the tmpfs, and brig-init has to set it right. */
static json_t *tmpfs(const struct spec *spec)
{
        struct spec_sizes sizes = spec_sizes(spec->profile, spec->limits.memory_bytes);
        json_t *object = json_object();
        char work[64], shared[64];
        snprintf(work, sizeof(work), "mode=0755,uid=%" PRIu32 ",gid=%" PRIu32, spec->uid, spec->gid);
        snprintf(shared, sizeof(shared), "mode=1777,uid=%" PRIu32 ",gid=%" PRIu32, spec->uid, spec->gid);
        add_tmpfs(object, "/work", sizes.work_bytes, work);
        add_tmpfs(object, "/tmp", sizes.tmp_bytes, shared);
        add_tmpfs(object, "/dev/shm", sizes.shm_bytes, shared);
        cover_volumes(object, spec->image_volumes);
        return object;
}

static json_t *limit_of(const char *name, uint64_t value)
{
        return json_pack("{ss sI sI}", "Name", name, "Soft", (json_int_t)value, "Hard", (json_int_t)value);
}

static json_t *ulimits(const struct spec *spec)
{
        json_t *array = json_array();
        json_array_append_new(array, limit_of("core", 0));
        json_array_append_new(array, limit_of("nofile", SPEC_OPEN_FILES_MAX));
        json_array_append_new(array, limit_of("fsize", spec_sizes(spec->profile, spec->limits.memory_bytes).work_bytes));
        json_array_append_new(array, limit_of("msgqueue", 0));
        return array;
}

static json_t *security_options(const struct spec *spec)
{
        size_t size = strlen(spec->seccomp) + sizeof("seccomp=");
        char *option = malloc(size);
        if (!option)
                return NULL;
        snprintf(option, size, "seccomp=%s", spec->seccomp);
        json_t *array = json_pack("[ss]", "no-new-privileges", option);
        free(option);
        return array;
}

static void add_limits(json_t *host, const struct spec *spec)
{
        const struct limits *limits = &spec->limits;
        json_object_set_new(host, "Memory", json_integer((json_int_t)limits->memory_bytes));
        json_object_set_new(host, "MemorySwap", json_integer((json_int_t)limits->memory_bytes));
        json_object_set_new(host, "NanoCpus", json_integer((json_int_t)limits->cpu_millis * NANO_PER_MILLI_CPU));
        json_object_set_new(host, "PidsLimit", json_integer((json_int_t)spec_pids_max(limits, spec->runtime_processes)));
        json_object_set_new(host, "Ulimits", ulimits(spec));
        json_object_set_new(host, "OomScoreAdj", json_integer(0));
        if (spec->cgroup_parent)
                json_object_set_new(host, "CgroupParent", json_string(spec->cgroup_parent));
}

static void add_walls(json_t *host, const struct spec *spec)
{
        const char *network = spec->profile->network == NETWORK_BRIDGE ? spec->network : "none";
        json_object_set_new(host, "Runtime", json_string(spec->profile->runtime));
        json_object_set_new(host, "ReadonlyRootfs", json_true());
        json_object_set_new(host, "CapDrop", json_pack("[s]", "ALL"));
        json_object_set_new(host, "SecurityOpt", security_options(spec));
        json_object_set_new(host, "IpcMode", json_string("none"));
        json_object_set_new(host, "CgroupnsMode", json_string("private"));
        json_object_set_new(host, "NetworkMode", json_string(network));
        if (spec->profile->network == NETWORK_BRIDGE) /* else the engine would ask the host's resolvers */
                json_object_set_new(host, "Dns", json_pack("[s]", spec->resolver ? spec->resolver : no_resolver));
        json_object_set_new(host, "Mounts", binds(spec));
        json_object_set_new(host, "Tmpfs", tmpfs(spec));
        json_object_set_new(host, "MaskedPaths", texts(masked_paths, sizeof(masked_paths) / sizeof(*masked_paths)));
        json_object_set_new(host, "ReadonlyPaths", texts(read_only_paths, sizeof(read_only_paths) / sizeof(*read_only_paths)));
        json_object_set_new(host, "LogConfig", json_pack("{ss}", "Type", "none"));
        json_object_set_new(host, "RestartPolicy", json_pack("{ss}", "Name", "no"));
}

/* Nothing of the image's own ENTRYPOINT, CMD, USER, WORKDIR, HEALTHCHECK and STOPSIGNAL is left. */
static void add_program(json_t *body, const struct spec *spec)
{
        char user[32];
        snprintf(user, sizeof(user), "%" PRIu32 ":%" PRIu32, spec->uid, spec->gid);
        json_object_set_new(body, "Image", json_string(spec->image_id));
        json_object_set_new(body, "Entrypoint", json_pack("[s]", "/brig/init"));
        json_object_set_new(body, "Cmd", json_array());
        json_object_set_new(body, "User", json_string(user));
        json_object_set_new(body, "WorkingDir", json_string("/work"));
        json_object_set_new(body, "Hostname", json_string("sandbox"));
        json_object_set_new(body, "Healthcheck", json_pack("{s[s]}", "Test", "NONE"));
        json_object_set_new(body, "StopSignal", json_string("SIGKILL"));
        json_object_set_new(body, "Labels",
                            json_pack("{ss ss ss ss}", "brig.worker", spec->worker, "brig.folder", spec->folder, "brig.slot", spec->slot,
                                      "brig.level", risk_name(spec->profile->risk)));
}

static void add_streams(json_t *body)
{
        static const char *const attached[] = {"AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce"};
        for (size_t i = 0; i < sizeof(attached) / sizeof(*attached); i++)
                json_object_set_new(body, attached[i], json_true());
        json_object_set_new(body, "Tty", json_false());
}

json_t *spec_to_json(const struct spec *spec)
{
        json_t *body = json_object();
        json_t *host = json_object();
        add_program(body, spec);
        add_streams(body);
        if (spec->profile->network != NETWORK_BRIDGE)
                json_object_set_new(body, "NetworkDisabled", json_true());
        add_limits(host, spec);
        add_walls(host, spec);
        json_object_set_new(body, "HostConfig", host);
        return body;
}
