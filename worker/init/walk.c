#include "worker/init/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* getdents64(2): no library's buffer on the heap. */
struct listed {
        uint64_t inode;
        int64_t next;
        uint16_t size;
        uint8_t type;
        char name[];
};

enum { LIST_BYTES = 2048 };

static bool walk_directory(struct walk *w, int directory, size_t path_size, unsigned depth);

static bool report(struct walk *w, const struct walk_entry *found, const char *problem)
{
        struct walk_entry entry = *found;
        entry.problem = problem;
        return w->visit(w->data, &entry);
}

static bool walk_into(struct walk *w, const struct walk_entry *entry, size_t path_size, unsigned depth)
{
        if (depth == WALK_DEPTH_MAX)
                return report(w, entry, "too many folders deep");
        int directory = openat(entry->directory, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0)
                return report(w, entry, "cannot be opened");
        bool go_on = walk_directory(w, directory, path_size, depth + 1);
        close(directory);
        w->path[path_size] = '\0';
        return go_on;
}

/* Puts the name behind the path so far; returns the new size, or 0 when it is too long. */
static size_t path_append(struct walk *w, size_t path_size, const char *name)
{
        size_t name_size = strlen(name);
        size_t slash = path_size ? 1 : 0;
        if (path_size + slash + name_size > FRAME_PATH_MAX)
                return 0;
        if (slash)
                w->path[path_size] = '/';
        memcpy(w->path + path_size + slash, name, name_size + 1);
        return path_size + slash + name_size;
}

static bool walk_name(struct walk *w, int directory, const char *name, size_t path_size, unsigned depth)
{
        struct stat status;
        struct walk_entry entry = {.directory = directory, .name = name, .path = w->path};
        size_t size = path_append(w, path_size, name);
        w->path[size ? size : path_size] = '\0';
        if (!size)
                return report(w, &entry, "path too long");
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return report(w, &entry, "cannot be looked at");
        entry.status = &status;
        if (!w->visit(w->data, &entry))
                return false;
        return !S_ISDIR(status.st_mode) || walk_into(w, &entry, size, depth);
}

static bool is_dots(const char *name)
{
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool walk_directory(struct walk *w, int directory, size_t path_size, unsigned depth)
{
        _Alignas(struct listed) char list[LIST_BYTES];
        for (;;) {
                long size = syscall(SYS_getdents64, directory, list, sizeof list);
                if (size <= 0)
                        return true;
                for (long at = 0; at < size;) {
                        const struct listed *entry = (const struct listed *)(list + at);
                        at += entry->size;
                        if (!is_dots(entry->name) && !walk_name(w, directory, entry->name, path_size, depth))
                                return false;
                }
        }
}

bool walk_run(struct walk *w, int root)
{
        w->path[0] = '\0';
        if (lseek(root, 0, SEEK_SET) < 0)
                return true;
        return walk_directory(w, root, 0, 0);
}
