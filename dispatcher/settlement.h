/* Settlement: each record of brig.results is settled in Redis once, in the order of the log, and ends its entry in the ledger.
 *
 * One settlement of a partition is under way at a time: Redis tells a settled record by its position, so a later one must never pass an
 * earlier one whose outcome is unknown. */
#ifndef BRIG_DISPATCHER_SETTLEMENT_H
#define BRIG_DISPATCHER_SETTLEMENT_H

#include "common/list.h"
#include "common/transport/kafka_record.h"

enum { SETTLEMENTS_MAX = 256 };

struct partition;

struct settlements {
        struct list waiting; /* the first one may be under way */
        size_t count;
        bool busy;        /* the first one is under way */
        bool held;        /* a record was refused */
        bool end_reached; /* the tail was at its end since the take-over */
        int64_t next;     /* the record that the tail tells next */
        int64_t settled;  /* everything before it is settled */
};

void settlements_init(struct settlements *s);

/* Drops what waits; records are awaited from `next` on. */
void settlements_reset(struct settlements *s, int64_t next);

/* A record of brig.results; false: not now. */
bool settlement_record(struct partition *p, const struct kafka_record *record);

/* The tail was read to its end; the next record will be `offset`. */
void settlement_end(struct partition *p, int64_t offset);

/* Reads on after a refusal once it can; starts the next settlement when none is under way and Redis is ready. Called at every tick too. */
void settlement_pump(struct partition *p);

#endif
