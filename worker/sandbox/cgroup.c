#include "worker/sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/sandbox/cgroup_file.h"

enum { FILE_PATH_SIZE = CGROUP_PATH_SIZE + 64 };

static void path_join(char ret_path[static FILE_PATH_SIZE], const struct cgroup *cgroup, enum cgroup_controller controller,
                      const char *file)
{
        snprintf(ret_path, FILE_PATH_SIZE, "%s/%s", cgroup->folders[controller], file);
}

static int folder_read(const struct cgroup *cgroup, enum cgroup_controller controller, const char *file,
                       char ret_text[static CGROUP_FILE_SIZE], struct error *e)
{
        char path[FILE_PATH_SIZE];
        path_join(path, cgroup, controller, file);
        return cgroup_file_read(path, ret_text, CGROUP_FILE_SIZE, e);
}

static int folder_write(const struct cgroup *cgroup, enum cgroup_controller controller, const char *file, const char *text, struct error *e)
{
        char path[FILE_PATH_SIZE];
        path_join(path, cgroup, controller, file);
        return cgroup_file_write(path, text, e);
}

static int number_read(const struct cgroup *cgroup, enum cgroup_controller controller, const char *file, const char *key,
                       uint64_t *ret_number, struct error *e)
{
        char text[CGROUP_FILE_SIZE];
        if (folder_read(cgroup, controller, file, text, e) < 0)
                return -1;
        if (cgroup_file_key(text, key, ret_number) < 0)
                return error_set(e, ERROR_SANDBOX, "%s/%s: no number %s", cgroup->folders[controller], file, key);
        return 0;
}

/* The folder of a path that the kernel names, which begins at the hierarchy's top, not at what is mounted of it. */
static int folder_find(char ret_folder[static CGROUP_PATH_SIZE], const struct cgroup_hierarchy *hierarchy, const char *path)
{
        size_t root_size = strcmp(hierarchy->root, "/") == 0 ? 0 : strlen(hierarchy->root);
        if (strncmp(path, hierarchy->root, root_size) != 0 || strstr(path, "/.."))
                return -1;
        int size = snprintf(ret_folder, CGROUP_PATH_SIZE, "%s%s", hierarchy->mount_point, path + root_size);
        return size < CGROUP_PATH_SIZE ? 0 : -1;
}

static bool line_concerns(const struct cgroup_layout *layout, const char *controllers, enum cgroup_controller controller)
{
        return layout->version == CGROUP_V2 ? *controllers == '\0' : cgroup_list_has(controllers, cgroup_controller_names[controller]);
}

static void process_line(struct cgroup *cgroup, char *line)
{
        const struct cgroup_layout *layout = cgroup->layout;
        strsep(&line, ":");
        const char *controllers = strsep(&line, ":");
        if (!controllers || !line)
                return;
        for (enum cgroup_controller i = CGROUP_MEMORY; i < CGROUP_CONTROLLER_COUNT; i++) {
                const struct cgroup_hierarchy *hierarchy = &layout->hierarchies[layout->controllers[i]];
                if (line_concerns(layout, controllers, i) && folder_find(cgroup->folders[i], hierarchy, line) < 0)
                        cgroup->folders[i][0] = '\0';
        }
}

int cgroup_parse_process(struct cgroup *ret_cgroup, const struct cgroup_layout *layout, const char *text, struct error *e)
{
        *ret_cgroup = (struct cgroup){.layout = layout};
        char copy[CGROUP_FILE_SIZE];
        char *rest = copy;
        snprintf(copy, sizeof copy, "%s", text);
        for (char *line; (line = strsep(&rest, "\n"));)
                process_line(ret_cgroup, line);
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
                if (!ret_cgroup->folders[i][0])
                        return error_set(e, ERROR_SANDBOX, "the process's control group of %s is not below its mount",
                                         cgroup_controller_names[i]);
        }
        return 0;
}

int cgroup_open_process(struct cgroup *ret_cgroup, const struct cgroup_layout *layout, pid_t pid, struct error *e)
{
        char path[64], text[CGROUP_FILE_SIZE];
        snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        if (cgroup_file_read(path, text, sizeof text, e) < 0)
                return -1;
        return cgroup_parse_process(ret_cgroup, layout, text, e);
}

