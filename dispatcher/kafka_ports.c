#include "dispatcher/kafka_ports.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "dispatcher/dispatcher.h"

static struct kafka_stream *stream_of(void *data, enum dispatch_stream stream)
{
        struct kafka_ports *k = data;
        return &k->streams[stream];
}

static void one_closed(void *data)
{
        struct kafka_ports *k = data;
        if (--k->open == 0 && k->closed)
                k->closed(k->data);
}

static void close_stream(struct kafka_stream *s)
{
        struct kafka_source *source = s->source;
        s->source = NULL;
        if (source)
                kafka_source_close(source, one_closed, s->owner);
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct kafka_stream *s = data;
        return dispatcher_record(s->owner->dispatcher, s->stream, record);
}

static void on_end(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct kafka_stream *s = data;
        (void)topic;
        dispatcher_end(s->owner->dispatcher, s->stream, partition, offset);
}

static void on_purged(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct kafka_stream *s = data;
        (void)topic;
        (void)offset;
        dispatcher_purged(s->owner->dispatcher, s->stream, partition);
}

static void on_assigned(void *data, int32_t partition, int64_t committed, const char *metadata)
{
        struct kafka_stream *s = data;
        if (s->stream == STREAM_JOBS)
                dispatcher_assigned(s->owner->dispatcher, partition, committed, metadata);
}

static void on_revoked(void *data, int32_t partition, bool lost)
{
        struct kafka_stream *s = data;
        if (s->stream == STREAM_JOBS)
                dispatcher_revoked(s->owner->dispatcher, partition, lost);
}

static void on_committed(void *data, int32_t partition, int64_t offset, const struct error *e)
{
        struct kafka_stream *s = data;
        dispatcher_committed(s->owner->dispatcher, partition, offset, e);
}

static void on_trouble(void *data, const struct error *e)
{
        struct kafka_stream *s = data;
        if (e)
                log_error(s->owner->log, LOG_ERROR, "Kafka does not answer; trying again until it does", e, NULL);
        else
                log_event(s->owner->log, LOG_INFO, "Kafka answers again");
}

static int open_stream(struct kafka_stream *s, const char *group, struct error *e)
{
        struct kafka_ports *k = s->owner;
        struct kafka_source_options options = {.config = k->config,
                                               .log = k->log,
                                               .group = group,
                                               .instance = group ? k->config->dispatcher_id : NULL,
                                               .topic = group ? s->topic : NULL,
                                               .record = on_record,
                                               .end = group ? NULL : on_end,
                                               .purged = on_purged,
                                               .assigned = group ? on_assigned : NULL,
                                               .revoked = group ? on_revoked : NULL,
                                               .trouble = s->stream == STREAM_JOBS ? on_trouble : NULL,
                                               .data = s};
        if (kafka_source_open(&s->source, k->loop, &options, e) < 0)
                return -1;
        k->open++;
        return 0;
}

static int port_send(void *data, struct kafka_send *send, struct error *e)
{
        struct kafka_ports *k = data;
        return k->sink ? kafka_sink_send(k->sink, send, e) : error_set(e, ERROR_KAFKA, "the producer is not open");
}

static int port_commit(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        struct kafka_stream *s = stream_of(data, stream);
        if (!s->source)
                return error_set(e, ERROR_KAFKA, "the consumer is not open");
        return kafka_source_commit(s->source, partition, offset, metadata, stream == STREAM_JOBS ? on_committed : NULL, e);
}

static int port_commit_now(void *data, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        struct kafka_stream *s = stream_of(data, STREAM_JOBS);
        if (!s->source)
                return error_set(e, ERROR_KAFKA, "the consumer is not open");
        return kafka_source_commit_sync(s->source, partition, offset, metadata, e);
}

static void port_seek(void *data, int32_t partition, int64_t offset)
{
        struct error e;
        struct kafka_stream *s = stream_of(data, STREAM_JOBS);
        if (s->source && kafka_source_seek(s->source, partition, offset, &e) < 0)
                log_error(s->owner->log, LOG_ERROR, "seek failed", &e, (const struct log_field[]){LOG_NUMBER("partition", partition), {0}});
}

