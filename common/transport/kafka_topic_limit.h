/* The largest record that a topic takes, as the broker tells. */
#ifndef BRIG_TRANSPORT_KAFKA_TOPIC_LIMIT_H
#define BRIG_TRANSPORT_KAFKA_TOPIC_LIMIT_H

#include "common/transport/kafka_record.h"

/* max.message.bytes of the topic; UINT64_MAX from a broker that does not know the question (the embedded one). Blocks up to `timeout_ms`.
 * 0, or -1: no answer. */
int kafka_topic_limit(const struct config *config, const char *topic, int timeout_ms, uint64_t *ret_record_bytes, struct error *e);

#endif
