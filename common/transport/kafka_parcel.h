/* Parcels: records on their way through the sink, from kafka_sink_send until their outcome is known. A part of the sink alone. */
#ifndef BRIG_TRANSPORT_KAFKA_PARCEL_H
#define BRIG_TRANSPORT_KAFKA_PARCEL_H

#include <librdkafka/rdkafka.h>

#include "common/list.h"
#include "common/transport/kafka_sink.h"

struct kafka_parcel_topic {
        struct list link;
        char name[KAFKA_TOPIC_SIZE];
        int32_t partitions; /* 0: not known yet */
        bool asked;         /* since the last tick */
        bool missing_told;
};

/* A record from kafka_sink_send until its outcome is known. Its bytes are lent to librdkafka, so it lives until the report even when its
 * sender has been told already. */
struct kafka_parcel {
        struct list link; /* in waiting or sent */
        uint64_t number;  /* order of the sends, kept when they are repeated */
        uint64_t since_ms, deadline_ms;
        struct kafka_send *send; /* NULL: told */
        struct kafka_parcel_topic *topic;
        int32_t partition;
        struct span key, value;
        size_t header_count;
        struct kafka_header headers[]; /* and behind them the bytes; names end with a NUL */
};

/* A copy of what is sent, by nobody's list; NULL: no memory. */
struct kafka_parcel *kafka_parcel_new(struct kafka_send *send);

/* Gives it to librdkafka, which reports its outcome with the parcel as the message's private pointer. */
rd_kafka_resp_err_t kafka_parcel_produce(struct kafka_parcel *parcel, rd_kafka_t *handle);

/* Tells the sender, once; the parcel stays. */
void kafka_parcel_tell(struct kafka_parcel *parcel, int64_t offset, const struct error *e);

/* Tells the sender and frees the parcel. */
void kafka_parcel_finish(struct kafka_parcel *parcel, int64_t offset, const struct error *e);

/* Finishes it where no repetition can help; false: it stays. */
bool kafka_parcel_refuse(struct kafka_parcel *parcel, rd_kafka_resp_err_t err);

#endif
