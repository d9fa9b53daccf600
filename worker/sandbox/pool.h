/* The slots of one sandbox: which serves a job, which are kept warm, which give way. */
#ifndef BRIG_SANDBOX_POOL_H
#define BRIG_SANDBOX_POOL_H

#include "worker/sandbox/demand.h"

struct pool {
        struct slot_host *host;
        const struct clock *clock;
        struct slot **slots;
        size_t count;
        uint64_t warm; /* containers kept waiting for each entry of the demand */
        struct demand demand;
};

/* 0 or -1 (ERROR_MEMORY). */
int pool_open(struct pool *pool, struct slot_host *host, const struct clock *clock, uv_loop_t *loop, size_t count, uint64_t warm,
              struct error *e);

enum pool_choice {
        POOL_WAITING, /* a container waits that fits */
        POOL_COMING,  /* one that fits is being started, for nobody yet */
        POOL_EMPTY,   /* one can be started */
        POOL_NONE,    /* all are in use or being removed; the least wanted one has been told to go */
};
enum pool_choice pool_choose(struct pool *pool, const struct slot_want *want, struct slot **ret_slot);

/* Starts containers that are in demand, a few at a time and not at once. Gives after how many ms it is to be called again; UINT64_MAX: not
 * before something has changed. */
uint64_t pool_warm(struct pool *pool);

bool pool_owns(const struct pool *pool, const char *container);
bool pool_is_empty(const struct pool *pool);
void pool_remove_all(struct pool *pool);
void pool_close_slots(struct pool *pool); /* when it is empty; host->closed follows for each */
void pool_free(struct pool *pool);        /* after that */

#endif
