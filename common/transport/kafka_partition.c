#include "common/transport/kafka_partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void queue_open(struct kafka_partition *partition, struct kafka_client *client)
{
        partition->queue = rd_kafka_queue_get_partition(client->handle, partition->topic, partition->number);
        rd_kafka_queue_forward(partition->queue, NULL);
        kafka_client_watch(client, partition->queue);
}

static void queue_close(struct kafka_partition *partition)
{
        rd_kafka_queue_io_event_enable(partition->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(partition->queue);
}

struct kafka_partition *kafka_partition_new(struct list *list, struct kafka_client *client, const char *topic, int32_t number, int64_t next)
{
        struct kafka_partition *partition = calloc(1, sizeof(*partition));
        if (!partition)
                return NULL;
        snprintf(partition->topic, sizeof(partition->topic), "%s", topic);
        partition->number = number;
        partition->next = next;
        queue_open(partition, client);
        list_append(list, &partition->link);
        return partition;
}

void kafka_partition_free(struct kafka_partition *partition)
{
        list_remove(&partition->link);
        kafka_partition_restart(partition, partition->next);
        queue_close(partition);
        free(partition);
}

void kafka_partition_reopen(struct kafka_partition *partition, struct kafka_client *client)
{
        queue_close(partition);
        queue_open(partition, client);
        kafka_partition_restart(partition, partition->next);
}

struct kafka_partition *kafka_partition_find(struct list *list, const char *topic, int32_t number)
{
        list_for_each (link, list) {
                struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                if (partition->number == number && strcmp(partition->topic, topic) == 0)
                        return partition;
        }
        return NULL;
}

void kafka_partition_restart(struct kafka_partition *partition, int64_t next)
{
        partition->next = next;
        if (partition->refused)
                rd_kafka_event_destroy(partition->refused);
        partition->refused = NULL;
        partition->refused_message = NULL;
}

/* A seek to where reading stands anyway: the only call that wakes the thread which fetches. */
void kafka_partition_refill(struct kafka_partition *partition, rd_kafka_t *handle)
{
        int64_t low, high;
        if (!partition->was_held)
                return;
        partition->was_held = false;
        if (rd_kafka_get_watermark_offsets(handle, partition->topic, partition->number, &low, &high) || partition->next < 0 ||
            partition->next >= high)
                return;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, partition->topic, NULL);
        rd_kafka_seek(topic, partition->number, partition->next, 0);
        rd_kafka_topic_destroy(topic);
}

static void add_headers(struct kafka_record *record, const rd_kafka_message_t *message)
{
        rd_kafka_headers_t *headers;
        const char *name;
        const void *value;
        size_t size;

        if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return;
        while (record->header_count < KAFKA_HEADERS_MAX &&
               rd_kafka_header_get_all(headers, record->header_count, &name, &value, &size) == 0)
                record->headers[record->header_count++] = (struct kafka_header){span_of(name), {value, size}};
}

struct kafka_record kafka_partition_record(const rd_kafka_message_t *message)
{
        struct kafka_record record = {
                        .topic = rd_kafka_topic_name(message->rkt),
                        .partition = message->partition,
                        .offset = message->offset,
                        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                        .key = {message->key, message->key_len},
                        .value = {message->payload, message->len},
        };
        add_headers(&record, message);
        return record;
}

rd_kafka_topic_partition_list_t *kafka_partition_assignment(const struct list *list)
{
        rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(1);
        list_for_each (link, list) {
                const struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                if (!partition->gone)
                        rd_kafka_topic_partition_list_add(assignment, partition->topic, partition->number)->offset = partition->next;
        }
        return assignment;
}
