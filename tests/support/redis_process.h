/* A real redis-server of a test's own: on a free port of 127.0.0.1, in a folder that is removed afterwards. */
#ifndef BRIG_TESTS_SUPPORT_REDIS_PROCESS_H
#define BRIG_TESTS_SUPPORT_REDIS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_process {
        pid_t pid; /* 0: not running */
        int port;
        char folder[64];
        char url[64];
};

/* False when the machine has no redis-server. */
bool redis_process_available(void);

/* Chooses port and folder; starts nothing. Fails the test when it cannot. */
void redis_process_init(struct redis_process *p);
void redis_process_deinit(struct redis_process *p); /* stops it, removes the folder */

/* Starts it with the append-only file in its folder, so that a start after a stop finds the data. `option` and `value`: one more setting
 * (NULL: none). Returns once it answers. */
void redis_process_start(struct redis_process *p, const char *option, const char *value);
void redis_process_stop(struct redis_process *p); /* SIGKILL */

/* Sends one inline command by a connection of its own and returns the first line of the answer (static memory). */
const char *redis_process_command(const struct redis_process *p, const char *command);

#endif