static void port_tail(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset)
{
        struct error e;
        struct kafka_stream *s = stream_of(data, stream);
        int64_t from = offset == STREAM_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offset;
        bool opened = s->source || open_stream(s, NULL, &e) == 0;
        if (!opened || kafka_source_assign(s->source, s->topic, partition, from, &e) < 0)
                log_error(s->owner->log, LOG_ERROR, "tail failed", &e, (const struct log_field[]){LOG_TEXT("topic", s->topic), {0}});
}

static void port_untail(void *data, enum dispatch_stream stream, int32_t partition)
{
        struct kafka_stream *s = stream_of(data, stream);
        if (!s->source)
                return;
        kafka_source_unassign(s->source, s->topic, partition);
        if (stream != STREAM_RESULTS && kafka_source_idle(s->source))
                close_stream(s);
}

static void port_release(void *data, enum dispatch_stream stream, int32_t partition)
{
        struct kafka_stream *s = stream_of(data, stream);
        if (s->source)
                kafka_source_release(s->source, partition);
}

void kafka_ports_init(struct kafka_ports *k, uv_loop_t *loop, const struct config *config, const struct log *log,
                      struct dispatcher *dispatcher)
{
        *k = (struct kafka_ports){.ports = {.send = port_send,
                                            .commit = port_commit,
                                            .commit_now = port_commit_now,
                                            .seek = port_seek,
                                            .tail = port_tail,
                                            .untail = port_untail,
                                            .release = port_release},
                                  .loop = loop,
                                  .config = config,
                                  .log = log,
                                  .topics = kafka_topics_named(config->kafka_topic_prefix),
                                  .dispatcher = dispatcher};
        const char *topics[KAFKA_PORTS_STREAMS] = {[STREAM_JOBS] = k->topics.jobs,
                                                   [STREAM_CONTROL] = k->topics.control,
                                                   [STREAM_RESULTS] = k->topics.results,
                                                   [STREAM_AGENTS] = k->topics.agents,
                                                   [STREAM_REREAD] = k->topics.jobs};
        k->ports.data = k;
        for (int n = 0; n < KAFKA_PORTS_STREAMS; n++)
                k->streams[n] = (struct kafka_stream){.owner = k, .stream = (enum dispatch_stream)n, .topic = topics[n]};
}

static int open_sink(struct kafka_ports *k, struct error *e)
{
        const char *topics[] = {k->topics.results, k->topics.agents, k->topics.audit, k->topics.alerts, k->topics.dlq, k->topics.control};
        struct kafka_sink_options options = {.config = k->config, .log = k->log};
        if (kafka_sink_open(&k->sink, k->loop, &options, e) < 0)
                return -1;
        k->open++;
        kafka_sink_prepare(k->sink, topics, sizeof topics / sizeof topics[0]);
        return 0;
}

static int join(struct kafka_stream *s, const char *name, struct error *e)
{
        char group[KAFKA_TOPIC_SIZE + 16];
        snprintf(group, sizeof group, "%s-%s", s->owner->config->kafka_topic_prefix, name);
        return open_stream(s, group, e);
}

int kafka_ports_open(struct kafka_ports *k, struct error *e)
{
        if (open_sink(k, e) < 0)
                return -1;
        if (join(&k->streams[STREAM_JOBS], "dispatcher", e) < 0)
                return -1;
        return join(&k->streams[STREAM_CONTROL], "control", e);
}

void kafka_ports_close(struct kafka_ports *k, void (*closed)(void *data), void *data)
{
        struct kafka_sink *sink = k->sink;
        k->closed = closed;
        k->data = data;
        k->open++;
        for (int n = 0; n < KAFKA_PORTS_STREAMS; n++)
                close_stream(&k->streams[n]);
        k->sink = NULL;
        if (sink)
                kafka_sink_close(sink, one_closed, k);
        one_closed(k);
}

bool kafka_ports_ready(const struct kafka_ports *k)
{
        return k->sink && kafka_sink_ready(k->sink);
}
