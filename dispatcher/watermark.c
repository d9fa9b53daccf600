#include "dispatcher/watermark.h"

#include <stdlib.h>

#include "dispatcher/dispatcher.h"

enum { COMMIT_INTERVAL_MS = 1000, COMMIT_ANSWER_MS = 30 * 1000 };

void watermark_deinit(struct watermark *w)
{
        json_decref(w->changed);
        w->changed = NULL;
}

void watermark_reset(struct watermark *w, int64_t replay_from)
{
        size_t pending = w->pending;
        watermark_deinit(w);
        *w = (struct watermark){.pending = pending, .limit = replay_from, .snapshotted = replay_from};
}

int watermark_add(struct watermark *w, const struct gate_agent *agent)
{
        if (!w->changed && !(w->changed = json_object()))
                return -1;
        return json_object_set_new(w->changed, agent->agent_id, gate_agent_to_json(agent));
}

/* Whether a commit of everything settled before `limit` would say something new. */
static bool reached(const struct partition *p, int64_t limit, int64_t *ret_offset, int64_t *ret_replay)
{
        ledger_watermark(&p->ledger, limit, ret_offset, ret_replay);
        return *ret_offset != p->committed || *ret_replay != p->replay_from;
}

bool watermark_reached(const struct partition *p, int64_t *ret_offset, int64_t *ret_replay)
{
        return reached(p, p->watermark.snapshotted, ret_offset, ret_replay);
}

static void commit(struct partition *p)
{
        struct error e;
        struct watermark *w = &p->watermark;
        const struct dispatcher *d = p->dispatcher;
        char metadata[PARTITION_METADATA_SIZE];
        if (w->committing || !watermark_reached(p, &w->commit_offset, &w->commit_replay))
                return;
        partition_metadata(w->commit_replay, metadata);
        w->commit_sent_ms = dispatcher_now_ms(d);
        w->committing = d->options.ports->commit(d->options.ports->data, STREAM_JOBS, p->number, w->commit_offset, metadata, &e) == 0;
}

struct confirmation {
        struct gate_agent_op op;
        struct partition *partition;
        uint64_t generation;
};

static void confirmed(struct gate_agent_op *op, const struct error *e)
{
        struct confirmation *confirmation = op->base.data;
        struct partition *p = confirmation->partition;
        bool heard = dispatcher_heard(p->dispatcher, &op->base, e);
        if (confirmation->generation == p->generation) {
                p->watermark.confirming = false;
                if (heard) {
                        p->watermark.snapshotted = p->watermark.limit;
                        commit(p);
                }
        }
        free(confirmation);
}

/* Any call will do that changes nothing: the gate insists on the epoch. */
static void flushed(struct partition *p)
{
        struct error e;
        const struct dispatcher *d = p->dispatcher;
        p->watermark.flushing = false;
        struct confirmation *confirmation = calloc(1, sizeof *confirmation);
        if (!confirmation)
                return;
        confirmation->partition = p;
        confirmation->generation = p->generation;
        confirmation->op =
                        (struct gate_agent_op){.base.data = confirmation, .done = confirmed, .agent_id = d->options.config->dispatcher_id};
        p->watermark.confirming = d->ready && gate_agent_get_start(d->options.gate, &confirmation->op, &e) == 0;
        if (!p->watermark.confirming)
                free(confirmation);
}

static void snapshot_acknowledged(struct letter *letter, int64_t offset)
{
        struct partition *p = letter->owner;
        struct watermark *w = &p->watermark;
        (void)offset;
        w->pending--;
        p->dispatcher->counters.snapshots++;
        if (!w->pending && w->flushing)
                flushed(p);
}

/* The key names the writer too: a late former owner overwrites its own snapshots only. */
static struct letter *snapshot_letter(const struct dispatcher *d, const char *agent_id, const json_t *agent)
{
        struct bytes key = {0};
        struct letter *letter = NULL;
        if (bytes_append_format(&key, "%s|%s", agent_id, d->options.config->dispatcher_id) == 0)
                letter = letter_new(d->topics.agents, -1, "brig.agent", bytes_span(&key), agent);
        bytes_deinit(&key);
        return letter;
}

int watermark_publish(struct dispatcher *d, const struct gate_agent *agent)
{
        json_t *value = gate_agent_to_json(agent);
        struct letter *letter = value ? snapshot_letter(d, agent->agent_id, value) : NULL;
        json_decref(value);
        if (!letter)
                return -1;
        outbox_post_take(&d->outbox, letter);
        return 0;
}

/* False: no memory; the rest waits for the next time. */
static bool flush_agent(struct partition *p, const char *agent_id, const json_t *agent)
{
        struct letter *letter = snapshot_letter(p->dispatcher, agent_id, agent);
        if (!letter)
                return false;
        letter->owner = p;
        letter->done = snapshot_acknowledged;
        p->watermark.pending++;
        outbox_post_take(&p->dispatcher->outbox, letter);
        return true;
}

static bool flush_agents(struct partition *p)
{
        json_t *changed = p->watermark.changed;
        for (void *i = json_object_iter(changed); i; i = json_object_iter_next(changed, i))
                if (!flush_agent(p, json_object_iter_key(i), json_object_iter_value(i)))
                        return false;
        json_object_clear(changed);
        return true;
}

static void commit_failed(struct dispatcher *d, const struct error *e)
{
        d->counters.commit_failures++;
        log_error(d->options.log, LOG_WARNING, "commit failed", e, NULL);
}

/* A commit whose answer was lost stops nothing: the next one says the same and more. */
static void give_up_commit(struct partition *p, uint64_t now_ms)
{
        struct error e;
        struct watermark *w = &p->watermark;
        if (!w->committing || now_ms - w->commit_sent_ms < COMMIT_ANSWER_MS)
                return;
        w->committing = false;
        error_set(&e, ERROR_TIMEOUT, "no answer for partition %d within %d s", p->number, COMMIT_ANSWER_MS / 1000);
        commit_failed(p->dispatcher, &e);
}

void watermark_tick(struct partition *p)
{
        struct watermark *w = &p->watermark;
        int64_t offset, replay, settled = p->settlements.settled;
        uint64_t now_ms = dispatcher_now_ms(p->dispatcher);
        give_up_commit(p, now_ms);
        if (!partition_admitting(p) || w->pending || w->confirming || w->committing || now_ms < w->due_at_ms)
                return;
        w->due_at_ms = p->dispatcher->stopping ? now_ms : now_ms + COMMIT_INTERVAL_MS;
        if (!flush_agents(p))
                return;
        w->limit = settled;
        w->flushing = true;
        if (!w->pending && reached(p, settled, &offset, &replay))
                flushed(p);
}

void watermark_committed(struct partition *p, int64_t offset, const struct error *e)
{
        struct watermark *w = &p->watermark;
        struct dispatcher *d = p->dispatcher;
        if (!w->committing || offset != w->commit_offset)
                return;
        w->committing = false;
        if (e) {
                commit_failed(d, e);
                return;
        }
        d->counters.commits++;
        p->committed = w->commit_offset;
        p->replay_from = w->commit_replay;
        ledger_commit(&p->ledger, p->committed);
        partition_release(p);
}

bool watermark_quiet(const struct partition *p)
{
        int64_t offset, replay;
        const struct watermark *w = &p->watermark;
        if (p->phase.now != PHASE_ADMITTING)
                return true;
        if (w->pending || w->confirming || w->committing || json_object_size(w->changed))
                return false;
        return !p->dispatcher->ready || !reached(p, p->settlements.settled, &offset, &replay);
}
