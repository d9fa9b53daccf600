/* What the dispatcher's core asks of the world: a table that main.c wires to Kafka and the simulation replaces.
 *
 * No function calls back from inside; what happens is told by the functions of dispatcher.h. */
#ifndef BRIG_DISPATCHER_PORTS_H
#define BRIG_DISPATCHER_PORTS_H

#include "common/transport/kafka_sink.h"

enum dispatch_stream {
        STREAM_JOBS,    /* brig.jobs as a group member */
        STREAM_CONTROL, /* brig.control as a group member */
        STREAM_RESULTS, /* tail of brig.results */
        STREAM_AGENTS,  /* brig.agents from the beginning, while Redis is restored */
        STREAM_REREAD,  /* brig.jobs once more, from an offset, for single records */
};

#define STREAM_BEGINNING INT64_C(-2)

struct dispatch_ports {
        /* As kafka_sink_send. */
        int (*send)(void *data, struct kafka_send *send, struct error *e);

        /* Commits in brig.jobs (STREAM_JOBS) or brig.control; of jobs the outcome is told by dispatcher_committed. */
        int (*commit)(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset, const char *metadata, struct error *e);

        /* The same, done when it returns; only while dispatcher_revoked runs. */
        int (*commit_now)(void *data, int32_t partition, int64_t offset, const char *metadata, struct error *e);

        /* STREAM_JOBS: the next record told is the one at `offset` or the first after it. */
        void (*seek)(void *data, int32_t partition, int64_t offset);

        /* The other tails: starts, also again, at `offset`; what is told from then on belongs to the new start. */
        void (*tail)(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset);
        void (*untail)(void *data, enum dispatch_stream stream, int32_t partition);

        /* The stream goes on after a record was refused (false); without effect otherwise. */
        void (*release)(void *data, enum dispatch_stream stream, int32_t partition);

        void *data;
};

#endif
