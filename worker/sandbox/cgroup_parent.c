#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/cgroup_file.h"

#define PARENT_PREFIX "brig-"

/* systemd puts brig-TOKEN.slice below brig.slice, and takes every further dash for another level: a token's dashes become underscores. */
static int parent_name(struct cgroup_parent *parent, enum cgroup_driver driver, const char *token, struct error *e)
{
        bool systemd = driver == CGROUP_DRIVER_SYSTEMD;
        size_t prefix_size = strlen(systemd ? PARENT_PREFIX : "/" PARENT_PREFIX);
        int size = snprintf(parent->name, sizeof parent->name, systemd ? PARENT_PREFIX "%s.slice" : "/" PARENT_PREFIX "%s", token);
        if (size >= (int)sizeof parent->name)
                return error_set(e, ERROR_SANDBOX, "control group name too long: %s", token);
        for (char *at = parent->name + prefix_size; systemd && *at; at++) {
                if (*at == '-')
                        *at = '_';
        }
        return 0;
}

static void parent_folder(char ret_folder[static CGROUP_PATH_SIZE], const struct cgroup_parent *parent, size_t hierarchy)
{
        const struct cgroup_layout *layout = parent->cgroup.layout;
        const char *between = layout->driver == CGROUP_DRIVER_SYSTEMD ? "/brig.slice/" : "";
        size_t room = CGROUP_PATH_SIZE - sizeof parent->name - sizeof "/brig.slice/";
        snprintf(ret_folder, CGROUP_PATH_SIZE, "%.*s%s%s", (int)room, layout->hierarchies[hierarchy].mount_point, between, parent->name);
}

/* v1 counts the OOMs of the limit that was met: the parent's has to be met first, for its counts outlive the container's. */
static int limit_set(const struct cgroup *cgroup, const char *file, uint64_t memory_bytes, struct error *e)
{
        char path[CGROUP_PATH_SIZE + 64], number[32];
        snprintf(path, sizeof path, "%s/%s", cgroup->folders[CGROUP_MEMORY], file);
        snprintf(number, sizeof number, "%llu", (unsigned long long)memory_bytes);
        return cgroup_file_write(path, number, e);
}

int cgroup_parent_limit(struct cgroup_parent *parent, uint64_t memory_bytes, struct error *e)
{
        uint64_t bytes = memory_bytes - (uint64_t)sysconf(_SC_PAGESIZE);
        struct error swap;
        if (parent->cgroup.layout->version == CGROUP_V1) {
                if (limit_set(&parent->cgroup, "memory.limit_in_bytes", bytes, e) < 0)
                        return -1;
                if (limit_set(&parent->cgroup, "memory.memsw.limit_in_bytes", bytes, &swap) < 0 && swap.sys != ENOENT) {
                        *e = swap;
                        return -1;
                }
        }
        if (parent->oom_fd < 0)
                parent->oom_fd = cgroup_watch_oom(&parent->cgroup, e);
        return parent->oom_fd < 0 ? -1 : 0;
}

int cgroup_parent_make(struct cgroup_parent *ret_parent, const struct cgroup_layout *layout, const char *token, uint64_t memory_bytes,
                       struct error *e)
{
        struct cgroup_parent parent = {.cgroup.layout = layout, .oom_fd = -1};
        struct error ignored;
        if (parent_name(&parent, layout->driver, token, e) < 0)
                return -1;
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
                parent_folder(parent.cgroup.folders[i], &parent, layout->controllers[i]);
        const char *memory = parent.cgroup.folders[CGROUP_MEMORY];
        if (layout->driver == CGROUP_DRIVER_CGROUPFS) {
                if (mkdir(memory, 0755) < 0)
                        return error_set_sys(e, ERROR_SYSTEM, errno, "%s", memory);
                if (layout->version == CGROUP_V1 && cgroup_parent_limit(&parent, memory_bytes, e) < 0) {
                        cgroup_parent_remove(&parent, &ignored);
                        return -1;
                }
        }
        *ret_parent = parent;
        return 0;
}

int cgroup_parent_remove(struct cgroup_parent *parent, struct error *e)
{
        const struct cgroup_layout *layout = parent->cgroup.layout;
        int result = 0;
        if (parent->oom_fd >= 0)
                close(parent->oom_fd);
        parent->oom_fd = -1;
        for (size_t i = 0; layout->driver == CGROUP_DRIVER_CGROUPFS && i < layout->hierarchy_count; i++) {
                char folder[CGROUP_PATH_SIZE];
                parent_folder(folder, parent, i);
                if (rmdir(folder) < 0 && errno != ENOENT)
                        result = error_set_sys(e, ERROR_SYSTEM, errno, "%s", folder);
        }
        return result;
}

/* The engine leaves a container's folder behind when it is killed at the wrong moment; only empty ones can go. */
static bool remove_leftover(const char *folder)
{
        DIR *directory = opendir(folder);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                char inner[CGROUP_PATH_SIZE + NAME_MAX + 2];
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                snprintf(inner, sizeof inner, "%s/%s", folder, entry->d_name);
                rmdir(inner);
        }
        if (directory)
                closedir(directory);
        return rmdir(folder) == 0;
}

static bool is_older(const char *folder, unsigned seconds)
{
        struct stat status;
        return seconds == 0 || (stat(folder, &status) == 0 && time(NULL) - status.st_mtime > (time_t)seconds);
}

static size_t sweep_hierarchy(const char *mount_point, const char *prefix, unsigned seconds)
{
        size_t removed = 0;
        DIR *directory = opendir(mount_point);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                char folder[CGROUP_PATH_SIZE];
                if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
                        continue;
                int size = snprintf(folder, sizeof folder, "%s/%s", mount_point, entry->d_name);
                removed += size < (int)sizeof folder && is_older(folder, seconds) && remove_leftover(folder);
        }
        if (directory)
                closedir(directory);
        return removed;
}

size_t cgroup_sweep(const struct cgroup_layout *layout, const char *prefix, unsigned seconds)
{
        char name[CGROUP_PARENT_SIZE];
        size_t removed = 0;
        snprintf(name, sizeof name, PARENT_PREFIX "%s", prefix);
        for (size_t i = 0; i < layout->hierarchy_count; i++) {
                size_t here = sweep_hierarchy(layout->hierarchies[i].mount_point, name, seconds);
                if (i == layout->controllers[CGROUP_MEMORY])
                        removed = here;
        }
        return removed;
}
