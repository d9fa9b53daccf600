/* Which offsets a topic holds. Reading from an offset known by number begins at once; from "the beginning" librdkafka begins only after half
 * a second. */
#ifndef BRIG_CLI_TOPIC_RANGE_H
#define BRIG_CLI_TOPIC_RANGE_H

#include <stdint.h>

#include "common/config.h"
#include "common/error.h"

struct topic_range { /* of one partition; empty when both are equal */
        int64_t first;
        int64_t end; /* the offset that its next record will have */
};

struct topic_part {
        const char *topic;
        int32_t first_partition;
        int32_t count;
};

/* Fills `part->count` ranges. With `since_ms` (Unix time; 0: everything) they begin at the first record that is not older; a broker that
 * cannot say, such as the embedded one, has what is older in them too. Blocks up to 10 s a partition. 0, or -1 (ERROR_KAFKA, ERROR_CONFIG). */
int topic_ranges(const struct config *config, const struct topic_part *part, uint64_t since_ms, struct topic_range *ret_ranges,
                 struct error *e);

/* A librdkafka handle for questions, which says nothing on standard error; rd_kafka_destroy frees it. NULL: error. */
struct rd_kafka_s *kafka_asker_new(const struct config *config, struct error *e);

#endif
