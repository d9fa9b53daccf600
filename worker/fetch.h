/* The fetcher: reads single records of brig.jobs that were too large for Redis, one after the other. It connects at the first. */
#ifndef BRIG_WORKER_FETCH_H
#define BRIG_WORKER_FETCH_H

#include "common/transport/kafka_source.h"
#include "worker/ports.h"

struct fetcher {
        uv_loop_t *loop;
        const struct config *config;
        const struct log *log;
        const char *topic;
        struct kafka_source *source; /* NULL: none was needed yet */
        struct list waiting;
        struct fetch *current;
        struct error failure; /* of the current one, when the timer fires */
        uv_timer_t timer;
};

void fetcher_open(struct fetcher *fetcher, uv_loop_t *loop, const struct config *config, const struct log *log, const char *topic);

/* What waits ends with ERROR_CANCELLED. The memory is free once the loop has run out. */
void fetcher_close(struct fetcher *fetcher);

struct fetch_port fetch_port_of(struct fetcher *fetcher);

#endif
