/* Restoring a Redis that lost its memory: take the lock, read brig.agents to its end, hand the snapshots over in batches as they come,
 * declare it ready. Whoever fails half-way leaves the lock to expire; the next one repeats it all. */
#ifndef BRIG_DISPATCHER_RESTORE_H
#define BRIG_DISPATCHER_RESTORE_H

#include "common/state.h"
#include "common/transport/gate.h"
#include "common/transport/kafka_record.h"

enum { RESTORE_BATCH_MAX = 128 };

struct dispatcher;

enum restore_phase { RESTORE_IDLE, RESTORE_LOCKING, RESTORE_READING, RESTORE_READYING, RESTORE_COUNT };

struct restore {
        struct dispatcher *dispatcher; /* borrowed */
        struct state_machine phase;
        uint64_t due_at_ms;
        struct gate_lock lock;
        bool locking; /* the lock's operation is under way, also to hold it longer */
        uint64_t locked_at_ms;
        struct gate_ready ready;
        struct gate_restore batch;
        struct gate_agent agents[RESTORE_BATCH_MAX];
        void *memory[RESTORE_BATCH_MAX]; /* of agents */
        size_t agent_count;
        bool restored; /* an agent was among what was read */
        bool sending;  /* the batch is under way */
        bool failed;   /* give up once nothing is under way */
        bool *ended;   /* by partition */
};

void restore_init(struct restore *r, struct dispatcher *d);
void restore_deinit(struct restore *r);

/* Begins at the next tick. */
void restore_wanted(struct restore *r);

/* The connection is gone: what was begun is given up. */
void restore_abandon(struct restore *r);

bool restore_record(struct restore *r, const struct kafka_record *record); /* false: not now */
void restore_end(struct restore *r, int32_t partition);
void restore_tick(struct restore *r);

#endif
