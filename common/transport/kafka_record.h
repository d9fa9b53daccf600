/* A record as it lies in Kafka, and the partition its key belongs to. */
#ifndef BRIG_TRANSPORT_KAFKA_RECORD_H
#define BRIG_TRANSPORT_KAFKA_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/transport/kafka_topics.h"

enum { KAFKA_HEADERS_MAX = 32 };

struct kafka_header {
        struct span name;
        struct span value;
};

struct kafka_record {
        const char *topic;
        int32_t partition;
        int64_t offset;
        int64_t timestamp_ms;
        struct span key;
        struct span value;
        struct kafka_header headers[KAFKA_HEADERS_MAX]; /* the first ones */
        size_t header_count;
}; /* everything borrowed; valid in the callback only */

/* The first header of that name; false, and nothing written, when there is none. */
bool kafka_record_header(const struct kafka_record *record, const char *name, struct span *ret_value);

/* The partition of a key, as every brig program and Kafka's Java client choose it (murmur2, consistent). */
int32_t kafka_partition_of(struct span key, int32_t partitions);

#endif
