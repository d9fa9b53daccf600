#include "clients/cli/topic_scan.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "clients/cli/topic_range.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/transport/kafka_source.h"

struct scanner {
        const struct topic_scan *scan;
        struct config config; /* the scan's, which owns what is in it */
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
        if (!s->over && s->scan->record(s->scan->data, record))
                finish(s, TOPIC_SCAN_FOUND);
        return true;
}

static void on_end(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct scanner *s = data;
        (void)offset;
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

/* An empty partition has an end already, unless more is waited for. */
static int assign_ranges(struct scanner *s, const struct topic_part *part, const struct topic_range *ranges)
{
        for (int32_t i = 0; i < part->count; i++) {
                if (ranges[i].first == ranges[i].end && !s->scan->follow)
                        continue;
                s->unfinished++;
                if (kafka_source_assign(s->source, part->topic, part->first_partition + i, ranges[i].first, s->e) < 0)
                        return -1;
        }
        if (s->unfinished == 0)
                finish(s, TOPIC_SCAN_ENDED);
        return 0;
}

static int assign(struct scanner *s)
{
        const struct topic_scan *scan = s->scan;
        bool all = scan->partition == TOPIC_ALL_PARTITIONS;
        struct topic_part part = {scan->topic, all ? 0 : scan->partition, all ? scan->partitions : 1};
        struct topic_range *ranges = calloc((size_t)part.count, sizeof *ranges);
        int failed;
        if (!ranges)
                return error_set(s->e, ERROR_MEMORY, "out of memory");
        if (scan->offset == TOPIC_BEGINNING) {
                failed = topic_ranges(scan->config, &part, scan->since_ms, ranges, s->e);
        } else {
                ranges[0] = (struct topic_range){scan->offset, INT64_MAX};
                failed = 0;
        }
        if (!failed)
                failed = assign_ranges(s, &part, ranges);
        free(ranges);
        return failed;
}

/* librdkafka pauses for a second whenever its queue is full, and one batch may be as large as the queue of a program that runs for ever. */
static void read_ahead(struct config *config)
{
        static char KEY[] = "queued.max.messages.kbytes", VALUE[] = "16384";
        for (size_t i = 0; i < config->kafka_pass_through_count; i++)
                if (strcmp(config->kafka_pass_through[i].key, KEY) == 0)
                        return;
        if (config->kafka_pass_through_count < CONFIG_PASS_THROUGH_MAX)
                config->kafka_pass_through[config->kafka_pass_through_count++] = (struct config_pair){KEY, VALUE};
}

static int open_source(struct scanner *s, const struct log *log)
{
        struct kafka_source_options options = {
                        .config = &s->config,
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

int topic_scan_run(const struct topic_scan *scan, enum topic_scan_verdict *ret_verdict, struct error *e)
{
        struct log log = {.program = "brig", .level = LOG_ERROR, .clock = &clock_system, .fd = -1};
        struct scanner s = {.scan = scan, .config = *scan->config, .e = e};
        read_ahead(&s.config);
        if (uv_loop_init(&s.loop) < 0)
                return error_set(e, ERROR_SYSTEM, "cannot make an event loop");
        start(&s, &log);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        uv_loop_close(&s.loop);
        *ret_verdict = s.verdict;
        return s.failed ? -1 : 0;
}
