#include "dispatcher/restore.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "dispatcher/dispatcher.h"

enum { RETRY_MS = 500, LOCK_AGAIN_MS = 2000 };

static const struct state phases[RESTORE_COUNT] = {
                [RESTORE_IDLE] = {"idle", 1 << RESTORE_LOCKING},
                [RESTORE_LOCKING] = {"locking", 1 << RESTORE_IDLE | 1 << RESTORE_READING},
                [RESTORE_READING] = {"reading", 1 << RESTORE_IDLE | 1 << RESTORE_READYING},
                [RESTORE_READYING] = {"readying", 1 << RESTORE_IDLE},
};

void restore_init(struct restore *r, struct dispatcher *d)
{
        *r = (struct restore){.dispatcher = d, .phase = {phases, RESTORE_COUNT, RESTORE_IDLE}};
}

static void drop_batch(struct restore *r)
{
        for (size_t n = 0; n < r->agent_count; n++)
                free(r->memory[n]);
        r->agent_count = 0;
}

void restore_deinit(struct restore *r)
{
        drop_batch(r);
        free(r->ended);
        r->ended = NULL;
}

static void for_each_partition(struct restore *r, void (*act)(const struct dispatch_ports *ports, int32_t partition))
{
        const struct dispatcher_options *options = &r->dispatcher->options;
        for (int32_t n = 0; n < options->partitions; n++)
                act(options->ports, n);
}

static void untail(const struct dispatch_ports *ports, int32_t partition)
{
        ports->untail(ports->data, STREAM_AGENTS, partition);
}

static void tail(const struct dispatch_ports *ports, int32_t partition)
{
        ports->tail(ports->data, STREAM_AGENTS, partition, STREAM_BEGINNING);
}

static void release(const struct dispatch_ports *ports, int32_t partition)
{
        ports->release(ports->data, STREAM_AGENTS, partition);
}

static bool under_way(const struct restore *r)
{
        return r->locking || r->sending || r->phase.now == RESTORE_READYING;
}

static void finish(struct restore *r)
{
        if (r->phase.now == RESTORE_READING || r->phase.now == RESTORE_READYING)
                for_each_partition(r, untail);
        state_move(&r->phase, RESTORE_IDLE);
        restore_deinit(r);
        r->failed = false;
        r->due_at_ms = dispatcher_now_ms(r->dispatcher) + RETRY_MS;
}

/* The operations under way are given up when they answer. */
static void fail(struct restore *r)
{
        r->failed = true;
        if (!under_way(r) && r->phase.now != RESTORE_IDLE)
                finish(r);
}

void restore_wanted(struct restore *r)
{
        if (r->phase.now == RESTORE_IDLE)
                r->due_at_ms = 0;
}

void restore_abandon(struct restore *r)
{
        if (r->phase.now != RESTORE_IDLE)
                fail(r);
}

static void ready_done(struct gate_ready *op, const struct error *e)
{
        struct restore *r = op->base.data;
        struct dispatcher *d = r->dispatcher;
        bool heard = dispatcher_heard(d, &op->base, e) && !r->failed;
        bool lost = d->epoch || r->restored;
        finish(r);
        if (!heard)
                return;
        d->counters.restores++;
        dispatcher_set_ready(d, op->base.epoch);
        if (!lost) /* a new cell: there was nothing to lose */
                return;
        alert_raise(d, "redis.restored", NULL,
                    "Redis had lost its memory and was restored: trust and quarantine are kept, rate windows start empty");
}

static void start_ready(struct restore *r)
{
        struct error e;
        state_move(&r->phase, RESTORE_READYING);
        r->ready = (struct gate_ready){.base.data = r, .done = ready_done, .owner = r->dispatcher->options.config->dispatcher_id};
        if (gate_ready_start(r->dispatcher->options.gate, &r->ready, &e) < 0)
                finish(r);
}

static bool all_ended(const struct restore *r)
{
        for (int32_t n = 0; n < r->dispatcher->options.partitions; n++)
                if (!r->ended[n])
                        return false;
        return true;
}

