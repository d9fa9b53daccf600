/* Terminal records of jobs that this side ends: refused, dead, cancelled before a start. They go to the partition of brig.results that
 * has the number of the job's partition, with the audit event ahead of them. */
#ifndef BRIG_DISPATCHER_ENDING_H
#define BRIG_DISPATCHER_ENDING_H

#include "common/result.h"
#include "common/transport/kafka_record.h"

struct dispatcher;
struct letter;

/* The job that ends: where it lies, whose it is. Borrowed. */
struct ending {
        int32_t partition;
        int64_t offset;
        const char *agent_id, *job_id;
        json_t *metadata; /* NULL: none */
        uint32_t attempt; /* 0: it never started */
};

/* Each: 0 when the record is on its way for good, or -1: no memory, nothing happened; ask again later. `first` (may be NULL) is a letter
 * that Kafka must have acknowledged before the record is sent; taken in any case. */
int ending_reject(struct dispatcher *d, const struct ending *ending, const struct rejection *rejection, struct letter *first_take);
int ending_end(struct dispatcher *d, const struct ending *ending, enum status status, enum cause cause, const char *reason,
               struct letter *first_take);

/* The record's bytes for the dead-letter topic, with topic, partition, offset and error class; where Kafka takes none so large, these
 * alone. NULL: no memory. */
struct letter *ending_dead_letter(struct dispatcher *d, const struct kafka_record *record, const char *class);

#endif
