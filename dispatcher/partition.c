#include "dispatcher/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dispatcher/admission.h"
#include "dispatcher/dispatcher.h"

static const struct state phases[PHASE_COUNT] = {
                [PHASE_IDLE] = {"idle", 1 << PHASE_WAITING},
                [PHASE_WAITING] = {"waiting", 1 << PHASE_WAITING | 1 << PHASE_REPLAYING | 1 << PHASE_IDLE},
                [PHASE_REPLAYING] = {"replaying", 1 << PHASE_ADMITTING | 1 << PHASE_WAITING | 1 << PHASE_IDLE},
                [PHASE_ADMITTING] = {"admitting", 1 << PHASE_WAITING | 1 << PHASE_IDLE},
};

void partition_metadata(int64_t replay_from, char ret_metadata[static PARTITION_METADATA_SIZE])
{
        snprintf(ret_metadata, PARTITION_METADATA_SIZE, "r=%" PRId64, replay_from);
}

int64_t partition_metadata_parse(const char *metadata)
{
        int64_t replay_from;
        if (!metadata || strncmp(metadata, "r=", 2) != 0 || !span_to_i64(span_of(metadata + 2), &replay_from))
                return 0;
        return replay_from > 0 ? replay_from : 0;
}

void partition_init(struct partition *p, struct dispatcher *d, int32_t number)
{
        *p = (struct partition){.dispatcher = d, .number = number, .phase = {phases, PHASE_COUNT, PHASE_IDLE}, .committed = -1};
        settlements_init(&p->settlements);
        reread_init(&p->reread);
}

void partition_deinit(struct partition *p)
{
        reread_reset(p);
        settlements_reset(&p->settlements, 0);
        watermark_deinit(&p->watermark);
        ledger_deinit(&p->ledger);
}

bool partition_owned(const struct partition *p)
{
        return p->phase.now != PHASE_IDLE;
}

bool partition_admitting(const struct partition *p)
{
        return p->phase.now == PHASE_ADMITTING && p->dispatcher->ready;
}

static void partition_reset(struct partition *p)
{
        p->generation++;
        p->admissions = 0;
        ledger_reset(&p->ledger, p->committed < 0 ? 0 : p->committed);
        settlements_reset(&p->settlements, p->replay_from);
        watermark_reset(&p->watermark, p->replay_from);
        reread_reset(p);
}

static void partition_replay(struct partition *p)
{
        struct dispatcher *d = p->dispatcher;
        const struct dispatch_ports *ports = d->options.ports;
        state_move(&p->phase, PHASE_REPLAYING);
        p->epoch = d->epoch;
        if (p->position != p->committed)
                ports->seek(ports->data, p->number, p->committed);
        p->position = p->committed;
        ports->tail(ports->data, STREAM_RESULTS, p->number, p->replay_from ? p->replay_from : STREAM_BEGINNING);
        d->counters.take_overs++;
        log_event(d->options.log, LOG_INFO, "partition taken over", LOG_NUMBER("partition", p->number), LOG_NUMBER("offset", p->committed),
                  LOG_NUMBER("replay_from", p->replay_from), LOG_NUMBER("epoch", p->epoch));
}

void partition_take_over(struct partition *p)
{
        state_move(&p->phase, PHASE_WAITING);
        partition_reset(p);
        if (p->dispatcher->ready && p->committed >= 0)
                partition_replay(p);
}

void partition_assign(struct partition *p, int64_t committed, const char *metadata)
{
        p->committed = committed;
        p->position = committed;
        p->replay_from = committed < 0 ? 0 : partition_metadata_parse(metadata);
        partition_take_over(p);
}

static void commit_now(struct partition *p)
{
        struct error e;
        int64_t offset, replay;
        char metadata[PARTITION_METADATA_SIZE];
        const struct dispatcher *d = p->dispatcher;
        if (p->phase.now != PHASE_ADMITTING || !watermark_reached(p, &offset, &replay))
                return;
        partition_metadata(replay, metadata);
        if (d->options.ports->commit_now(d->options.ports->data, p->number, offset, metadata, &e) < 0)
                log_error(d->options.log, LOG_WARNING, "commit at revocation failed", &e, NULL);
}

void partition_revoke(struct partition *p, bool lost)
{
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        if (!partition_owned(p))
                return;
        if (!lost)
                commit_now(p);
        ports->untail(ports->data, STREAM_RESULTS, p->number);
        state_move(&p->phase, PHASE_IDLE);
        p->committed = -1;
        p->replay_from = 0;
        partition_reset(p);
}

void partition_resume(struct partition *p)
{
        if (!partition_owned(p))
                return;
        if (p->phase.now == PHASE_WAITING || p->epoch != p->dispatcher->epoch) {
                partition_take_over(p);
                return;
        }
        settlement_pump(p);
        partition_release(p);
}

void partition_replayed(struct partition *p)
{
        state_move(&p->phase, PHASE_ADMITTING);
        partition_release(p);
}

/* Nothing was ever committed, or what was committed lies before the first record that Kafka still has. */
static void start_at(struct partition *p, int64_t offset)
{
        p->committed = offset;
        p->position = offset;
        partition_take_over(p);
}

void partition_purged(struct partition *p)
{
        if (!partition_owned(p))
                return;
        p->committed = -1;
        partition_take_over(p);
}

void partition_results_purged(struct partition *p)
{
        if (!partition_owned(p))
                return;
        alert_raise(p->dispatcher, "results.purged", NULL,
                    "partition %d of the results does not reach to offset %lld: was the topic made anew? Replaying from its beginning",
                    p->number, (long long)p->settlements.next);
        p->replay_from = 0;
        partition_take_over(p);
}

static bool has_room(struct partition *p, int64_t offset)
{
        const struct dispatcher *d = p->dispatcher;
        if (!ledger_has_room(&p->ledger, offset)) {
                if (p->ledger.next == p->ledger.base)
                        start_at(p, offset);
                return false;
        }
        return p->admissions < PARTITION_ADMISSIONS_MAX && d->outbox.count < DISPATCHER_OUTBOX_MAX && !d->stopping;
}

bool partition_job(struct partition *p, const struct kafka_record *record)
{
        if (partition_owned(p) && p->committed < 0)
                start_at(p, record->offset);
        if (!partition_admitting(p))
                return !partition_owned(p);
        if (record->offset < p->ledger.next)
                return true;
        if (!has_room(p, record->offset) || ledger_read(&p->ledger, record->offset) < 0)
                return false;
        p->position = record->offset + 1;
        p->dispatcher->counters.jobs_read++;
        alert_count(p->dispatcher, 0);
        if (ledger_state_of(&p->ledger, record->offset) != LEDGER_TERMINAL)
                admission_start(p, record);
        return true;
}

void partition_release(struct partition *p)
{
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        if (partition_admitting(p) && has_room(p, p->position))
                ports->release(ports->data, STREAM_JOBS, p->number);
}

void partition_tick(struct partition *p)
{
        if (partition_owned(p)) {
                settlement_pump(p);
                watermark_tick(p);
                partition_release(p);
        }
        reread_tick(p);
}
