#include "common/transport/kafka_sink.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/kafka_client.h"
#include "common/transport/kafka_conf.h"

enum { CLOSE_WAIT_MS = 2000, REBUILD_WAIT_MS = 2000, SLOW_MS = 5000 };

enum sink_state {
        SINK_OPEN,
        SINK_FAILED,     /* a fatal error: reports are awaited, then the handle is replaced */
        SINK_REBUILDING, /* the old handle is being destroyed */
        SINK_BROKEN,     /* no new handle could be made */
        SINK_DRAINING,   /* closing: reports are awaited */
        SINK_CLOSING,
};

struct topic {
        struct list link;
        char name[KAFKA_TOPIC_SIZE];
        int32_t partitions; /* 0: not known yet */
        bool asked;         /* since the last tick */
        bool missing_told;
};

/* A record from kafka_sink_send until its outcome is known. Its bytes are lent to librdkafka, so it lives until the report even when its
 * sender has been told already. */
struct parcel {
        struct list link; /* in waiting or sent */
        uint64_t number;  /* order of the sends, kept when they are repeated */
        uint64_t since_ms, deadline_ms;
        struct kafka_send *send; /* NULL: told */
        struct topic *topic;
        int32_t partition;
        struct span key, value;
        size_t header_count;
        struct kafka_header headers[]; /* and behind them the bytes; names end with a NUL */
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

static struct topic *topic_find(struct kafka_sink *sink, const char *name)
{
        list_for_each (link, &sink->topics) {
                struct topic *topic = list_entry(link, struct topic, link);
                if (strcmp(topic->name, name) == 0)
                        return topic;
        }
        return NULL;
}

static struct topic *topic_get(struct kafka_sink *sink, const char *name)
{
        struct topic *topic = topic_find(sink, name);
        if (topic || strlen(name) >= sizeof(topic->name) || !(topic = calloc(1, sizeof(*topic))))
                return topic;
        snprintf(topic->name, sizeof(topic->name), "%s", name);
        list_append(&sink->topics, &topic->link);
        return topic;
}

static struct span copy_span(uint8_t **at, struct span s)
{
        uint8_t *copy = *at;
        if (!s.data)
                return s;
        memcpy(copy, s.data, s.size);
        copy[s.size] = 0;
        *at += s.size + 1;
        return (struct span){copy, s.size};
}

static size_t parcel_size(const struct kafka_send *send)
{
        size_t size = sizeof(struct parcel) + send->header_count * sizeof(struct kafka_header) + send->key.size + send->value.size + 2;
        for (size_t i = 0; i < send->header_count; i++)
                size += send->headers[i].name.size + send->headers[i].value.size + 2;
        return size;
}

static struct parcel *parcel_new(struct kafka_send *send)
{
        struct parcel *parcel = malloc(parcel_size(send));
        if (!parcel)
                return NULL;
        *parcel = (struct parcel){.send = send, .partition = send->partition, .header_count = send->header_count};
        list_init(&parcel->link);
        uint8_t *at = (uint8_t *)&parcel->headers[send->header_count];
        parcel->key = copy_span(&at, send->key);
        parcel->value = copy_span(&at, send->value);
        for (size_t i = 0; i < send->header_count; i++)
                parcel->headers[i] = (struct kafka_header){copy_span(&at, send->headers[i].name), copy_span(&at, send->headers[i].value)};
        return parcel;
}

static void parcel_tell(struct parcel *parcel, int64_t offset, const struct error *e)
{
        struct kafka_send *send = parcel->send;
        parcel->send = NULL;
        if (!send)
                return;
        send->private = NULL;
        send->done(send, parcel->partition, offset, e);
}

static void parcel_finish(struct parcel *parcel, int64_t offset, const struct error *e)
{
        list_remove(&parcel->link);
        parcel_tell(parcel, offset, e);
        free(parcel);
}

/* Back among those that wait, in the order of the sends; one whose sender was told is not sent again. */
static void parcel_repeat(struct kafka_sink *sink, struct parcel *parcel)
{
        struct list *before = sink->waiting.prev;
        list_remove(&parcel->link);
        if (!parcel->send) {
                free(parcel);
                return;
        }
        while (before != &sink->waiting && list_entry(before, struct parcel, link)->number > parcel->number)
                before = before->prev;
        list_append(before->next, &parcel->link);
}

static enum error_code refusal_code(rd_kafka_resp_err_t err)
{
        switch (err) {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_INVALID_MSG:
        case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
                return ERROR_INVALID;
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
                return ERROR_DENIED;
        default:
                return ERROR_NONE;
        }
}

/* True when it was said so: no repetition can help. */
static bool parcel_refuse(struct parcel *parcel, rd_kafka_resp_err_t err)
{
        struct error e;
        enum error_code code = refusal_code(err);
        if (code == ERROR_NONE)
                return false;
        error_set(&e, code, "record of %zu bytes for %s: %s", parcel->value.size, parcel->topic->name, rd_kafka_err2str(err));
        parcel_finish(parcel, -1, &e);
        return true;
}

static void on_report(struct kafka_sink *sink, const rd_kafka_message_t *message)
{
        struct parcel *parcel = message->_private;

        if (!message->err && message->offset >= 0)
                parcel_finish(parcel, message->offset, NULL);
        else if (!message->err || !parcel_refuse(parcel, message->err))
                parcel_repeat(sink, parcel);
}

static size_t describe(struct parcel *parcel, rd_kafka_vu_t *parts)
{
        size_t n = 0;
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = parcel->topic->name};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = parcel->partition};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)parcel->key.data, parcel->key.size}};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)parcel->value.data, parcel->value.size}};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = parcel};
        for (size_t i = 0; i < parcel->header_count; i++)
                parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
                                             .u.header = {(const char *)parcel->headers[i].name.data, parcel->headers[i].value.data,
                                                          (ssize_t)parcel->headers[i].value.size}};
        return n;
}

