#include "clients/cli/topic_send.h"

#include <uv.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/transport/cloudevent.h"
#include "common/transport/kafka_sink.h"

enum { ACKNOWLEDGE_MS = 30000 };

struct sender {
        struct topic_send *send;
        struct kafka_sink *sink;
        struct kafka_send record;
        bool over, failed;
        struct error *e;
};

static void finish(struct sender *s, const struct error *e)
{
        if (s->over)
                return;
        s->over = true;
        s->failed = e != NULL;
        if (e)
                *s->e = *e;
        kafka_sink_close(s->sink, NULL, NULL);
}

static void on_sent(struct kafka_send *record, int32_t partition, int64_t offset, const struct error *e)
{
        struct sender *s = record->data;
        s->send->partition = partition;
        s->send->offset = offset;
        finish(s, e);
}

static void on_trouble(void *data, const struct error *e)
{
        if (e)
                finish(data, e);
}

static int start(struct sender *s, const struct kafka_header *headers)
{
        s->record = (struct kafka_send){
                        .topic = s->send->topic,
                        .partition = -1,
                        .key = s->send->key,
                        .value = s->send->value,
                        .headers = headers,
                        .header_count = CLOUDEVENT_HEADERS,
                        .timeout_ms = ACKNOWLEDGE_MS,
                        .done = on_sent,
                        .data = s,
        };
        return kafka_sink_send(s->sink, &s->record, s->e);
}

static int open_and_start(struct sender *s, uv_loop_t *loop, const struct log *log)
{
        struct kafka_sink_options options = {.config = s->send->config, .log = log, .trouble = on_trouble, .data = s};
        struct cloudevent event = {.type = s->send->type, .source = "/brig/cli", .id = s->send->id};
        struct kafka_header headers[CLOUDEVENT_HEADERS];
        clock_format_rfc3339(clock_realtime_ms(&clock_system), event.time);
        cloudevent_headers(&event, headers);
        if (kafka_sink_open(&s->sink, loop, &options, s->e) < 0)
                return -1;
        if (start(s, headers) == 0)
                return 0;
        s->over = true;
        kafka_sink_close(s->sink, NULL, NULL);
        return -1;
}

int topic_send_run(struct topic_send *send, struct error *e)
{
        struct log log = {.program = "brig", .level = LOG_ERROR, .clock = &clock_system, .fd = -1};
        struct sender s = {.send = send, .e = e};
        uv_loop_t loop;
        if (uv_loop_init(&loop) < 0)
                return error_set(e, ERROR_SYSTEM, "cannot make an event loop");
        int failed = open_and_start(&s, &loop, &log);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        return failed < 0 || s.failed ? -1 : 0;
}
