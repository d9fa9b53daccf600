/* Puts one record on a topic and waits until Kafka has acknowledged it. */
#ifndef BRIG_CLI_TOPIC_SEND_H
#define BRIG_CLI_TOPIC_SEND_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/error.h"

struct topic_send {
        const struct config *config; /* borrowed, as the rest */
        const char *topic;
        const char *type; /* of the CloudEvent: "brig.job" */
        const char *id;   /* the same: unique among those of this client */
        struct span key;  /* the agent id, which chooses the partition */
        struct span value;
        int32_t partition; /* out: where it lies */
        int64_t offset;
};

/* Blocks up to 30 s. 0, or -1 (ERROR_KAFKA): not acknowledged; it may lie there all the same. */
int topic_send_run(struct topic_send *send, struct error *e);

#endif
