/* Where in a topic a moment lies. */
#ifndef BRIG_CLI_TOPIC_TIME_H
#define BRIG_CLI_TOPIC_TIME_H

#include <stdint.h>

#include "common/config.h"
#include "common/error.h"

/* Fills for each of `partitions` the first offset whose record is not older than `since_ms` (RD_KAFKA_OFFSET_END: none is). A broker that
 * cannot say, such as the embedded one, gives the beginning: what is older has to be passed over by who reads. Blocks up to 10 s. 0, or -1
 * (ERROR_KAFKA, ERROR_CONFIG). */
int topic_offsets_since(const struct config *config, const char *topic, int32_t partitions, uint64_t since_ms, int64_t *ret_offsets,
                        struct error *e);

/* A librdkafka handle for one question, which says nothing on standard error; rd_kafka_destroy frees it. NULL: error. */
struct rd_kafka_s *kafka_asker_new(const struct config *config, struct error *e);

#endif
