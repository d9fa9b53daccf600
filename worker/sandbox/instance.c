#include "worker/sandbox/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/encoding.h"
#include "worker/sandbox/code_folder.h"

enum { FOLDER_MODE = 0700, YOUNG_SECONDS = 2, ORPHAN_SECONDS = 300, INODES_PER_MIB = 256 };

static const char name_prefix[] = "brig-";
static const char hosts_name[] = "hosts";
static const char hosts_text[] = "127.0.0.1\tlocalhost sandbox\n::1\tip6-localhost\n";

static int make_directories(const char *path)
{
        char copy[PATH_MAX / 4];
        snprintf(copy, sizeof(copy), "%s", path);
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                (void)mkdir(copy, 0755); /* what matters is the last one */
                *slash = '/';
        }
        return mkdir(copy, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : -1;
}

static int mount_memory(struct instance *instance, uint64_t bytes)
{
        char options[96];
        snprintf(options, sizeof(options), "size=%" PRIu64 ",nr_inodes=%" PRIu64 ",mode=0700", bytes, (bytes >> 20) * INODES_PER_MIB);
        if (geteuid() != 0)
                return 0;
        if (mount("brig", instance->path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
                return -1;
        instance->mounted = true;
        return 0;
}

static int write_hosts(struct instance *instance, struct error *e)
{
        snprintf(instance->hosts_path, sizeof(instance->hosts_path), "%s/%s", instance->path, hosts_name);
        return code_folder_write(instance->folder, hosts_name, span_of(hosts_text), e);
}

int instance_open(struct instance *instance, const struct config *config, uint64_t bytes, struct error *e)
{
        char id[UUID_TEXT_SIZE];
        memset(instance, 0, sizeof(*instance));
        instance->folder = -1;
        uuid_make(id);
        snprintf(instance->name, sizeof(instance->name), "%s%.8s%.4s", name_prefix, id, id + 9);
        if (make_directories(config->runtime_directory) < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "make runtime directory %s", config->runtime_directory);
        snprintf(instance->path, sizeof(instance->path), "%s/%s", config->runtime_directory, instance->name);
        if (mkdir(instance->path, FOLDER_MODE) < 0 || mount_memory(instance, bytes) < 0 ||
            (instance->folder = open(instance->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            flock(instance->folder, LOCK_EX | LOCK_NB) < 0) {
                error_set_sys(e, ERROR_SYSTEM, errno, "make %s", instance->path);
                instance_close(instance);
                return -1;
        }
        if (write_hosts(instance, e) < 0) {
                instance_close(instance);
                return -1;
        }
        return 0;
}

/* The folder goes while it is still locked, so that nobody sweeps it at the same time. */
static void remove_folder(const char *path, bool mounted)
{
        struct error ignored;
        if (mounted)
                (void)umount2(path, MNT_DETACH);
        (void)code_folder_remove(AT_FDCWD, path, &ignored);
}

void instance_close(struct instance *instance)
{
        if (instance->path[0])
                remove_folder(instance->path, instance->mounted);
        if (instance->folder >= 0)
                close(instance->folder);
        instance->folder = -1;
        instance->path[0] = 0;
}

const char *instance_token(const char *name)
{
        return name + strlen(name_prefix);
}

bool instance_lives(const char *path)
{
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder < 0)
                return errno != ENOENT;
        bool lives = flock(folder, LOCK_EX | LOCK_NB) < 0;
        close(folder);
        return lives;
}

/* Not locked yet: what is written first after the lock is not there. */
static bool is_being_made(const char *path)
{
        struct stat status;
        char hosts[PATH_MAX + sizeof(hosts_name)];
        snprintf(hosts, sizeof(hosts), "%s/%s", path, hosts_name);
        return stat(hosts, &status) < 0 && stat(path, &status) == 0 && time(NULL) - status.st_mtime < YOUNG_SECONDS;
}

size_t instance_sweep(const struct config *config, const struct cgroup_layout *cgroups)
{
        size_t removed = 0;
        DIR *entries = opendir(config->runtime_directory);
        for (struct dirent *entry; entries && (entry = readdir(entries));) {
                char path[PATH_MAX];
                snprintf(path, sizeof(path), "%s/%s", config->runtime_directory, entry->d_name);
                if (strncmp(entry->d_name, name_prefix, strlen(name_prefix)) != 0 || is_being_made(path) || instance_lives(path))
                        continue;
                cgroup_sweep(cgroups, instance_token(entry->d_name), 0);
                remove_folder(path, geteuid() == 0);
                removed++;
        }
        if (entries)
                closedir(entries);
        cgroup_sweep(cgroups, "", ORPHAN_SECONDS); /* of those whose folder is gone or elsewhere */
        return removed;
}