static rd_kafka_resp_err_t produce(struct kafka_sink *sink, struct parcel *parcel)
{
        rd_kafka_vu_t parts[5 + KAFKA_HEADERS_MAX];
        size_t count = describe(parcel, parts);
        rd_kafka_error_t *error = rd_kafka_produceva(sink->client.handle, parts, count);
        rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (error)
                rd_kafka_error_destroy(error);
        return err;
}

static void refuse_partition(struct parcel *parcel)
{
        struct error e;
        error_set(&e, ERROR_KAFKA, "%s has no partition %d, only %d", parcel->topic->name, parcel->partition, parcel->topic->partitions);
        parcel_finish(parcel, -1, &e);
}

/* False: librdkafka's queue is full, later ones wait too. */
static bool hand_over(struct kafka_sink *sink, struct parcel *parcel)
{
        if (parcel->partition < 0)
                parcel->partition = kafka_partition_of(parcel->key, parcel->topic->partitions);
        if (parcel->partition >= parcel->topic->partitions) { /* librdkafka 2.0 may free such a record twice */
                refuse_partition(parcel);
                return true;
        }
        rd_kafka_resp_err_t err = produce(sink, parcel);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                list_remove(&parcel->link);
                list_append(&sink->sent, &parcel->link);
                return true;
        }
        return parcel_refuse(parcel, err);
}

static void hand_over_waiting(struct kafka_sink *sink)
{
        list_for_each (link, &sink->waiting) {
                struct parcel *parcel = list_entry(link, struct parcel, link);
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
                parcel_repeat(sink, list_entry(link, struct parcel, link));
}

static void finish_all(struct list *parcels, const struct error *e)
{
        list_for_each (link, parcels)
                parcel_finish(list_entry(link, struct parcel, link), -1, e);
}

static void on_client_closed(void *owner)
{
        struct kafka_sink *sink = owner;
        list_for_each (link, &sink->topics)
                free(list_entry(link, struct topic, link));
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
static bool expire(struct kafka_sink *sink, struct list *parcels, void (*end)(struct parcel *, int64_t, const struct error *))
{
        struct error e;
        uint64_t now_ms = uv_now(sink->client.loop);
        bool slow = false;

        list_for_each (link, parcels) {
                struct parcel *parcel = list_entry(link, struct parcel, link);
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
        bool waiting_slow = expire(sink, &sink->waiting, parcel_finish);
        sink->slow = expire(sink, &sink->sent, parcel_tell) || waiting_slow;
        list_for_each (link, &sink->topics)
                list_entry(link, struct topic, link)->asked = false;
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
                struct topic *topic = list_entry(link, struct topic, link);
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
        struct topic *topic = topic_find(sink, name);

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
        struct topic *topic = topic_get(sink, send->topic);
        struct parcel *parcel = topic ? parcel_new(send) : NULL;
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
