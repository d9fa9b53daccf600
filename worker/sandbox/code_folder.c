#include "worker/sandbox/code_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FOLDER_MODE = 0755, FILE_MODE = 0555, NESTING_MAX = 1100 };

int code_folder_make(int parent, const char *name, struct error *e)
{
        if (mkdirat(parent, name, FOLDER_MODE) < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "make code folder %s", name);
        int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0 || fchmod(folder, FOLDER_MODE) < 0) { /* whatever the umask */
                error_set_sys(e, ERROR_SYSTEM, errno, "open code folder %s", name);
                if (folder >= 0)
                        close(folder);
                return -1;
        }
        return folder;
}

static int open_beneath(int folder, const char *path, uint64_t flags, uint64_t mode)
{
        struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
        return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

/* Makes the folder `name` in `at`, which it closes, and returns a descriptor of it, or -1 with errno. */
static int step_into(int at, const char *name)
{
        int next = -1;
        if (mkdirat(at, name, FOLDER_MODE) == 0 || errno == EEXIST)
                next = open_beneath(at, name, O_RDONLY | O_DIRECTORY, 0);
        if (next >= 0)
                fchmod(next, FOLDER_MODE);
        int kept = errno;
        close(at);
        errno = kept;
        return next;
}

/* Returns a descriptor of the folder the file lies in, and its last name. */
static int open_parent(int folder, char *path, char **ret_name)
{
        int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
        char *name = path;
        for (char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
                *slash = 0;
                at = step_into(at, name);
        }
        *ret_name = name;
        return at;
}

static int write_all(int file, struct span content)
{
        while (content.size > 0) {
                ssize_t written = write(file, content.data, content.size);
                if (written < 0)
                        return -1;
                content = (struct span){content.data + written, content.size - (size_t)written};
        }
        return 0;
}

int code_folder_write(int folder, const char *path, struct span content, struct error *e)
{
        char copy[PATH_MAX];
        char *name;
        if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
                return error_set_sys(e, ERROR_SYSTEM, ENAMETOOLONG, "write %.64s to the code folder", path);
        int parent = open_parent(folder, copy, &name);
        int file = parent < 0 ? -1 : open_beneath(parent, name, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
        int result = file < 0 || write_all(file, content) < 0 || fchmod(file, FILE_MODE) < 0 ? -1 : 0;
        if (result < 0)
                error_set_sys(e, ERROR_SYSTEM, errno, "write %.64s to the code folder", path);
        if (file >= 0)
                close(file);
        if (parent >= 0)
                close(parent);
        return result;
}

static int remove_tree(int parent, const char *name, unsigned nesting);

static int remove_entry(int folder, const char *name, unsigned nesting)
{
        if (unlinkat(folder, name, 0) == 0)
                return 0;
        return errno == EISDIR ? remove_tree(folder, name, nesting + 1) : -1;
}

static int empty_folder(DIR *entries, unsigned nesting)
{
        for (struct dirent *entry; (entry = readdir(entries));) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (remove_entry(dirfd(entries), entry->d_name, nesting) < 0)
                        return -1;
        }
        return 0;
}

static int remove_tree(int parent, const char *name, unsigned nesting)
{
        int folder = nesting > NESTING_MAX ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *entries = folder < 0 ? NULL : fdopendir(folder);
        if (!entries) {
                if (folder >= 0)
                        close(folder);
                return -1;
        }
        int result = empty_folder(entries, nesting);
        closedir(entries);
        return result < 0 ? -1 : unlinkat(parent, name, AT_REMOVEDIR);
}

int code_folder_remove(int parent, const char *name, struct error *e)
{
        if (remove_tree(parent, name, 0) < 0 && errno != ENOENT)
                return error_set_sys(e, ERROR_SYSTEM, errno, "remove code folder %s", name);
        return 0;
}
