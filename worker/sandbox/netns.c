#include "worker/sandbox/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct visit {
        int namespace_fd;
        const char *step; /* that failed; NULL: none */
        int sys;
};

static int loopback_raise(int fd)
{
        struct ifreq request = {0};
        memcpy(request.ifr_name, "lo", sizeof "lo");
        if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return -1;
        request.ifr_flags |= IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &request);
}

/* The thread ends where it went: only it is in the other namespace, so nobody has to come back. */
static void *visit_run(void *data)
{
        struct visit *visit = data;
        if (setns(visit->namespace_fd, CLONE_NEWNET) < 0) {
                *visit = (struct visit){.step = "setns", .sys = errno};
                return NULL;
        }
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || loopback_raise(fd) < 0)
                *visit = (struct visit){.step = "raise lo", .sys = errno};
        if (fd >= 0)
                close(fd);
        return NULL;
}

int netns_raise_loopback(pid_t pid, struct error *e)
{
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "%s", path);
        struct visit visit = {.namespace_fd = fd};
        pthread_t thread;
        int sys = pthread_create(&thread, NULL, visit_run, &visit);
        if (sys == 0)
                pthread_join(thread, NULL);
        close(fd);
        if (sys)
                return error_set_sys(e, ERROR_SYSTEM, sys, "thread");
        return visit.step ? error_set_sys(e, ERROR_SYSTEM, visit.sys, "%s in %s", visit.step, path) : 0;
}
