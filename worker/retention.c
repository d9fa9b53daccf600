#include "worker/retention.h"

#include <stdlib.h>
#include <string.h>

#include "worker/sandbox/artifact_index.h"

enum { PAUSE_MS = 3600000 };

/* --- what is too old --- */

static void step(uv_work_t *work)
{
        struct retention *retention = work->data;
        retention->more = artifact_sweep_step(&retention->sweep);
}

static void stepped(uv_work_t *work, int status);

static void go_on(struct retention *retention)
{
        retention->sweeping = uv_queue_work(retention->loop, &retention->work, step, stepped) == 0;
        if (!retention->sweeping)
                artifact_sweep_close(&retention->sweep);
}

static void conclude(struct retention *retention)
{
        retention->sweeping = false;
        retention->bytes += retention->sweep.kept_bytes; /* to what has come meanwhile */
        artifact_sweep_close(&retention->sweep);
        if (retention->sweep.removed > 0)
                log_event(retention->log, LOG_INFO, "old artifacts removed", LOG_NUMBER("files", retention->sweep.removed),
                          LOG_NUMBER("bytes_left", retention->bytes));
}

static void stepped(uv_work_t *work, int status)
{
        struct retention *retention = work->data;
        (void)status;
        if (retention->more && !retention->closing)
                go_on(retention);
        else
                conclude(retention);
}

static void sweep(struct retention *retention)
{
        if (retention->sweeping || retention->closing)
                return;
        retention->sweep = (struct artifact_sweep){.now_ms = clock_realtime_ms(retention->clock),
                                                   .retention_ms = retention->config->artifact_retention_ms,
                                                   .total_bytes = retention->config->artifact_total_bytes};
        retention->bytes = 0;
        if (artifact_sweep_open(&retention->sweep, retention->config->log_directory))
                go_on(retention);
}

static void timer_rang(uv_timer_t *timer)
{
        sweep(timer->data);
}

/* --- what has come --- */

struct index_entry {
        uv_work_t work;
        const struct retention *retention;
        char job_id[UUID_TEXT_SIZE];
        char *agent_id;
        struct bytes text;
        struct error error;
};

static void write_entry(uv_work_t *work)
{
        struct index_entry *entry = work->data;
        artifact_index_keep(entry->retention->config->log_directory, entry->job_id, entry->agent_id, bytes_span(&entry->text),
                            &entry->error);
}

static void entry_free(struct index_entry *entry)
{
        bytes_deinit(&entry->text);
        free(entry->agent_id);
        free(entry);
}

static void entry_written(uv_work_t *work, int status)
{
        struct index_entry *entry = work->data;
        (void)status;
        if (entry->error.code)
                log_error(entry->retention->log, LOG_WARNING, "artifacts not indexed", &entry->error, NULL);
        entry_free(entry);
}

static void write_index(struct retention *retention, const struct result *result)
{
        struct index_entry *entry = calloc(1, sizeof(*entry));
        if (!entry)
                return;
        entry->work.data = entry;
        entry->retention = retention;
        memcpy(entry->job_id, result->job_id, sizeof(entry->job_id));
        entry->agent_id = strdup(result->agent_id);
        if (!entry->agent_id || artifact_index_describe(result, &entry->text) < 0 ||
            uv_queue_work(retention->loop, &entry->work, write_entry, entry_written) < 0)
                entry_free(entry);
}

void retention_keep(struct retention *retention, const struct result *result)
{
        if (result->artifact_count == 0)
                return;
        write_index(retention, result);
        for (size_t i = 0; i < result->artifact_count; i++)
                retention->bytes += result->artifacts[i].bytes;
        if (retention->bytes > retention->config->artifact_total_bytes)
                sweep(retention);
}

/* --- the program's --- */

void retention_open(struct retention *retention, uv_loop_t *loop)
{
        retention->loop = loop;
        retention->work.data = retention->timer.data = retention;
        uv_timer_init(loop, &retention->timer);
        uv_timer_start(&retention->timer, timer_rang, 0, PAUSE_MS);
}

void retention_close(struct retention *retention)
{
        if (retention->closing)
                return;
        retention->closing = true;
        uv_close((uv_handle_t *)&retention->timer, NULL);
}
