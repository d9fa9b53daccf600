/* The dispatcher's core: from brig.jobs through Redis to settled results, as the hand-off protocol says. No I/O: what goes out goes
 * through `ports` and the gate, what comes in is told by the functions below, time comes from `clock`.
 *
 * One thread. Functions that return bool for a record refuse it with false; it is told again after ports->release of its stream. */
#ifndef BRIG_DISPATCHER_DISPATCHER_H
#define BRIG_DISPATCHER_DISPATCHER_H

#include "common/analysis.h"
#include "common/log.h"
#include "dispatcher/alert.h"
#include "dispatcher/control.h"
#include "dispatcher/counters.h"
#include "dispatcher/outbox.h"
#include "dispatcher/partition.h"
#include "dispatcher/reaper.h"
#include "dispatcher/restore.h"

enum { DISPATCHER_OUTBOX_MAX = 1024, DISPATCHER_TICK_MS = 100 };

struct dispatcher_options { /* all borrowed, and as long-lived as the dispatcher */
        const struct config *config;
        const struct analysis *analysis; /* NULL: no findings */
        struct gate *gate;
        const struct dispatch_ports *ports;
        const struct clock *clock;
        const struct log *log;
        int32_t partitions; /* of brig.jobs and of brig.results */
};

struct dispatcher {
        struct dispatcher_options options;
        struct kafka_topics topics;
        struct outbox outbox;
        struct partition *partitions;
        struct restore restore;
        struct reaper reaper;
        struct control control;
        struct alert_ratio ratio;
        struct counters counters;
        bool connected; /* to Redis */
        bool ready;     /* connected, and Redis is restored */
        bool stopping;
        bool stopped;   /* answers that still come are dropped */
        uint64_t epoch; /* of Redis, last heard; 0: never */
};

int dispatcher_init(struct dispatcher *d, const struct dispatcher_options *options, struct error *e);

/* Only when no operation is under way any more. */
void dispatcher_deinit(struct dispatcher *d);

/* New limits and profiles, for jobs admitted from now on. */
void dispatcher_configure(struct dispatcher *d, const struct config *config, const struct analysis *analysis);

/* Reads no more, commits what is settled. _quiet: nothing more can be committed, and nothing is on its way. */
void dispatcher_stop(struct dispatcher *d);
bool dispatcher_quiet(const struct dispatcher *d);

/* From here on answers are dropped: nothing goes out any more. */
void dispatcher_cut(struct dispatcher *d);

/* What happened. Partition numbers outside [0, partitions) are ignored. */
void dispatcher_redis_up(struct dispatcher *d);
void dispatcher_redis_down(struct dispatcher *d);
void dispatcher_assigned(struct dispatcher *d, int32_t partition, int64_t committed, const char *metadata);
void dispatcher_revoked(struct dispatcher *d, int32_t partition, bool lost);
bool dispatcher_record(struct dispatcher *d, enum dispatch_stream stream, const struct kafka_record *record);
void dispatcher_end(struct dispatcher *d, enum dispatch_stream stream, int32_t partition, int64_t offset); /* tails only */
void dispatcher_purged(struct dispatcher *d, enum dispatch_stream stream, int32_t partition); /* reading goes on at the log's beginning */
void dispatcher_committed(struct dispatcher *d, int32_t partition, int64_t offset, const struct error *e);
void dispatcher_tick(struct dispatcher *d); /* every DISPATCHER_TICK_MS */

/* For the modules of this folder. */

/* Takes note of what an answer tells of Redis: its epoch, or that it waits to be restored. True: the answer can be used; it may have led
 * to a take-over all the same. */
bool dispatcher_heard(struct dispatcher *d, const struct gate_call *call, const struct error *e);

/* Redis is ready under this epoch. */
void dispatcher_set_ready(struct dispatcher *d, uint64_t epoch);

struct partition *dispatcher_partition(struct dispatcher *d, int64_t number); /* NULL: no such */
uint64_t dispatcher_now_ms(const struct dispatcher *d);                       /* boot time */
uint32_t dispatcher_now_s(const struct dispatcher *d);

#endif
