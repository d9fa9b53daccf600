/* Records read a second time: of jobs admitted long ago, to ask the gate for them again, which heals whatever was lost without a trace; and
 * of jobs that died, for their bytes and metadata. */
#ifndef BRIG_DISPATCHER_REREAD_H
#define BRIG_DISPATCHER_REREAD_H

#include "common/list.h"
#include "common/transport/gate.h"
#include "common/transport/kafka_record.h"

struct partition;

struct casualty { /* a job that the gate gave up */
        struct list link;
        int64_t offset;
        enum gate_dead_reason reason;
        uint32_t attempt;
        char job_id[UUID_TEXT_SIZE];
        char pool[160];
        char agent_id[]; /* NUL-terminated */
};

struct reread {
        struct list casualties;
        size_t casualty_count;
        bool reading;
        int64_t next;         /* the record that is told next */
        uint64_t heard_at_ms; /* when the last record came */
};

void reread_init(struct reread *r);
void reread_reset(struct partition *p);

/* A job that reap told of: its record is read, and then it gets its terminal record. Told twice, it is taken once. */
void reread_bury(struct partition *p, const struct gate_dead *dead);

/* A record of brig.jobs read again; false: not now. */
bool reread_record(struct partition *p, const struct kafka_record *record);

/* The tail is at its end: what was not found does not exist any more. */
void reread_end(struct partition *p, int64_t offset);

/* Starts reading when something is due. */
void reread_tick(struct partition *p);

#endif
