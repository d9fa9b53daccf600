#include "common/service.h"

#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAP_SPARE_BYTES = 64 << 10 };

/* The length of the address, or 0 when `name` is none. A leading @ names an abstract socket. */
static socklen_t address_of(const char *name, struct sockaddr_un *ret_address)
{
        size_t size = name ? strlen(name) : 0;
        if (size < 2 || size >= sizeof(ret_address->sun_path) || (name[0] != '/' && name[0] != '@'))
                return 0;
        *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(ret_address->sun_path, name, size);
        if (name[0] == '@')
                ret_address->sun_path[0] = 0;
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

void service_notify(const char *state)
{
        struct sockaddr_un address;
        socklen_t size = address_of(getenv("NOTIFY_SOCKET"), &address);
        int fd = size ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
        if (fd < 0)
                return;
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
        close(fd);
}

int service_protect_from_oom(void)
{
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        ssize_t written = write(fd, "-900", 4);
        close(fd);
        return written == 4 ? 0 : -1;
}

void service_keep_memory_small(void)
{
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_TRIM_THRESHOLD, HEAP_SPARE_BYTES);
}
