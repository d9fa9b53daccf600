/* A Kafka producer on libuv: idempotent, acks=all, one delivery report for every record.
 *
 * A report without error but with an offset < 0 is no acknowledgement: the record is produced again. So is everything without a report
 * when the producer met a fatal error and was rebuilt. Keeps trying until `timeout_ms` of the send. */
#ifndef BRIG_TRANSPORT_KAFKA_SINK_H
#define BRIG_TRANSPORT_KAFKA_SINK_H

#include <uv.h>

#include "common/list.h"
#include "common/log.h"
#include "common/transport/kafka_record.h"

struct kafka_sink; /* heap */

struct kafka_sink_options {
        const struct config *config;
        const struct log *log;
        void (*trouble)(void *data, const struct error *e); /* e NULL: over; may be NULL */
        void *data;
};

int kafka_sink_open(struct kafka_sink **ret_sink, uv_loop_t *loop, const struct kafka_sink_options *options, struct error *e);
void kafka_sink_close(struct kafka_sink *sink, void (*closed)(void *data), void *data); /* waits up to 2 s for what is on its way */

/* Asks for the metadata of the topics this program writes to, in the background, so that the first record is not slow. (No priming record
 * is written, which every reader would have to know: with one request in flight at a time none is lost either.) Once, at start. */
void kafka_sink_prepare(struct kafka_sink *sink, const char *const *topics, size_t count);

bool kafka_sink_ready(const struct kafka_sink *sink); /* a broker is connected and no record has waited longer than 5 s */

/* librdkafka's handle, which a fatal error replaces: for tests that inject one. */
struct rd_kafka_s *kafka_sink_handle(struct kafka_sink *sink);

/* The caller owns it until `done`, which runs exactly once, later. The sink copies topic, key, value and headers. */
struct kafka_send {
        const char *topic;
        int32_t partition; /* -1: by key (kafka_partition_of) */
        struct span key;
        struct span value;
        const struct kafka_header *headers;
        size_t header_count;
        uint64_t timeout_ms; /* 0: never gives up */
        void (*done)(struct kafka_send *send, int32_t partition, int64_t offset,
                     const struct error *e); /* e: gave up; may have been written */
        void *data;
        void *private; /* the sink's */
};
int kafka_sink_send(struct kafka_sink *sink, struct kafka_send *send, struct error *e);

#endif
