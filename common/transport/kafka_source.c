#include "common/transport/kafka_source.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/kafka_client.h"
#include "common/transport/kafka_commit.h"
#include "common/transport/kafka_conf.h"
#include "common/transport/kafka_lookup.h"
#include "common/transport/kafka_partition.h"

enum { METADATA_MAX = 4096, CLOSE_WAIT_MS = 3000, EVENTS_PER_TURN = 256 };

struct kafka_source {
        struct kafka_client client;
        struct kafka_source_options options;
        char topic[KAFKA_TOPIC_SIZE];
        struct list partitions;
        struct kafka_commits commits;
        bool assignment_changed; /* librdkafka is to be told before anything is read */
        uint64_t epoch;          /* of the group's assignment: what belongs to an earlier one comes too late */
        struct kafka_lookup lookup;

        bool closing;
        uint64_t close_deadline_ms;
        rd_kafka_queue_t *close_queue;
        void (*closed)(void *data);
        void *closed_data;
};

/* ---- the group's assignment ---- */

/* Metadata as a C string, for the callback alone. */
static void tell_assigned(struct kafka_source *source, const rd_kafka_topic_partition_t *element)
{
        char metadata[METADATA_MAX + 1] = "";
        if (element->metadata && element->metadata_size <= METADATA_MAX)
                memcpy(metadata, element->metadata, element->metadata_size);
        source->options.assigned(source->options.data, element->partition, element->offset >= 0 ? element->offset : -1, metadata);
}

static void adopt(void *owner, const rd_kafka_topic_partition_list_t *list)
{
        struct kafka_source *source = owner;
        source->assignment_changed = true;
        for (int i = 0; i < list->cnt; i++) {
                const rd_kafka_topic_partition_t *element = &list->elems[i];
                int64_t next = element->offset >= 0 ? element->offset : RD_KAFKA_OFFSET_BEGINNING;
                if (kafka_partition_new(&source->partitions, &source->client, element->topic, element->partition, next) &&
                    source->options.assigned)
                        tell_assigned(source, element);
        }
        kafka_client_wake(&source->client);
}

static void forget_partitions(struct kafka_source *source)
{
        list_for_each (link, &source->partitions)
                kafka_partition_free(list_entry(link, struct kafka_partition, link));
}

static void give_up_partitions(struct kafka_source *source)
{
        bool lost = rd_kafka_assignment_lost(source->client.handle);
        list_for_each (link, &source->partitions) {
                const struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                if (source->options.revoked)
                        source->options.revoked(source->options.data, partition->number, lost);
        }
        source->epoch++;
        kafka_lookup_forget(&source->lookup);
        forget_partitions(source);
        source->assignment_changed = false;
        rd_kafka_assign(source->client.handle, NULL);
}

static void on_rebalance(struct kafka_source *source, rd_kafka_event_t *event)
{
        if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS || source->closing) {
                give_up_partitions(source);
                return;
        }
        source->epoch++;
        kafka_lookup_want(&source->lookup, rd_kafka_event_topic_partition_list(event));
}

/* ---- reading ---- */

static void assign_again(struct kafka_source *source)
{
        source->assignment_changed = false;
        list_for_each (link, &source->partitions) {
                struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                kafka_partition_restart(partition, partition->next);
        }
        rd_kafka_topic_partition_list_t *list = kafka_partition_assignment(&source->partitions);
        rd_kafka_resp_err_t err = rd_kafka_assign(source->client.handle, list->cnt > 0 || source->options.group ? list : NULL);
        rd_kafka_topic_partition_list_destroy(list);
        if (err)
                log_event(source->options.log, LOG_ERROR, "Kafka refused the assignment", LOG_TEXT("detail", rd_kafka_err2str(err)));
}

/* False: refused; the message is to be given again. */
static bool give(struct kafka_source *source, struct kafka_partition *partition, const rd_kafka_message_t *message)
{
        const struct kafka_record record = kafka_partition_record(message);
        partition->next = message->offset + 1;
        if (source->options.record(source->options.data, &record))
                return true;
        partition->held = true;
        if (partition->next != message->offset + 1) /* the callback itself has moved it */
                return true;
        partition->next = message->offset;
        return false;
}

