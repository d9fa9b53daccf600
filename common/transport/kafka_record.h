/* A record as it lies in Kafka, and the topics' names. */
#ifndef BRIG_TRANSPORT_KAFKA_RECORD_H
#define BRIG_TRANSPORT_KAFKA_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/error.h"

enum { KAFKA_HEADERS_MAX = 32, KAFKA_TOPIC_SIZE = 128 };

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

bool kafka_record_header(const struct kafka_record *record, const char *name, struct span *ret_value);

struct kafka_topics { /* PREFIX.jobs … */
        char jobs[KAFKA_TOPIC_SIZE], results[KAFKA_TOPIC_SIZE], audit[KAFKA_TOPIC_SIZE], alerts[KAFKA_TOPIC_SIZE], dlq[KAFKA_TOPIC_SIZE],
                        control[KAFKA_TOPIC_SIZE], agents[KAFKA_TOPIC_SIZE];
};
struct kafka_topics kafka_topics_named(const char *prefix);

/* Makes the topics that are missing, with the partition count, sizes and cleanup policies of design.md and sandbox.md, and checks that jobs
 * and results have one partition count. Blocks up to `timeout_ms`. Returns the partition count of brig.jobs in *ret_partitions. */
int kafka_topics_ensure(const struct config *config, const struct kafka_topics *topics, int timeout_ms, int32_t *ret_partitions,
                        struct error *e);

/* The partition of a key, as every brig program and Kafka's Java client choose it (murmur2, consistent). */
int32_t kafka_partition_of(struct span key, int32_t partitions);

#endif
