#include "worker/sandbox/compile_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

static int open_folder(const struct compile_cache *cache)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/compiled", cache->log_directory);
        (void)mkdir(cache->log_directory, 0755); /* both are usually there; if not, opening says why */
        (void)mkdir(path, FOLDER_MODE);
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int read_whole(int file, struct bytes *ret_program)
{
        struct stat status;
        if (fstat(file, &status) < 0 || bytes_reserve(ret_program, (size_t)status.st_size) < 0)
                return -1;
        for (off_t left = status.st_size; left > 0;) {
                ssize_t size = read(file, ret_program->data + ret_program->size, (size_t)left);
                if (size <= 0)
                        return -1;
                ret_program->size += (size_t)size;
                left -= size;
        }
        ret_program->data[ret_program->size] = 0;
        return 0;
}

bool compile_cache_find(const struct compile_cache *cache, const char *key, struct bytes *ret_program)
{
        int folder = open_folder(cache);
        int file = folder < 0 ? -1 : openat(folder, key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        bool found = file >= 0 && read_whole(file, ret_program) == 0;
        if (found)
                (void)futimens(file, NULL); /* used last now */
        else
                bytes_clear(ret_program);
        if (file >= 0)
                close(file);
        if (folder >= 0)
                close(folder);
        return found;
}

/* What the folder holds. */
struct survey {
        size_t entries;
        uint64_t bytes;
        struct timespec oldest_time;
        char oldest[NAME_MAX + 1];
};

static bool is_before(struct timespec a, struct timespec b)
{
        return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void count_entry(struct survey *survey, int folder, const char *name)
{
        struct stat status;
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
                return;
        if (survey->entries++ == 0 || is_before(status.st_mtim, survey->oldest_time)) {
                survey->oldest_time = status.st_mtim;
                snprintf(survey->oldest, sizeof(survey->oldest), "%s", name);
        }
        survey->bytes += (uint64_t)status.st_size;
}

static struct survey look_around(int folder)
{
        struct survey survey = {0};
        int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *entries = again < 0 ? NULL : fdopendir(again);
        for (struct dirent *entry; entries && (entry = readdir(entries));)
                count_entry(&survey, folder, entry->d_name);
        if (entries)
                closedir(entries);
        else if (again >= 0)
                close(again);
        return survey;
}

static void evict(const struct compile_cache *cache, int folder)
{
        struct survey survey = look_around(folder);
        while (survey.entries > cache->entries_max || survey.bytes > cache->bytes_max) {
                if (unlinkat(folder, survey.oldest, 0) < 0 && errno != ENOENT)
                        break;
                survey = look_around(folder);
        }
}

static int write_whole(int file, struct span data)
{
        while (data.size > 0) {
                ssize_t written = write(file, data.data, data.size);
                if (written < 0)
                        return -1;
                data = (struct span){data.data + written, data.size - (size_t)written};
        }
        return fsync(file);
}

/* One that is there already was made of the same. */
static int give_name(int file, int folder, const char *key)
{
        char source[40];
        snprintf(source, sizeof(source), "/proc/self/fd/%d", file);
        return linkat(AT_FDCWD, source, folder, key, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST ? -1 : 0;
}

int compile_cache_keep(const struct compile_cache *cache, const char *key, struct span program, struct error *e)
{
        int folder = open_folder(cache);
        int file = folder < 0 ? -1 : openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, FILE_MODE);
        int result = file < 0 || write_whole(file, program) < 0 || give_name(file, folder, key) < 0 ? -1 : 0;
        if (result < 0)
                error_set_sys(e, ERROR_SYSTEM, errno, "keep a compiled program in %s/compiled", cache->log_directory);
        else
                evict(cache, folder);
        if (file >= 0)
                close(file);
        if (folder >= 0)
                close(folder);
        return result;
}