/* The offset is no longer in the log, or not yet: purged, or the topic was made anew. */
static void on_purged(struct kafka_source *source, struct kafka_partition *partition, int64_t offset)
{
        if (offset != partition->next)
                return;
        log_event(source->options.log, LOG_WARNING, "a Kafka offset is not in the log; reading goes on at its beginning",
                  LOG_TEXT("topic", partition->topic), LOG_NUMBER("partition", partition->number), LOG_NUMBER("offset", offset));
        kafka_partition_restart(partition, RD_KAFKA_OFFSET_BEGINNING);
        source->assignment_changed = true;
        kafka_client_wake(&source->client);
        if (source->options.purged)
                source->options.purged(source->options.data, partition->topic, partition->number, offset);
}

static void on_partition_error(struct kafka_source *source, struct kafka_partition *partition, rd_kafka_event_t *event)
{
        rd_kafka_topic_partition_t *place = rd_kafka_event_topic_partition(event);
        int64_t offset = place ? place->offset : RD_KAFKA_OFFSET_INVALID;

        if (place)
                rd_kafka_topic_partition_destroy(place);
        switch (rd_kafka_event_error(event)) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
                partition->next = offset;
                if (source->options.end)
                        source->options.end(source->options.data, partition->topic, partition->number, offset);
                break;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
                on_purged(source, partition, offset);
                break;
        default:
                log_event(source->options.log, LOG_WARNING, "Kafka cannot read a partition", LOG_TEXT("topic", partition->topic),
                          LOG_NUMBER("partition", partition->number), LOG_TEXT("detail", rd_kafka_event_error_string(event)));
        }
}

static void on_partition_event(struct kafka_source *source, struct kafka_partition *partition, rd_kafka_event_t *event,
                               const rd_kafka_message_t *message)
{
        if (!message) {
                on_partition_error(source, partition, event);
        } else if (!give(source, partition, message)) {
                partition->refused = event;
                partition->refused_message = message;
                return;
        }
        rd_kafka_event_destroy(event);
}

/* False: there is nothing to read now. */
static bool read_event(struct kafka_source *source, struct kafka_partition *partition)
{
        rd_kafka_event_t *event = partition->refused;
        const rd_kafka_message_t *message = partition->refused_message;

        if (partition->held || partition->gone || source->assignment_changed || source->closing)
                return false;
        partition->refused = NULL;
        partition->refused_message = NULL;
        if (!event && (event = rd_kafka_queue_poll(partition->queue, 0)) && rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH)
                message = rd_kafka_event_message_next(event);
        if (event)
                on_partition_event(source, partition, event, message);
        else
                kafka_partition_refill(partition, source->client.handle);
        return event;
}

static void read_partition(struct kafka_source *source, struct kafka_partition *partition)
{
        for (int i = 0; i < EVENTS_PER_TURN; i++)
                if (!read_event(source, partition))
                        return;
        kafka_client_wake(&source->client);
}

static void forget_gone(struct kafka_source *source)
{
        list_for_each (link, &source->partitions) {
                struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                if (partition->gone)
                        kafka_partition_free(partition);
        }
}

/* ---- closing ---- */

static void on_client_closed(void *owner)
{
        struct kafka_source *source = owner;
        if (source->closed)
                source->closed(source->closed_data);
        free(source);
}

static void on_disconnected(void *owner)
{
        struct kafka_source *source = owner;
        kafka_commits_cancel(&source->commits);
        kafka_client_close(&source->client, on_client_closed);
}

static void close_when_left(struct kafka_source *source)
{
        if (!rd_kafka_consumer_closed(source->client.handle) && uv_now(source->client.loop) < source->close_deadline_ms)
                return;
        kafka_lookup_forget(&source->lookup);
        forget_partitions(source);
        kafka_client_disconnect(&source->client, on_disconnected);
        rd_kafka_queue_io_event_enable(source->close_queue, -1, NULL, 0);
        rd_kafka_queue_destroy(source->close_queue);
}

/* A queue of its own: the consumer's queue is forwarded to it, and cannot be to itself. */
void kafka_source_close(struct kafka_source *source, void (*closed)(void *data), void *data)
{
        source->closing = true;
        source->closed = closed;
        source->closed_data = data;
        source->close_deadline_ms = uv_now(source->client.loop) + CLOSE_WAIT_MS;
        source->close_queue = rd_kafka_queue_new(source->client.handle);
        kafka_client_watch(&source->client, source->close_queue);
        rd_kafka_error_t *error = rd_kafka_consumer_close_queue(source->client.handle, source->close_queue);
        if (error) {
                source->close_deadline_ms = 0;
                rd_kafka_error_destroy(error);
        }
        kafka_client_wake(&source->client);
}

