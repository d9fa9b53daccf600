#include "common/transport/kafka_sink.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/kafka_client.h"
#include "common/transport/kafka_conf.h"
#include "common/transport/kafka_parcel.h"

enum { CLOSE_WAIT_MS = 2000, REBUILD_WAIT_MS = 2000, SLOW_MS = 5000 };

enum sink_state {
        SINK_OPEN,
        SINK_FAILED,     /* a fatal error: reports are awaited, then the handle is replaced */
        SINK_REBUILDING, /* the old handle is being destroyed */
        SINK_BROKEN,     /* no new handle could be made */
        SINK_DRAINING,   /* closing: reports are awaited */
        SINK_CLOSING,
};

struct kafka_sink {
        struct kafka_client client;
        struct kafka_sink_options options;
        enum sink_state state;
        struct list topics;
        struct list waiting; /* for librdkafka: for the topic's metadata, room in the queue, or to be sent again */
        struct list sent;    /* reports are outstanding */
        uint64_t sent_number;
        uint64_t state_deadline_ms;
        bool slow;
        void (*closed)(void *data);
        void *closed_data;
};

static void reconnect(void *owner);

static struct kafka_parcel_topic *topic_find(struct kafka_sink *sink, const char *name)
{
        list_for_each (link, &sink->topics) {
                struct kafka_parcel_topic *topic = list_entry(link, struct kafka_parcel_topic, link);
                if (strcmp(topic->name, name) == 0)
                        return topic;
        }
        return NULL;
}

static struct kafka_parcel_topic *topic_get(struct kafka_sink *sink, const char *name)
{
        struct kafka_parcel_topic *topic = topic_find(sink, name);
        if (topic || strlen(name) >= sizeof(topic->name) || !(topic = calloc(1, sizeof(*topic))))
                return topic;
        snprintf(topic->name, sizeof(topic->name), "%s", name);
        list_append(&sink->topics, &topic->link);
        return topic;
}

/* Back among those that wait, in the order of the sends; one whose sender was told is not sent again. */
static void parcel_repeat(struct kafka_sink *sink, struct kafka_parcel *parcel)
{
        struct list *before = sink->waiting.prev;
        list_remove(&parcel->link);
        if (!parcel->send) {
                free(parcel);
                return;
        }
        while (before != &sink->waiting && list_entry(before, struct kafka_parcel, link)->number > parcel->number)
                before = before->prev;
        list_append(before->next, &parcel->link);
}

static void on_report(struct kafka_sink *sink, const rd_kafka_message_t *message)
{
        struct kafka_parcel *parcel = message->_private;

        if (!message->err && message->offset >= 0)
                kafka_parcel_finish(parcel, message->offset, NULL);
        else if (!message->err || !kafka_parcel_refuse(parcel, message->err))
                parcel_repeat(sink, parcel);
}

static void refuse_partition(struct kafka_parcel *parcel)
{
        struct error e;
        error_set(&e, ERROR_KAFKA, "%s has no partition %d, only %d", parcel->topic->name, parcel->partition, parcel->topic->partitions);
        kafka_parcel_finish(parcel, -1, &e);
}

/* False: librdkafka's queue is full, later ones wait too. */
static bool hand_over(struct kafka_sink *sink, struct kafka_parcel *parcel)
{
        if (parcel->partition < 0)
                parcel->partition = kafka_partition_of(parcel->key, parcel->topic->partitions);
        if (parcel->partition >= parcel->topic->partitions) { /* librdkafka 2.0 may free such a record twice */
                refuse_partition(parcel);
                return true;
        }
        rd_kafka_resp_err_t err = kafka_parcel_produce(parcel, sink->client.handle);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                list_remove(&parcel->link);
                list_append(&sink->sent, &parcel->link);
                return true;
        }
        return kafka_parcel_refuse(parcel, err);
}

static void hand_over_waiting(struct kafka_sink *sink)
{
        list_for_each (link, &sink->waiting) {
                struct kafka_parcel *parcel = list_entry(link, struct kafka_parcel, link);
                if (parcel->topic->partitions > 0 && !hand_over(sink, parcel))
                        return;
        }
}

static void rebuild_start(struct kafka_sink *sink)
{
        sink->state = SINK_REBUILDING;
        kafka_client_disconnect(&sink->client, reconnect);
}

