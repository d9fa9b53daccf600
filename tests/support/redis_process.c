#include "tests/support/redis_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 500, START_PAUSE_NS = 20000000 };

static void check(bool fine, const char *what)
{
        if (fine)
                return;
        perror(what);
        abort();
}

bool redis_process_available(void)
{
        char path[4096], *rest = path;
        snprintf(path, sizeof path, "%s", getenv("PATH"));
        for (const char *folder; (folder = strsep(&rest, ":"));) {
                char file[4200];
                snprintf(file, sizeof file, "%s/redis-server", folder);
                if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

static struct sockaddr_in loopback(int port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
}

static int port_free(void)
{
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
        check(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
        close(fd);
        return ntohs(address.sin_port);
}

void redis_process_init(struct redis_process *p)
{
        *p = (struct redis_process){.port = port_free(), .folder = "/tmp/brig-redis-XXXXXX"};
        check(mkdtemp(p->folder) != NULL, "mkdtemp");
        snprintf(p->url, sizeof p->url, "redis://127.0.0.1:%d", p->port);
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
        (void)status;
        (void)kind;
        (void)place;
        return remove(path);
}

void redis_process_deinit(struct redis_process *p)
{
        redis_process_stop(p);
        check(nftw(p->folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS) == 0, "nftw");
}

static void process_exec(const struct redis_process *p, const char *option, const char *value)
{
        char port[16];
        snprintf(port, sizeof port, "%d", p->port);
        const char *arguments[] = {"redis-server", "--port", port,           "--bind", "127.0.0.1", "--dir", p->folder,
                                   "--save",       "",       "--appendonly", "yes",    option,      value,   NULL};
        int log = open("/dev/null", O_WRONLY);
        dup2(log, STDOUT_FILENO);
        execvp("redis-server", (char *const *)arguments);
        _exit(127);
}

static bool process_answers(const struct redis_process *p)
{
        const char *answer = redis_process_command(p, "PING");
        return strcmp(answer, "+PONG") == 0 || strncmp(answer, "-NOAUTH", 7) == 0;
}

void redis_process_start(struct redis_process *p, const char *option, const char *value)
{
        p->pid = fork();
        check(p->pid >= 0, "fork");
        if (p->pid == 0)
                process_exec(p, option, value);
        for (int i = 0; i < START_TRIES && !process_answers(p); i++)
                nanosleep(&(struct timespec){.tv_nsec = START_PAUSE_NS}, NULL);
        check(process_answers(p), "redis-server");
}

void redis_process_stop(struct redis_process *p)
{
        if (!p->pid)
                return;
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
}

const char *redis_process_command(const struct redis_process *p, const char *command)
{
        static char answer[4096];
        struct sockaddr_in address = loopback(p->port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ssize_t size = -1;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
                dprintf(fd, "%s\r\n", command);
                size = read(fd, answer, sizeof answer - 1);
        }
        close(fd);
        answer[size > 0 ? size : 0] = 0;
        answer[strcspn(answer, "\r\n")] = 0;
        return answer;
}