/* ---- what the client tells ---- */

static void on_fatal(struct kafka_source *source)
{
        char reason[160] = "";
        struct error e;
        rd_kafka_resp_err_t err = rd_kafka_fatal_error(source->client.handle, reason, sizeof(reason));
        if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
                error_set(&e, ERROR_CONFIG, "another member of group %s is %s: each dispatcher needs its own dispatcher id",
                          source->options.group, source->options.instance);
        else
                error_set(&e, ERROR_KAFKA, "the Kafka consumer failed for good: %s", reason);
        if (source->options.trouble)
                source->options.trouble(source->options.data, &e);
}

/* What was read of a partition goes to its own queue. It comes by the common one when librdkafka has replaced the partition's inner object
 * (assigned again before the topic was known, 2.0 makes a second one): read again, by the queue of that. */
static bool on_stray(struct kafka_source *source, const char *topic, int32_t number)
{
        struct kafka_partition *partition = kafka_partition_find(&source->partitions, topic, number);
        if (!partition)
                return false;
        kafka_partition_reopen(partition, &source->client);
        source->assignment_changed = true;
        kafka_client_wake(&source->client);
        return true;
}

static void on_stray_message(struct kafka_source *source, rd_kafka_event_t *event)
{
        const rd_kafka_message_t *message = rd_kafka_event_message_next(event);
        if (message)
                on_stray(source, rd_kafka_topic_name(message->rkt), message->partition);
}

static void on_error(struct kafka_source *source, rd_kafka_event_t *event)
{
        rd_kafka_topic_partition_t *place = rd_kafka_event_topic_partition(event);
        bool stray = place && on_stray(source, place->topic, place->partition);
        if (place)
                rd_kafka_topic_partition_destroy(place);
        if (!stray)
                log_event(source->options.log, LOG_WARNING, "Kafka consumer", LOG_TEXT("detail", rd_kafka_event_error_string(event)));
}

static void on_event(void *owner, rd_kafka_event_t *event)
{
        struct kafka_source *source = owner;
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_REBALANCE:
                on_rebalance(source, event);
                break;
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
                kafka_commits_answered(&source->commits, source->epoch, event);
                break;
        case RD_KAFKA_EVENT_ERROR:
                if (rd_kafka_event_error_is_fatal(event))
                        on_fatal(source);
                else
                        on_error(source, event);
                break;
        case RD_KAFKA_EVENT_FETCH:
                on_stray_message(source, event);
                break;
        default:
                break;
        }
}

static void on_turn(void *owner)
{
        struct kafka_source *source = owner;
        if (source->closing) {
                close_when_left(source);
                return;
        }
        if (source->assignment_changed)
                assign_again(source);
        list_for_each (link, &source->partitions)
                read_partition(source, list_entry(link, struct kafka_partition, link));
        forget_gone(source);
}

static void on_tick(void *owner)
{
        struct kafka_source *source = owner;
        kafka_lookup_continue(&source->lookup);
}

static void on_trouble(void *owner, const struct error *e)
{
        struct kafka_source *source = owner;
        if (source->options.trouble)
                source->options.trouble(source->options.data, e);
}

static const char *no_topic(void *owner)
{
        (void)owner;
        return NULL;
}

static const struct kafka_client_ops client_ops = {
                .event = on_event,
                .turn = on_turn,
                .tick = on_tick,
                .trouble = on_trouble,
                .topic = no_topic,
};

/* ---- opening and steering ---- */

static int configure(rd_kafka_conf_t *conf, const struct kafka_source_options *options, struct error *e)
{
        /* librdkafka assigns only with a group's name; without a subscription it never joins it. */
        if (kafka_conf_set(conf, "group.id", options->group ? options->group : "brig-unjoined", e) < 0)
                return -1;
        return options->instance ? kafka_conf_set(conf, "group.instance.id", options->instance, e) : 0;
}

