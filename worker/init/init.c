/* brig-init: PID 1 of a sandbox. It runs one command for the worker at the other end of its stdin and stdout (frame.h says how), as the
 * job's own user and with no privilege; README.md says what keeps it safe from the job. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/init/supervisor.h"

enum { STACK_BYTES = 128 << 10, STATUS_BYTES = 4096 };

/* A page that is first touched when memory has ended would make PID 1 the victim. */
static void touch_stack(void)
{
        volatile char stack[STACK_BYTES];
        for (size_t i = 0; i < sizeof stack; i += 1024)
                stack[i] = 0;
}

/* All five sets in one: each has to be empty. */
static uint64_t read_capabilities(void)
{
        char text[STATUS_BYTES];
        int fd = openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
        ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        uint64_t all = 0;
        close(fd);
        text[size > 0 ? size : 0] = '\0';
        const char *line = strstr(text, "\nCap");
        if (!line)
                return UINT64_MAX;
        for (; line; line = strstr(line + 1, "\nCap"))
                all |= strtoull(line + strcspn(line, "\t"), NULL, 16);
        return all;
}

static struct frame_hello read_back(void)
{
        return (struct frame_hello){
                        .version = FRAME_VERSION,
                        .uid = getuid(),
                        .gid = getgid(),
                        .dumpable = (uint32_t)prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
                        .no_new_privileges = (uint32_t)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
                        .seccomp_mode = (uint32_t)prctl(PR_GET_SECCOMP, 0, 0, 0, 0),
                        .capabilities = read_capabilities(),
                        .boottime_ms = supervisor_now_ms(),
        };
}

/* Blocks SIGCHLD and nothing else: a blocked signal queues even for PID 1, an ignored one does not. Returns the descriptor or -1. */
static int take_signals(void)
{
        sigset_t wanted, blocked;
        sigemptyset(&wanted);
        sigaddset(&wanted, SIGCHLD);
        if (sigprocmask(SIG_SETMASK, &wanted, NULL) < 0 || sigprocmask(SIG_SETMASK, NULL, &blocked) < 0)
                return -1;
        for (int number = 1; number < NSIG; number++) {
                if (sigismember(&blocked, number) != (number == SIGCHLD))
                        return -1;
        }
        return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool set_flag(int fd, int flag)
{
        return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | flag) == 0 && (fcntl(fd, F_GETFL) & flag);
}

/* The image may have a folder of that name with a mode that shuts the job out. */
static bool set_mode(const char *path, mode_t mode)
{
        (void)chmod(path, mode);
        return access(path, R_OK | W_OK | X_OK) == 0;
}

static _Noreturn void refuse(const char *reason)
{
        uint8_t header[FRAME_HEADER_BYTES];
        frame_header(header, FRAME_REFUSED, strlen(reason));
        (void)!write(STDOUT_FILENO, header, sizeof header);
        (void)!write(STDOUT_FILENO, reason, strlen(reason));
        _exit(1);
}

int main(int argc, char **argv, char **environment)
{
        static struct supervisor supervisor;
        (void)argc, (void)argv;
        if (getpid() != 1)
                refuse("brig-init must be PID 1 of a sandbox"); /* it ends with kill(-1) */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
                refuse("still dumpable");
        if (getpgrp() != getpid())
                refuse("no process group of its own");
        int signals = take_signals();
        if (signals < 0)
                refuse("no signal descriptor");
        if (!set_flag(STDIN_FILENO, O_NONBLOCK) || !set_flag(STDOUT_FILENO, O_NONBLOCK))
                refuse("stdin or stdout blocks");
        if (!set_mode("/work", 0755) || !set_mode("/tmp", 01777))
                refuse("/work or /tmp cannot be written");
        if (!supervisor_init(&supervisor, signals, environment))
                refuse("no memory, or an image with too many variables");
        touch_stack();
        struct frame_hello hello = read_back();
        supervisor_run(&supervisor, &hello);
}