/* What has no report yet gets one: purged or, by chance, written. */
static void on_fatal(struct kafka_sink *sink)
{
        char reason[200] = "";
        if (sink->state != SINK_OPEN)
                return;
        rd_kafka_resp_err_t err = rd_kafka_fatal_error(sink->client.handle, reason, sizeof(reason));
        log_event(sink->options.log, LOG_WARNING, "the Kafka producer failed; a new one sends again what has no report",
                  LOG_TEXT("reason", rd_kafka_err2name(err)), LOG_TEXT("detail", reason));
        sink->state = SINK_FAILED;
        sink->state_deadline_ms = uv_now(sink->client.loop) + REBUILD_WAIT_MS;
        rd_kafka_purge(sink->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static int connect_producer(struct kafka_sink *sink, struct error *e)
{
        rd_kafka_conf_t *conf;
        if (kafka_conf_new(&conf, sink->options.config, KAFKA_PRODUCER, e) < 0)
                return -1;
        return kafka_client_connect(&sink->client, RD_KAFKA_PRODUCER, conf, e);
}

/* The old handle holds no parcel any more. */
static void repeat_sent(struct kafka_sink *sink)
{
        list_for_each (link, &sink->sent)
                parcel_repeat(sink, list_entry(link, struct kafka_parcel, link));
}

static void finish_all(struct list *parcels, const struct error *e)
{
        list_for_each (link, parcels)
                kafka_parcel_finish(list_entry(link, struct kafka_parcel, link), -1, e);
}

static void on_client_closed(void *owner)
{
        struct kafka_sink *sink = owner;
        list_for_each (link, &sink->topics)
                free(list_entry(link, struct kafka_parcel_topic, link));
        if (sink->closed)
                sink->closed(sink->closed_data);
        free(sink);
}

static void on_disconnected(void *owner)
{
        struct kafka_sink *sink = owner;
        struct error e;
        error_set(&e, ERROR_CANCELLED, "the program ends; the record may have been written");
        finish_all(&sink->sent, &e);
        finish_all(&sink->waiting, &e);
        kafka_client_close(&sink->client, on_client_closed);
}

static void reconnect(void *owner)
{
        struct kafka_sink *sink = owner;
        struct error e;
        repeat_sent(sink);
        if (sink->state == SINK_CLOSING) {
                on_disconnected(sink);
        } else if (connect_producer(sink, &e) < 0) {
                sink->state = SINK_BROKEN;
                log_error(sink->options.log, LOG_ERROR, "no new Kafka producer", &e, NULL);
                finish_all(&sink->waiting, &e);
        } else {
                sink->state = SINK_OPEN;
                kafka_client_wake(&sink->client);
        }
}

static void on_event(void *owner, rd_kafka_event_t *event)
{
        struct kafka_sink *sink = owner;
        const rd_kafka_message_t *message;

        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
                while ((message = rd_kafka_event_message_next(event)))
                        on_report(sink, message);
        else if (rd_kafka_event_error_is_fatal(event))
                on_fatal(sink);
}

static void on_turn(void *owner)
{
        struct kafka_sink *sink = owner;
        bool due = uv_now(sink->client.loop) >= sink->state_deadline_ms;

        switch (sink->state) {
        case SINK_OPEN:
                hand_over_waiting(sink);
                break;
        case SINK_FAILED:
                if (due || list_empty(&sink->sent))
                        rebuild_start(sink);
                break;
        case SINK_DRAINING:
                hand_over_waiting(sink);
                if (!due && !(list_empty(&sink->sent) && list_empty(&sink->waiting)))
                        break;
                sink->state = SINK_CLOSING;
                kafka_client_disconnect(&sink->client, on_disconnected);
                break;
        case SINK_REBUILDING:
        case SINK_BROKEN:
        case SINK_CLOSING:
                break;
        }
}

/* Ends those whose time is over by `end`; true: one has waited for longer than SLOW_MS. */
static bool expire(struct kafka_sink *sink, struct list *parcels, void (*end)(struct kafka_parcel *, int64_t, const struct error *))
{
        struct error e;
        uint64_t now_ms = uv_now(sink->client.loop);
        bool slow = false;

        list_for_each (link, parcels) {
                struct kafka_parcel *parcel = list_entry(link, struct kafka_parcel, link);
                slow |= parcel->send && now_ms - parcel->since_ms > SLOW_MS;
                if (now_ms < parcel->deadline_ms)
                        continue;
                error_set(&e, ERROR_TIMEOUT, "Kafka acknowledged no record for %s in time; it may have been written", parcel->topic->name);
                end(parcel, -1, &e);
        }
        return slow;
}

static void on_tick(void *owner)
{
        struct kafka_sink *sink = owner;
        bool waiting_slow = expire(sink, &sink->waiting, kafka_parcel_finish);
        sink->slow = expire(sink, &sink->sent, kafka_parcel_tell) || waiting_slow;
        list_for_each (link, &sink->topics)
                list_entry(link, struct kafka_parcel_topic, link)->asked = false;
}

static void on_trouble(void *owner, const struct error *e)
{
        struct kafka_sink *sink = owner;
        if (sink->options.trouble)
                sink->options.trouble(sink->options.data, e);
}

static const char *topic_to_ask(void *owner)
{
        struct kafka_sink *sink = owner;
        list_for_each (link, &sink->topics) {
                struct kafka_parcel_topic *topic = list_entry(link, struct kafka_parcel_topic, link);
                if (topic->partitions > 0 || topic->asked)
                        continue;
                topic->asked = true;
                return topic->name;
        }
        return NULL;
}

static void on_topic_answered(void *owner, const char *name, int32_t partitions)
{
        struct kafka_sink *sink = owner;
        struct kafka_parcel_topic *topic = topic_find(sink, name);

        topic->partitions = partitions;
        if (partitions > 0) {
                kafka_client_wake(&sink->client);
        } else if (!topic->missing_told) {
                topic->missing_told = true;
                log_event(sink->options.log, LOG_WARNING, "a Kafka topic is missing; the dispatcher makes it when it starts",
                          LOG_TEXT("topic", name));
        }
}

static const struct kafka_client_ops client_ops = {
                .event = on_event,
                .turn = on_turn,
                .tick = on_tick,
                .trouble = on_trouble,
                .topic = topic_to_ask,
                .topic_answered = on_topic_answered,
};

static void free_unused(void *owner)
{
        free(owner);
}

int kafka_sink_open(struct kafka_sink **ret_sink, uv_loop_t *loop, const struct kafka_sink_options *options, struct error *e)
{
        struct kafka_sink *sink = calloc(1, sizeof(*sink));
        if (!sink)
                return error_set(e, ERROR_MEMORY, "Kafka producer");
        sink->options = *options;
        list_init(&sink->topics);
        list_init(&sink->waiting);
        list_init(&sink->sent);
        if (kafka_client_open(&sink->client, loop, options->config, options->log, &client_ops, sink, e) < 0) {
                free(sink);
                return -1;
        }
        if (connect_producer(sink, e) < 0) {
                kafka_client_close(&sink->client, free_unused);
                return -1;
        }
        *ret_sink = sink;
        return 0;
}

void kafka_sink_close(struct kafka_sink *sink, void (*closed)(void *data), void *data)
{
        sink->closed = closed;
        sink->closed_data = data;
        sink->state_deadline_ms = uv_now(sink->client.loop) + CLOSE_WAIT_MS;
        if (sink->state == SINK_BROKEN) {
                on_disconnected(sink);
        } else if (sink->state == SINK_REBUILDING) {
                sink->state = SINK_CLOSING;
        } else {
                sink->state = SINK_DRAINING;
                kafka_client_wake(&sink->client);
        }
}

void kafka_sink_prepare(struct kafka_sink *sink, const char *const *topics, size_t count)
{
        for (size_t i = 0; i < count; i++)
                topic_get(sink, topics[i]);
        kafka_client_ask(&sink->client);
}

bool kafka_sink_ready(const struct kafka_sink *sink)
{
        return sink->state == SINK_OPEN && !sink->client.doubted && !sink->slow;
}

rd_kafka_t *kafka_sink_handle(struct kafka_sink *sink)
{
        return sink->client.handle;
}

int kafka_sink_send(struct kafka_sink *sink, struct kafka_send *send, struct error *e)
{
        if (sink->state >= SINK_BROKEN)
                return error_set(e, ERROR_CANCELLED, "the Kafka producer is closed");
        if (send->header_count > KAFKA_HEADERS_MAX)
                return error_set(e, ERROR_INTERNAL, "a record with %zu headers; at most %d", send->header_count, KAFKA_HEADERS_MAX);
        struct kafka_parcel_topic *topic = topic_get(sink, send->topic);
        struct kafka_parcel *parcel = topic ? kafka_parcel_new(send) : NULL;
        if (!parcel)
                return error_set(e, ERROR_MEMORY, "a record for %s", send->topic);
        parcel->topic = topic;
        parcel->number = sink->sent_number++;
        parcel->since_ms = uv_now(sink->client.loop);
        parcel->deadline_ms = send->timeout_ms ? parcel->since_ms + send->timeout_ms : UINT64_MAX;
        send->private = parcel;
        list_append(&sink->waiting, &parcel->link);
        if (topic->partitions == 0 && !topic->asked)
                kafka_client_ask(&sink->client);
        kafka_client_wake(&sink->client);
        return 0;
}