static int connect_consumer(struct kafka_source *source, struct error *e)
{
        rd_kafka_conf_t *conf;
        if (kafka_conf_new(&conf, source->options.config, KAFKA_CONSUMER, e) < 0)
                return -1;
        if (configure(conf, &source->options, e) < 0) {
                rd_kafka_conf_destroy(conf);
                return -1;
        }
        return kafka_client_connect(&source->client, RD_KAFKA_CONSUMER, conf, e);
}

static void subscribe(struct kafka_source *source)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, source->topic, RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(source->client.handle, list); /* fails only for a name that is none */
        rd_kafka_topic_partition_list_destroy(list);
}

static void free_unused(void *owner)
{
        free(owner);
}

int kafka_source_open(struct kafka_source **ret_source, uv_loop_t *loop, const struct kafka_source_options *options, struct error *e)
{
        struct kafka_source *source = calloc(1, sizeof(*source));
        if (!source)
                return error_set(e, ERROR_MEMORY, "Kafka consumer");
        source->options = *options;
        snprintf(source->topic, sizeof(source->topic), "%s", options->topic ? options->topic : "");
        list_init(&source->partitions);
        source->lookup = (struct kafka_lookup){.client = &source->client, .found = adopt, .data = source};
        kafka_commits_init(&source->commits, &source->client, source->topic, options->data);
        if (kafka_client_open(&source->client, loop, options->config, options->log, &client_ops, source, e) < 0) {
                free(source);
                return -1;
        }
        if (connect_consumer(source, e) < 0) {
                kafka_client_close(&source->client, free_unused);
                return -1;
        }
        if (options->group)
                subscribe(source);
        *ret_source = source;
        return 0;
}

static void restart(struct kafka_source *source, struct kafka_partition *partition, int64_t offset)
{
        kafka_partition_restart(partition, offset);
        source->assignment_changed = true;
        kafka_client_wake(&source->client);
}

int kafka_source_assign(struct kafka_source *source, const char *topic, int32_t partition, int64_t offset, struct error *e)
{
        struct kafka_partition *found = kafka_partition_find(&source->partitions, topic, partition);
        if (!found)
                found = kafka_partition_new(&source->partitions, &source->client, topic, partition, offset);
        if (!found)
                return error_set(e, ERROR_MEMORY, "partition %s/%d", topic, partition);
        if (found->gone) /* unassigned in this same turn: a second one would share its queue, whose wake-up the first takes along */
                found->gone = found->held = false;
        restart(source, found, offset);
        return 0;
}

void kafka_source_unassign(struct kafka_source *source, const char *topic, int32_t partition)
{
        struct kafka_partition *found = kafka_partition_find(&source->partitions, topic, partition);
        if (!found)
                return;
        restart(source, found, found->next);
        found->gone = true;
}

bool kafka_source_idle(const struct kafka_source *source)
{
        list_for_each (link, &source->partitions)
                if (!list_entry(link, struct kafka_partition, link)->gone)
                        return false;
        return true;
}

int kafka_source_seek(struct kafka_source *source, int32_t partition, int64_t offset, struct error *e)
{
        struct kafka_partition *found = kafka_partition_find(&source->partitions, source->topic, partition);
        if (!found)
                return error_set(e, ERROR_KAFKA, "partition %d of %s is not assigned", partition, source->topic);
        restart(source, found, offset);
        return 0;
}

static void set_held(struct kafka_source *source, int32_t number, bool held)
{
        list_for_each (link, &source->partitions) {
                struct kafka_partition *partition = list_entry(link, struct kafka_partition, link);
                if (partition->number != number)
                        continue;
                partition->was_held |= partition->held;
                partition->held = held;
        }
}

void kafka_source_hold(struct kafka_source *source, int32_t partition)
{
        set_held(source, partition, true);
}

void kafka_source_release(struct kafka_source *source, int32_t partition)
{
        set_held(source, partition, false);
        kafka_client_wake(&source->client);
}

int kafka_source_commit(struct kafka_source *source, int32_t partition, int64_t offset, const char *metadata,
                        void (*done)(void *data, int32_t partition, int64_t offset, const struct error *e), struct error *e)
{
        return kafka_commits_start(&source->commits, source->epoch, partition, offset, metadata, done, e);
}

int kafka_source_commit_sync(struct kafka_source *source, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        return kafka_commits_wait(&source->commits, partition, offset, metadata, e);
}
