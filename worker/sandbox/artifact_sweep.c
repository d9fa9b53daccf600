#include "worker/sandbox/artifact_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHARDS = 256, FOLDERS = 2 * SHARDS, STEPS_BITS = 4, STEPS = 1 << STEPS_BITS };

/* --- ages, each power of two in sixteen steps --- */

static unsigned age_index(uint64_t age_ms)
{
        if (age_ms < STEPS)
                return (unsigned)age_ms;
        unsigned power = 63U - (unsigned)__builtin_clzll(age_ms);
        return (power - STEPS_BITS + 1) * STEPS + (unsigned)(age_ms >> (power - STEPS_BITS)) % STEPS;
}

static uint64_t age_least_ms(unsigned index)
{
        if (index < STEPS)
                return index;
        return (uint64_t)(STEPS + index % STEPS) << (index / STEPS - 1);
}

/* The age from which on everything has to go, so that the rest fits. */
static uint64_t age_to_cut(const struct artifact_sweep *sweep)
{
        uint64_t bytes = 0;
        unsigned index = 0;
        while (index < ARTIFACT_AGES && bytes + sweep->bytes_of_age[index] <= sweep->total_bytes)
                bytes += sweep->bytes_of_age[index++];
        return age_least_ms(index);
}

/* --- files --- */

/* The age of a plain file; false: it is none, or gone. */
static bool look_at(const struct artifact_sweep *sweep, int folder, const char *name, uint64_t *ret_age_ms, uint64_t *ret_bytes)
{
        struct stat status;
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
                return false;
        uint64_t changed_ms = (uint64_t)status.st_mtim.tv_sec * 1000 + (uint64_t)status.st_mtim.tv_nsec / 1000000;
        *ret_age_ms = sweep->now_ms > changed_ms ? sweep->now_ms - changed_ms : 0;
        *ret_bytes = (uint64_t)status.st_size;
        return true;
}

/* Looks again under the lock: a job may have left the same content meanwhile. */
static void remove_old(struct artifact_sweep *sweep, int folder, const char *name)
{
        uint64_t age_ms, bytes;
        flock(sweep->root, LOCK_EX);
        if (look_at(sweep, folder, name, &age_ms, &bytes) && age_ms >= sweep->cut_ms && unlinkat(folder, name, 0) == 0)
                sweep->removed++;
        flock(sweep->root, LOCK_UN);
}

static void sweep_file(struct artifact_sweep *sweep, int folder, const char *name)
{
        uint64_t age_ms, bytes;
        if (!look_at(sweep, folder, name, &age_ms, &bytes))
                return;
        if (age_ms >= sweep->cut_ms) {
                remove_old(sweep, folder, name);
                return;
        }
        sweep->kept_bytes += bytes;
        sweep->bytes_of_age[age_index(age_ms)] += bytes;
}

static void sweep_folder(struct artifact_sweep *sweep, const char *parent_name, const char *name)
{
        int parent = openat(sweep->root, parent_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int folder = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *entries = folder < 0 ? NULL : fdopendir(folder);
        for (struct dirent *entry; entries && (entry = readdir(entries));)
                sweep_file(sweep, folder, entry->d_name);
        if (entries)
                closedir(entries);
        else if (folder >= 0)
                close(folder);
        if (parent >= 0)
                close(parent);
}

/* --- passes --- */

static void begin_pass(struct artifact_sweep *sweep, uint64_t cut_ms)
{
        sweep->folder = 0;
        sweep->kept_bytes = 0;
        sweep->cut_ms = cut_ms;
        memset(sweep->bytes_of_age, 0, sizeof(sweep->bytes_of_age));
}

bool artifact_sweep_open(struct artifact_sweep *sweep, const char *log_directory)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/artifacts", log_directory);
        sweep->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sweep->removed = 0;
        sweep->again = false;
        begin_pass(sweep, sweep->retention_ms);
        return sweep->root >= 0;
}

void artifact_sweep_close(struct artifact_sweep *sweep)
{
        if (sweep->root >= 0)
                close(sweep->root);
        sweep->root = -1;
}

bool artifact_sweep_step(struct artifact_sweep *sweep)
{
        char name[8];
        snprintf(name, sizeof(name), "%02x", sweep->folder % SHARDS);
        sweep_folder(sweep, sweep->folder < SHARDS ? "sha256" : "records", name);
        if (++sweep->folder < FOLDERS)
                return true;
        if (!sweep->again && sweep->kept_bytes > sweep->total_bytes) {
                sweep->again = true;
                begin_pass(sweep, age_to_cut(sweep));
                return true;
        }
        artifact_sweep_close(sweep);
        return false;
}
