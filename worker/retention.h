/* What jobs left on this host, kept for its time and within its bound: the index is written, and old files go, at the start, each hour, and
 * when more has come than may be there. On another thread, step by step. */
#ifndef BRIG_WORKER_RETENTION_H
#define BRIG_WORKER_RETENTION_H

#include <uv.h>

#include "common/config.h"
#include "common/log.h"
#include "common/result.h"
#include "worker/sandbox/artifact_sweep.h"

/* The caller's memory, until the loop is empty. */
struct retention {
        const struct config *config; /* borrowed, as the next two */
        const struct log *log;
        const struct clock *clock;

        /* private */
        uv_loop_t *loop;
        uv_timer_t timer;
        uv_work_t work;
        struct artifact_sweep sweep;
        uint64_t bytes; /* there are about so many */
        bool sweeping, more, closing;
};

/* The caller has set the first three; sweeps at once. */
void retention_open(struct retention *retention, uv_loop_t *loop);
void retention_close(struct retention *retention); /* a second call does nothing */

/* A job has left something: its index is written. Everything is read before it returns. */
void retention_keep(struct retention *retention, const struct result *result);

#endif
