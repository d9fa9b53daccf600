#include "clients/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 << 10 };

static int read_to_end(int fd, const char *path, struct bytes *data, struct error *e)
{
        for (;;) {
                if (bytes_reserve(data, CHUNK_BYTES) < 0)
                        return error_set(e, ERROR_MEMORY, "%.120s: out of memory", path);
                ssize_t n = read(fd, data->data + data->size, CHUNK_BYTES);
                if (n == 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return error_set_sys(e, ERROR_USAGE, errno, "%.120s", path);
                data->size += n > 0 ? (size_t)n : 0;
                if (data->size > INPUT_BYTES_MAX)
                        return error_set(e, ERROR_INVALID, "%.120s: larger than %d bytes", path, INPUT_BYTES_MAX);
        }
}

int input_read(const char *path, struct bytes *ret_data, struct error *e)
{
        if (strcmp(path, "-") == 0)
                return read_to_end(STDIN_FILENO, "standard input", ret_data, e);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set_sys(e, ERROR_USAGE, errno, "%.120s", path);
        int failed = read_to_end(fd, path, ret_data, e);
        close(fd);
        return failed;
}
