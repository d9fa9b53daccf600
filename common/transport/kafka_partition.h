/* A partition that is being read: its queue, where reading stands, and the record that its reader refused. Part of the source. */
#ifndef BRIG_TRANSPORT_KAFKA_PARTITION_H
#define BRIG_TRANSPORT_KAFKA_PARTITION_H

#include <librdkafka/rdkafka.h>

#include "common/list.h"
#include "common/transport/kafka_client.h"
#include "common/transport/kafka_record.h"

struct kafka_partition {
        struct list link;
        char topic[KAFKA_TOPIC_SIZE];
        int32_t number;
        rd_kafka_queue_t *queue; /* of this partition alone, so that it can be left unread */
        int64_t next;            /* where reading goes on; may be RD_KAFKA_OFFSET_BEGINNING or _END until the first event */
        bool held;
        bool was_held;             /* since it was last read to the end of its queue */
        bool gone;                 /* no longer wanted; freed at the end of the turn */
        rd_kafka_event_t *refused; /* NULL: none; holds refused_message */
        const rd_kafka_message_t *refused_message;
};

/* Appended to `list`; NULL: no memory. */
struct kafka_partition *kafka_partition_new(struct list *list, struct kafka_client *client, const char *topic, int32_t number,
                                            int64_t next);
void kafka_partition_free(struct kafka_partition *partition);

/* The one of that name and number, gone or not, or NULL. */
struct kafka_partition *kafka_partition_find(struct list *list, const char *topic, int32_t number);

/* Reading shall begin again at `next`: what was refused is forgotten. */
void kafka_partition_restart(struct kafka_partition *partition, int64_t next);

/* When the queue has run empty after a hold: librdkafka found it full meanwhile, and would look again only after up to a second. */
void kafka_partition_refill(struct kafka_partition *partition, rd_kafka_t *handle);

/* The same, from where it stands, by a queue taken anew: librdkafka reads by another one now. */
void kafka_partition_reopen(struct kafka_partition *partition, struct kafka_client *client);

/* Borrows from the message. */
struct kafka_record kafka_partition_record(const rd_kafka_message_t *message);

/* The list librdkafka assigns from: every partition that is not gone, with its next offset. */
rd_kafka_topic_partition_list_t *kafka_partition_assignment(const struct list *list);

#endif