static void send_batch(struct restore *r);

/* Sends what is full, or the rest once all is read; then declares it ready. */
static void go_on(struct restore *r)
{
        bool ended = all_ended(r);
        if (r->sending)
                return;
        if (r->agent_count == RESTORE_BATCH_MAX || (ended && r->agent_count))
                send_batch(r);
        else if (ended && !r->locking)
                start_ready(r);
}

static void batch_done(struct gate_restore *op, const struct error *e)
{
        struct restore *r = op->base.data;
        bool heard = dispatcher_heard(r->dispatcher, &op->base, e);
        r->sending = false;
        drop_batch(r);
        if (!heard || r->failed) {
                fail(r);
                return;
        }
        for_each_partition(r, release);
        go_on(r);
}

static void send_batch(struct restore *r)
{
        struct error e;
        r->batch = (struct gate_restore){.base.data = r,
                                         .done = batch_done,
                                         .owner = r->dispatcher->options.config->dispatcher_id,
                                         .agents = r->agents,
                                         .count = r->agent_count};
        r->sending = gate_restore_start(r->dispatcher->options.gate, &r->batch, &e) == 0;
        if (!r->sending)
                fail(r);
}

/* Records that are no snapshots, a later version's among them, are passed over. */
static void add_agent(struct restore *r, const struct kafka_record *record)
{
        struct error e;
        size_t n = r->agent_count;
        json_t *value = json_document_parse(record->value, &e);
        if (value && gate_agent_from_json(&r->agents[n], &r->memory[n], value, &e) == 0)
                r->agent_count++;
        r->restored |= r->agent_count > 0;
        json_decref(value);
}

bool restore_record(struct restore *r, const struct kafka_record *record)
{
        if (r->phase.now != RESTORE_READING || r->failed)
                return true;
        if (r->sending)
                return false;
        if (record->value.size)
                add_agent(r, record);
        go_on(r);
        return true;
}

void restore_end(struct restore *r, int32_t partition)
{
        if (r->phase.now != RESTORE_READING || r->failed)
                return;
        r->ended[partition] = true;
        go_on(r);
}

static void start_reading(struct restore *r)
{
        r->ended = calloc((size_t)r->dispatcher->options.partitions, sizeof *r->ended);
        if (!r->ended) {
                finish(r);
                return;
        }
        r->restored = false;
        state_move(&r->phase, RESTORE_READING);
        for_each_partition(r, tail);
}

static void lock_done(struct gate_lock *op, const struct error *e)
{
        struct restore *r = op->base.data;
        bool heard = dispatcher_heard(r->dispatcher, &op->base, e);
        r->locking = false;
        if (!heard || r->failed || !op->taken) {
                fail(r);
                if (heard && op->ready)
                        dispatcher_set_ready(r->dispatcher, op->base.epoch);
                return;
        }
        if (r->phase.now == RESTORE_LOCKING)
                start_reading(r);
        else if (r->phase.now == RESTORE_READING)
                go_on(r);
}

static void start_lock(struct restore *r)
{
        struct error e;
        r->locked_at_ms = dispatcher_now_ms(r->dispatcher);
        r->lock = (struct gate_lock){.base.data = r, .done = lock_done, .owner = r->dispatcher->options.config->dispatcher_id};
        r->locking = gate_lock_start(r->dispatcher->options.gate, &r->lock, &e) == 0;
        if (!r->locking)
                fail(r);
}

void restore_tick(struct restore *r)
{
        struct dispatcher *d = r->dispatcher;
        uint64_t now_ms = dispatcher_now_ms(d);
        if (!d->connected || d->ready || d->stopping || r->failed)
                return;
        if (r->phase.now == RESTORE_IDLE && now_ms >= r->due_at_ms && !r->locking) {
                state_move(&r->phase, RESTORE_LOCKING);
                start_lock(r);
        } else if (r->phase.now == RESTORE_READING && !r->locking && now_ms - r->locked_at_ms >= LOCK_AGAIN_MS) {
                start_lock(r);
        }
}
