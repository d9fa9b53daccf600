/* Looks up, on another thread, what a group has committed for the partitions it was just granted. Part of the source. */
#ifndef BRIG_TRANSPORT_KAFKA_LOOKUP_H
#define BRIG_TRANSPORT_KAFKA_LOOKUP_H

#include "common/transport/kafka_client.h"

struct kafka_lookup {
        struct kafka_client *client;
        void (*found)(void *data, const rd_kafka_topic_partition_list_t *list); /* with offsets and metadata */
        void *data;
        rd_kafka_topic_partition_list_t *wanted; /* NULL: nothing is, any more */
        rd_kafka_topic_partition_list_t *asked;  /* of the question on its way; NULL: none */
        bool stale;                              /* what is asked is not what is wanted */
        rd_kafka_resp_err_t err;
        uv_work_t work;
};

/* `found` runs on the loop, unless kafka_lookup_forget comes first. A question that fails is repeated by kafka_lookup_continue. */
void kafka_lookup_want(struct kafka_lookup *lookup, const rd_kafka_topic_partition_list_t *list);
void kafka_lookup_continue(struct kafka_lookup *lookup);
void kafka_lookup_forget(struct kafka_lookup *lookup);

#endif
