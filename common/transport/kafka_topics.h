/* The topics of a cell: their names, and how they are made. */
#ifndef BRIG_TRANSPORT_KAFKA_TOPICS_H
#define BRIG_TRANSPORT_KAFKA_TOPICS_H

#include "common/config.h"
#include "common/error.h"

enum { KAFKA_TOPIC_SIZE = 128 };

struct kafka_topics { /* PREFIX.jobs … */
        char jobs[KAFKA_TOPIC_SIZE], results[KAFKA_TOPIC_SIZE], audit[KAFKA_TOPIC_SIZE], alerts[KAFKA_TOPIC_SIZE], dlq[KAFKA_TOPIC_SIZE],
                        control[KAFKA_TOPIC_SIZE], agents[KAFKA_TOPIC_SIZE];
};
struct kafka_topics kafka_topics_named(const char *prefix);

/* Makes the topics that are missing, with the partition count, sizes and cleanup policies they need, and checks that all of them have one
 * partition count (a job on partition p has its result on partition p). Topics that exist are left as they are. Blocks up to `timeout_ms`.
 * Gives the partition count in *ret_partitions. Errors: ERROR_KAFKA no broker or it refused; ERROR_CONFIG the counts differ. */
int kafka_topics_ensure(const struct config *config, const struct kafka_topics *topics, int timeout_ms, int32_t *ret_partitions,
                        struct error *e);

#endif
