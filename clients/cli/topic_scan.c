#include "clients/cli/topic_scan.h"

#include <uv.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/transport/kafka_source.h"

struct scanner {
        struct topic_scan *scan;
        struct kafka_source *source;
        uv_loop_t loop;
        uv_timer_t deadline;
        int32_t unfinished; /* partitions not yet read to their end */
        bool over;
        bool failed;
        enum topic_scan_verdict verdict;
        struct error *e;
};

static void on_closed(void *data)
{
        struct scanner *s = data;
        uv_close((uv_handle_t *)&s->deadline, NULL);
}

static void finish(struct scanner *s, enum topic_scan_verdict verdict)
{
        if (s->over)
                return;
        s->over = true;
        s->verdict = verdict;
        uv_timer_stop(&s->deadline);
        kafka_source_close(s->source, on_closed, s);
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct scanner *s = data;
        if (!s->over && s->scan->record && s->scan->record(s->scan->data, record))
                finish(s, TOPIC_SCAN_FOUND);
        return true;
}

static void on_end(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct scanner *s = data;
        (void)topic, (void)partition;
        s->scan->end = offset;
        if (s->scan->follow || s->over)
                return;
        kafka_source_unassign(s->source, topic, partition);
        if (--s->unfinished == 0)
                finish(s, TOPIC_SCAN_ENDED);
}

static void on_trouble(void *data, const struct error *e)
{
        struct scanner *s = data;
        if (!e || s->over)
                return;
        *s->e = *e;
        s->failed = true;
        finish(s, TOPIC_SCAN_TIMED_OUT);
}

static void on_deadline(uv_timer_t *timer)
{
        finish(timer->data, TOPIC_SCAN_TIMED_OUT);
}

static int assign(struct scanner *s)
{
        const struct topic_scan *scan = s->scan;
        bool all = scan->partition == TOPIC_ALL_PARTITIONS;
        int32_t first = all ? 0 : scan->partition, last = all ? scan->partitions - 1 : scan->partition;
        s->unfinished = last - first + 1;
        for (int32_t partition = first; partition <= last; partition++)
                if (kafka_source_assign(s->source, scan->topic, partition, scan->offsets ? scan->offsets[partition] : scan->offset, s->e) <
                    0)
                        return -1;
        return 0;
}

static int open_source(struct scanner *s, const struct log *log)
{
        struct kafka_source_options options = {
                        .config = s->scan->config,
                        .log = log,
                        .topic = s->scan->topic,
                        .record = on_record,
                        .end = on_end,
                        .trouble = on_trouble,
                        .data = s,
        };
        return kafka_source_open(&s->source, &s->loop, &options, s->e);
}

static void start(struct scanner *s, const struct log *log)
{
        uv_timer_init(&s->loop, &s->deadline);
        s->deadline.data = s;
        uv_timer_start(&s->deadline, on_deadline, s->scan->timeout_ms ? s->scan->timeout_ms : TOPIC_TIMEOUT_MS, 0);
        s->failed = open_source(s, log) < 0;
        if (s->failed) {
                on_closed(s);
                return;
        }
        s->failed = assign(s) < 0;
        if (s->failed)
                finish(s, TOPIC_SCAN_TIMED_OUT);
}

int topic_scan_run(struct topic_scan *scan, enum topic_scan_verdict *ret_verdict, struct error *e)
{
        struct log log = {.program = "brig", .level = LOG_ERROR, .clock = &clock_system, .fd = -1};
        struct scanner s = {.scan = scan, .e = e};
        if (uv_loop_init(&s.loop) < 0)
                return error_set(e, ERROR_SYSTEM, "cannot make an event loop");
        start(&s, &log);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        uv_loop_close(&s.loop);
        *ret_verdict = s.verdict;
        return s.failed ? -1 : 0;
}
