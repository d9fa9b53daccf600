#include "dispatcher/dispatcher.h"

#include <stdlib.h>

int dispatcher_init(struct dispatcher *d, const struct dispatcher_options *options, struct error *e)
{
        *d = (struct dispatcher){.options = *options, .topics = kafka_topics_named(options->config->kafka_topic_prefix)};
        d->partitions = calloc((size_t)options->partitions, sizeof *d->partitions);
        if (!d->partitions)
                return error_set(e, ERROR_MEMORY, "%d partitions", options->partitions);
        for (int32_t n = 0; n < options->partitions; n++)
                partition_init(&d->partitions[n], d, n);
        outbox_init(&d->outbox, options->ports, options->clock, "dispatcher", options->config->dispatcher_id);
        restore_init(&d->restore, d);
        d->reaper.dispatcher = d;
        d->control.dispatcher = d;
        return 0;
}

void dispatcher_deinit(struct dispatcher *d)
{
        for (int32_t n = 0; d->partitions && n < d->options.partitions; n++)
                partition_deinit(&d->partitions[n]);
        free(d->partitions);
        d->partitions = NULL;
        restore_deinit(&d->restore);
        control_deinit(&d->control);
}

void dispatcher_configure(struct dispatcher *d, const struct config *config, const struct analysis *analysis)
{
        d->options.config = config;
        d->options.analysis = analysis;
}

void dispatcher_stop(struct dispatcher *d)
{
        d->stopping = true;
}

bool dispatcher_quiet(const struct dispatcher *d)
{
        if (d->outbox.count)
                return false;
        for (int32_t n = 0; n < d->options.partitions; n++)
                if (!watermark_quiet(&d->partitions[n]))
                        return false;
        return true;
}

void dispatcher_cut(struct dispatcher *d)
{
        d->stopped = true;
        d->ready = d->connected = false;
        outbox_close(&d->outbox);
}

struct partition *dispatcher_partition(struct dispatcher *d, int64_t number)
{
        return number >= 0 && number < d->options.partitions ? &d->partitions[number] : NULL;
}

uint64_t dispatcher_now_ms(const struct dispatcher *d)
{
        return clock_boottime_ms(d->options.clock);
}

uint32_t dispatcher_now_s(const struct dispatcher *d)
{
        return (uint32_t)(dispatcher_now_ms(d) / 1000);
}

/* Whoever asks next may be told of any epoch. */
static void not_ready(struct dispatcher *d)
{
        d->ready = false;
        d->options.gate->epoch = 0;
}

void dispatcher_redis_up(struct dispatcher *d)
{
        d->connected = true;
        restore_wanted(&d->restore);
}

void dispatcher_redis_down(struct dispatcher *d)
{
        d->connected = false;
        not_ready(d);
        restore_abandon(&d->restore);
}

void dispatcher_set_ready(struct dispatcher *d, uint64_t epoch)
{
        d->epoch = epoch;
        d->ready = true;
        d->options.gate->epoch = epoch;
        for (int32_t n = 0; n < d->options.partitions; n++)
                partition_resume(&d->partitions[n]);
}

bool dispatcher_heard(struct dispatcher *d, const struct gate_call *call, const struct error *e)
{
        if (d->stopped)
                return false;
        if (e && e->code == ERROR_NOT_READY) {
                not_ready(d);
                restore_wanted(&d->restore);
        }
        if (e)
                return false;
        if (d->ready && call->epoch != d->epoch)
                dispatcher_set_ready(d, call->epoch);
        return true;
}

void dispatcher_assigned(struct dispatcher *d, int32_t partition, int64_t committed, const char *metadata)
{
        struct partition *p = dispatcher_partition(d, partition);
        if (p)
                partition_assign(p, committed, metadata);
}

void dispatcher_revoked(struct dispatcher *d, int32_t partition, bool lost)
{
        struct partition *p = dispatcher_partition(d, partition);
        if (p)
                partition_revoke(p, lost);
}

bool dispatcher_record(struct dispatcher *d, enum dispatch_stream stream, const struct kafka_record *record)
{
        struct partition *p = dispatcher_partition(d, record->partition);
        if (!p || d->stopped)
                return true;
        switch (stream) {
        case STREAM_JOBS:
                return partition_job(p, record);
        case STREAM_CONTROL:
                return control_record(&d->control, record);
        case STREAM_RESULTS:
                return settlement_record(p, record);
        case STREAM_AGENTS:
                return restore_record(&d->restore, record);
        case STREAM_REREAD:
                return reread_record(p, record);
        }
        return true;
}

void dispatcher_end(struct dispatcher *d, enum dispatch_stream stream, int32_t partition, int64_t offset)
{
        struct partition *p = dispatcher_partition(d, partition);
        if (!p || d->stopped)
                return;
        if (stream == STREAM_RESULTS)
                settlement_end(p, offset);
        else if (stream == STREAM_AGENTS)
                restore_end(&d->restore, partition);
        else if (stream == STREAM_REREAD)
                reread_end(p, offset);
}

void dispatcher_purged(struct dispatcher *d, enum dispatch_stream stream, int32_t partition)
{
        struct partition *p = dispatcher_partition(d, partition);
        if (!p || d->stopped)
                return;
        if (stream == STREAM_JOBS)
                partition_purged(p);
        else if (stream == STREAM_RESULTS)
                partition_results_purged(p);
}

void dispatcher_committed(struct dispatcher *d, int32_t partition, int64_t offset, const struct error *e)
{
        struct partition *p = dispatcher_partition(d, partition);
        if (p && !d->stopped)
                watermark_committed(p, offset, e);
}

void dispatcher_tick(struct dispatcher *d)
{
        outbox_tick(&d->outbox);
        restore_tick(&d->restore);
        reaper_tick(&d->reaper);
        control_tick(&d->control);
        for (int32_t n = 0; n < d->options.partitions; n++)
                partition_tick(&d->partitions[n]);
}