struct cgroup_files { /* of one version: file and key of each number */
        const char *cpu, *cpu_key;
        uint64_t cpu_per_us;
        const char *memory, *peak, *oom, *processes, *processes_refused;
};

static const struct cgroup_files files[] = {
                [CGROUP_V1] = {"cpuacct.usage", "", 1000, "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control",
                               "pids.current", "pids.events"},
                [CGROUP_V2] = {"cpu.stat", "usage_usec", 1, "memory.current", "memory.peak", "memory.events", "pids.current",
                               "pids.events"},
};

static int peak_read(const struct cgroup *cgroup, const char *file, uint64_t *ret_bytes, struct error *e)
{
        if (number_read(cgroup, CGROUP_MEMORY, file, "", ret_bytes, e) == 0)
                return 0;
        *ret_bytes = 0;
        return cgroup->layout->version == CGROUP_V2 && e->sys == ENOENT ? 0 : -1;
}

int cgroup_read_counters(const struct cgroup *cgroup, struct cgroup_counters *ret_counters, struct error *e)
{
        const struct cgroup_files *f = &files[cgroup->layout->version];
        struct cgroup_counters c = {0};
        if (number_read(cgroup, CGROUP_CPUACCT, f->cpu, f->cpu_key, &c.cpu_us, e) < 0 ||
            number_read(cgroup, CGROUP_MEMORY, f->memory, "", &c.memory_bytes, e) < 0 ||
            peak_read(cgroup, f->peak, &c.peak_memory_bytes, e) < 0 ||
            number_read(cgroup, CGROUP_MEMORY, f->oom, "oom_kill", &c.oom_kills, e) < 0 ||
            number_read(cgroup, CGROUP_PIDS, f->processes, "", &c.processes, e) < 0 ||
            number_read(cgroup, CGROUP_PIDS, f->processes_refused, "max", &c.processes_refused, e) < 0)
                return -1;
        c.cpu_us /= f->cpu_per_us;
        *ret_counters = c;
        return 0;
}

void cgroup_reset_peak(const struct cgroup *cgroup)
{
        struct error ignored;
        if (cgroup->layout->version == CGROUP_V1)
                folder_write(cgroup, CGROUP_MEMORY, files[CGROUP_V1].peak, "0", &ignored);
}

static uint64_t cpu_millis(uint64_t quota_us, uint64_t period_us)
{
        return quota_us == UINT64_MAX || !period_us ? UINT64_MAX : quota_us * 1000 / period_us;
}

