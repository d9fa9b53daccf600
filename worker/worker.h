/* The worker: an inbox and the assignments it brought. Pure of I/O but for its ports; one thread. */
#ifndef BRIG_WORKER_WORKER_H
#define BRIG_WORKER_WORKER_H

#include "worker/assignment.h"
#include "worker/inbox.h"

struct worker {
        struct ports ports;
        struct inbox inbox;
        struct list assignments;
        size_t count;
        struct alarm bound;          /* of a drain */
        void (*drained)(void *data); /* not NULL: draining */
        void *data;
        bool inbox_closed;
        bool bound_reached;
        bool over; /* `drained` was called */
};

/* Copies the ports. Takes nothing before worker_wake. */
void worker_init(struct worker *worker, const struct ports *ports);
void worker_deinit(struct worker *worker); /* with what is at hand, published or not: leases end by themselves */

/* There may be work: a hint, or something that was missing is there again. */
void worker_wake(struct worker *worker);

/* A hint that a job was cancelled; `message` holds its job_id. */
void worker_hint_cancelled(struct worker *worker, struct span message);

/* Takes nothing more; what has not ended after `bound_ms` is killed and given back; `drained` runs, once, when nothing is left, or some
 * seconds later with what cannot be ended, since a part of the world does not answer. Called again it only sets another bound. */
void worker_drain(struct worker *worker, uint64_t bound_ms, void (*drained)(void *data), void *data);

bool worker_runs(const struct worker *worker); /* a program of a job runs in a sandbox */

#endif
