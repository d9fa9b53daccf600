/* Kafka's logs in memory: topics of partitions of records, for simulations. Nothing is asynchronous here. */
#ifndef BRIG_TESTS_FAKE_LOG_H
#define BRIG_TESTS_FAKE_LOG_H

#include "common/transport/kafka_record.h"

enum { FAKE_LOG_TOPICS_MAX = 8, FAKE_LOG_PARTITIONS_MAX = 4 };

struct fake_record {
        struct bytes key, value;
        struct bytes names[KAFKA_HEADERS_MAX], values[KAFKA_HEADERS_MAX];
        size_t header_count;
        int64_t timestamp_ms;
};

struct fake_partition {
        struct fake_record *records;
        int64_t count;
};

struct fake_topic {
        char name[KAFKA_TOPIC_SIZE];
        struct fake_partition partitions[FAKE_LOG_PARTITIONS_MAX];
};

struct fake_log {
        struct fake_topic topics[FAKE_LOG_TOPICS_MAX];
        size_t topic_count;
        int32_t partitions;
};

void fake_log_init(struct fake_log *log, int32_t partitions);
void fake_log_deinit(struct fake_log *log);

/* Appends; partition -1: by key. Returns the offset, and the partition in *ret_partition (may be NULL). */
int64_t fake_log_append(struct fake_log *log, const char *topic, int32_t partition, struct span key, struct span value,
                        const struct kafka_header *headers, size_t header_count, int64_t timestamp_ms, int32_t *ret_partition);

int64_t fake_log_end(struct fake_log *log, const char *topic, int32_t partition);

/* The topic is made anew, and empty. */
void fake_log_make_anew(struct fake_log *log, const char *topic);

/* The record at `offset` < end, borrowed until the next append. */
struct kafka_record fake_log_read(struct fake_log *log, const char *topic, int32_t partition, int64_t offset);

#endif