static int limits_read_v1(const struct cgroup *cgroup, struct cgroup_limits *ret_limits, struct error *e)
{
        uint64_t both_bytes = UINT64_MAX, quota_us, period_us;
        if (number_read(cgroup, CGROUP_MEMORY, "memory.limit_in_bytes", "", &ret_limits->memory_bytes, e) < 0 ||
            number_read(cgroup, CGROUP_CPU, "cpu.cfs_quota_us", "", &quota_us, e) < 0 ||
            number_read(cgroup, CGROUP_CPU, "cpu.cfs_period_us", "", &period_us, e) < 0)
                return -1;
        if (number_read(cgroup, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", "", &both_bytes, e) < 0 && e->sys != ENOENT)
                return -1;
        ret_limits->swap_bytes = both_bytes == UINT64_MAX ? UINT64_MAX : both_bytes - ret_limits->memory_bytes;
        ret_limits->cpu_millis = cpu_millis(quota_us, period_us);
        return 0;
}

static int limits_read_v2(const struct cgroup *cgroup, struct cgroup_limits *ret_limits, struct error *e)
{
        char text[CGROUP_FILE_SIZE];
        uint64_t quota_us, period_us;
        if (number_read(cgroup, CGROUP_MEMORY, "memory.max", "", &ret_limits->memory_bytes, e) < 0 ||
            folder_read(cgroup, CGROUP_CPU, "cpu.max", text, e) < 0)
                return -1;
        const char *period = strchr(text, ' ');
        if (!period || cgroup_file_number(text, &quota_us) < 0 || cgroup_file_number(period + 1, &period_us) < 0)
                return error_set(e, ERROR_SANDBOX, "%s/cpu.max: not quota and period", cgroup->folders[CGROUP_CPU]);
        ret_limits->cpu_millis = cpu_millis(quota_us, period_us);
        if (number_read(cgroup, CGROUP_MEMORY, "memory.swap.max", "", &ret_limits->swap_bytes, e) == 0)
                return 0;
        ret_limits->swap_bytes = UINT64_MAX;
        return e->sys == ENOENT ? 0 : -1;
}

int cgroup_read_limits(const struct cgroup *cgroup, struct cgroup_limits *ret_limits, struct error *e)
{
        bool v2 = cgroup->layout->version == CGROUP_V2;
        if ((v2 ? limits_read_v2 : limits_read_v1)(cgroup, ret_limits, e) < 0)
                return -1;
        return number_read(cgroup, CGROUP_PIDS, "pids.max", "", &ret_limits->processes, e);
}

int cgroup_lift_cpu(const struct cgroup *cgroup, struct error *e)
{
        if (cgroup->layout->version == CGROUP_V2)
                return folder_write(cgroup, CGROUP_CPU, "cpu.max", "max", e);
        return folder_write(cgroup, CGROUP_CPU, "cpu.cfs_quota_us", "-1", e);
}

int cgroup_limit_sockets(const struct cgroup *cgroup, uint64_t bytes, struct error *e)
{
        char number[32];
        struct error refused;
        snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
        if (cgroup->layout->version == CGROUP_V2 ||
            folder_write(cgroup, CGROUP_MEMORY, "memory.kmem.tcp.limit_in_bytes", number, &refused) == 0 || refused.sys == ENOENT)
                return 0;
        *e = refused;
        return -1;
}

size_t cgroup_processes(const struct cgroup *cgroup, pid_t *ret_pids, size_t max)
{
        char text[CGROUP_FILE_SIZE];
        struct error ignored;
        size_t count = 0;
        if (folder_read(cgroup, CGROUP_MEMORY, "cgroup.procs", text, &ignored) < 0)
                return 0;
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line; count++) {
                if (count < max)
                        ret_pids[count] = (pid_t)strtol(line, NULL, 10);
        }
        return count;
}

static int oom_register(const struct cgroup *cgroup, int event_fd, struct error *e)
{
        char path[FILE_PATH_SIZE], line[32];
        path_join(path, cgroup, CGROUP_MEMORY, "memory.oom_control");
        int control = open(path, O_RDONLY | O_CLOEXEC);
        if (control < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "%s", path);
        snprintf(line, sizeof line, "%d %d", event_fd, control);
        int result = folder_write(cgroup, CGROUP_MEMORY, "cgroup.event_control", line, e);
        close(control);
        return result;
}

static int oom_watch_v1(const struct cgroup *cgroup, struct error *e)
{
        int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event_fd < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "eventfd");
        if (oom_register(cgroup, event_fd, e) == 0)
                return event_fd;
        close(event_fd);
        return -1;
}

int cgroup_watch_oom(const struct cgroup *cgroup, struct error *e)
{
        char path[FILE_PATH_SIZE];
        if (cgroup->layout->version == CGROUP_V1)
                return oom_watch_v1(cgroup, e);
        path_join(path, cgroup, CGROUP_MEMORY, files[CGROUP_V2].oom);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        return fd < 0 ? error_set_sys(e, ERROR_SYSTEM, errno, "%s", path) : fd;
}

uint64_t cgroup_oom_rang(const struct cgroup_layout *layout, int oom_fd)
{
        char text[CGROUP_FILE_SIZE];
        uint64_t count = 0;
        if (layout->version == CGROUP_V1)
                return read(oom_fd, &count, sizeof count) == sizeof count ? count : 0;
        ssize_t size = pread(oom_fd, text, sizeof text - 1, 0);
        text[size > 0 ? size : 0] = '\0';
        return cgroup_file_key(text, "oom_kill", &count) == 0 ? count : 0;
}
