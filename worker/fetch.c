#include "worker/fetch.h"

#include <inttypes.h>

enum { ANSWER_MS = 10000 };

static void start_next(struct fetcher *fetcher);

static void finish(struct fetcher *fetcher, struct span value, const struct error *e)
{
        struct fetch *fetch = fetcher->current;
        fetcher->current = NULL;
        uv_timer_stop(&fetcher->timer);
        if (fetcher->source)
                kafka_source_unassign(fetcher->source, fetcher->topic, fetch->partition);
        fetch->done(fetch, value, e);
        start_next(fetcher);
}

static void timer_fired(uv_timer_t *timer)
{
        struct fetcher *fetcher = timer->data;
        struct error failure = fetcher->failure;
        finish(fetcher, (struct span){0}, &failure);
}

static void fail_after(struct fetcher *fetcher, uint64_t wait_ms)
{
        uv_timer_start(&fetcher->timer, timer_fired, wait_ms, 0);
}

static bool record_read(void *data, const struct kafka_record *record)
{
        struct fetcher *fetcher = data;
        struct fetch *fetch = fetcher->current;
        struct error e;
        if (!fetch || record->partition != fetch->partition || record->offset < fetch->offset)
                return true; /* of an earlier one */
        if (record->offset == fetch->offset) {
                finish(fetcher, record->value, NULL);
                return true;
        }
        error_set(&e, ERROR_NOT_FOUND, "%s/%d has no record at offset %" PRId64 " any more", fetcher->topic, fetch->partition,
                  fetch->offset);
        finish(fetcher, (struct span){0}, &e);
        return true;
}

static void end_read(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct fetcher *fetcher = data;
        struct fetch *fetch = fetcher->current;
        struct error e;
        if (!fetch || partition != fetch->partition)
                return;
        error_set(&e, ERROR_NOT_FOUND, "%s/%d ends at %" PRId64 ", before offset %" PRId64, topic, partition, offset, fetch->offset);
        if (offset <= fetch->offset)
                finish(fetcher, (struct span){0}, &e);
}

static int connect_source(struct fetcher *fetcher, struct error *e)
{
        struct kafka_source_options options = {
                        .config = fetcher->config, .log = fetcher->log, .record = record_read, .end = end_read, .data = fetcher};
        return fetcher->source ? 0 : kafka_source_open(&fetcher->source, fetcher->loop, &options, e);
}

static void start_next(struct fetcher *fetcher)
{
        struct list *first = fetcher->current ? NULL : list_pop(&fetcher->waiting);
        if (!first)
                return;
        struct fetch *fetch = fetcher->current = list_entry(first, struct fetch, link);
        if (connect_source(fetcher, &fetcher->failure) < 0 ||
            kafka_source_assign(fetcher->source, fetcher->topic, fetch->partition, fetch->offset, &fetcher->failure) < 0) {
                fail_after(fetcher, 0);
                return;
        }
        error_set(&fetcher->failure, ERROR_KAFKA, "no answer for %s/%d offset %" PRId64 " within %d s", fetcher->topic, fetch->partition,
                  fetch->offset, ANSWER_MS / 1000);
        fail_after(fetcher, ANSWER_MS);
}

static void port_start(void *data, struct fetch *fetch)
{
        struct fetcher *fetcher = data;
        list_append(&fetcher->waiting, &fetch->link);
        start_next(fetcher);
}

struct fetch_port fetch_port_of(struct fetcher *fetcher)
{
        return (struct fetch_port){port_start, fetcher};
}

void fetcher_open(struct fetcher *fetcher, uv_loop_t *loop, const struct config *config, const struct log *log, const char *topic)
{
        *fetcher = (struct fetcher){.loop = loop, .config = config, .log = log, .topic = topic};
        list_init(&fetcher->waiting);
        uv_timer_init(loop, &fetcher->timer);
        fetcher->timer.data = fetcher;
}

void fetcher_close(struct fetcher *fetcher)
{
        struct error e;
        error_set(&e, ERROR_CANCELLED, "the worker leaves");
        if (fetcher->current)
                list_append(&fetcher->waiting, &fetcher->current->link);
        fetcher->current = NULL;
        if (fetcher->source)
                kafka_source_close(fetcher->source, NULL, NULL);
        fetcher->source = NULL;
        uv_close((uv_handle_t *)&fetcher->timer, NULL);
        for (struct list *link = list_pop(&fetcher->waiting); link; link = list_pop(&fetcher->waiting)) {
                struct fetch *fetch = list_entry(link, struct fetch, link);
                fetch->done(fetch, (struct span){0}, &e);
        }
}
