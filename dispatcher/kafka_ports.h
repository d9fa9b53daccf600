/* The dispatcher's ports on Kafka: a consumer for each stream, one producer. The two tails that are seldom needed have a consumer only while
 * they are. */
#ifndef BRIG_DISPATCHER_KAFKA_PORTS_H
#define BRIG_DISPATCHER_KAFKA_PORTS_H

#include <uv.h>

#include "common/transport/kafka_source.h"
#include "dispatcher/ports.h"

enum { KAFKA_PORTS_STREAMS = STREAM_REREAD + 1 };

struct dispatcher;
struct kafka_ports;

struct kafka_stream {
        struct kafka_ports *owner;
        enum dispatch_stream stream;
        const char *topic;
        struct kafka_source *source; /* NULL: not open */
};

struct kafka_ports {
        struct dispatch_ports ports; /* for dispatcher_options */
        uv_loop_t *loop;
        const struct config *config;
        const struct log *log;
        struct kafka_topics topics;
        struct dispatcher *dispatcher;
        struct kafka_stream streams[KAFKA_PORTS_STREAMS];
        struct kafka_sink *sink;
        unsigned open; /* sources and sink not closed yet */
        void (*closed)(void *data);
        void *data;
};

/* Fills the table; opens nothing. Everything is borrowed. */
void kafka_ports_init(struct kafka_ports *k, uv_loop_t *loop, const struct config *config, const struct log *log,
                      struct dispatcher *dispatcher);

/* Joins the groups and opens the producer. 0 or -1. */
int kafka_ports_open(struct kafka_ports *k, struct error *e);

/* Leaves the groups; `closed` runs once all is closed, at once when nothing is open. */
void kafka_ports_close(struct kafka_ports *k, void (*closed)(void *data), void *data);

bool kafka_ports_ready(const struct kafka_ports *k);

#endif
