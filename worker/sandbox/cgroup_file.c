#include "worker/sandbox/cgroup_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t v1_no_limit = 1ULL << 62; /* v1 says "none" by the largest multiple of its page size */

int cgroup_file_read(const char *path, char *ret_text, size_t size, struct error *e)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);
        int sys = errno;
        if (fd >= 0)
                close(fd);
        if (got < 0)
                return error_set_sys(e, ERROR_SYSTEM, sys, "%s", path);
        ret_text[got] = '\0';
        return 0;
}

int cgroup_file_write(const char *path, const char *text, struct error *e)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t put = fd < 0 ? -1 : write(fd, text, strlen(text));
        int sys = errno;
        if (fd >= 0)
                close(fd);
        return put < 0 ? error_set_sys(e, ERROR_SYSTEM, sys, "%s", path) : 0;
}

int cgroup_file_number(const char *text, uint64_t *ret_number)
{
        char *end;
        if (strncmp(text, "max", 3) == 0 || strncmp(text, "-1", 2) == 0) {
                *ret_number = UINT64_MAX;
                return 0;
        }
        if (!isdigit((unsigned char)*text))
                return -1;
        uint64_t number = strtoull(text, &end, 10);
        *ret_number = number >= v1_no_limit ? UINT64_MAX : number;
        return 0;
}

int cgroup_file_key(const char *text, const char *key, uint64_t *ret_number)
{
        size_t size = strlen(key);
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (size == 0 || (strncmp(line, key, size) == 0 && line[size] == ' '))
                        return cgroup_file_number(line + size + (size != 0), ret_number);
        }
        return -1;
}
