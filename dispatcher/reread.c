#include "dispatcher/reread.h"

#include <stdlib.h>
#include <string.h>

#include "dispatcher/admission.h"
#include "dispatcher/burial.h"
#include "dispatcher/dispatcher.h"

enum {
        CASUALTIES_MAX = 1024,
        SKIP_MAX = 1000,        /* records between two wanted ones that are read rather than passed over by a new start */
        LOST_ASKS_MIN = 8,      /* a job asked for less often may merely be old: its dispatcher was away */
        PATIENCE_MS = 10 * 1000 /* without a record the reading begins anew */
};

void reread_init(struct reread *r)
{
        *r = (struct reread){0};
        list_init(&r->casualties);
}

static void casualty_free(struct reread *r, struct casualty *casualty)
{
        list_remove(&casualty->link);
        r->casualty_count--;
        free(casualty);
}

static void stop_reading(struct partition *p)
{
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        if (p->reread.reading)
                ports->untail(ports->data, STREAM_REREAD, p->number);
        p->reread.reading = false;
}

void reread_reset(struct partition *p)
{
        stop_reading(p);
        list_for_each (link, &p->reread.casualties)
                casualty_free(&p->reread, list_entry(link, struct casualty, link));
}

static struct casualty *casualty_at(const struct reread *r, int64_t offset)
{
        list_for_each (link, &r->casualties) {
                struct casualty *casualty = list_entry(link, struct casualty, link);
                if (casualty->offset == offset)
                        return casualty;
        }
        return NULL;
}

static struct casualty *casualty_new(const struct gate_dead *dead)
{
        struct casualty *casualty = calloc(1, sizeof *casualty + dead->agent_id.size + 1);
        if (!casualty)
                return NULL;
        casualty->offset = dead->offset;
        casualty->reason = dead->reason;
        casualty->attempt = dead->attempt;
        size_t job_size = dead->job_id.size < UUID_TEXT_SIZE ? dead->job_id.size : UUID_TEXT_SIZE - 1;
        size_t pool_size = utf8_cut(dead->pool, dead->pool.size < sizeof casualty->pool ? dead->pool.size : sizeof casualty->pool - 1);
        memcpy(casualty->job_id, dead->job_id.data, job_size);
        if (pool_size)
                memcpy(casualty->pool, dead->pool.data, pool_size);
        memcpy(casualty->agent_id, dead->agent_id.data, dead->agent_id.size);
        return casualty;
}

/* Its terminal record is on its way already, by this dispatcher. */
static bool buried(const struct partition *p, int64_t offset)
{
        return partition_owned(p) && ledger_is_ending(&p->ledger, offset);
}

void reread_bury(struct partition *p, const struct gate_dead *dead)
{
        struct reread *r = &p->reread;
        if (r->casualty_count >= CASUALTIES_MAX || casualty_at(r, dead->offset) || buried(p, dead->offset))
                return;
        struct casualty *casualty = casualty_new(dead);
        if (!casualty)
                return;
        list_append(&r->casualties, &casualty->link);
        r->casualty_count++;
        p->dispatcher->counters.dead++;
}

/* The first record at or after `from` that is wanted; -1: none. */
static int64_t wanted(const struct partition *p, int64_t from)
{
        int64_t first = partition_admitting(p) ? ledger_due(&p->ledger, from, dispatcher_now_s(p->dispatcher)) : -1;
        list_for_each (link, &p->reread.casualties) {
                int64_t offset = list_entry(link, struct casualty, link)->offset;
                if (offset >= from && (first < 0 || offset < first))
                        first = offset;
        }
        return first;
}

static void read_from(struct partition *p, int64_t offset)
{
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        p->reread.reading = true;
        p->reread.next = offset;
        p->reread.heard_at_ms = dispatcher_now_ms(p->dispatcher);
        ports->tail(ports->data, STREAM_REREAD, p->number, offset);
}

/* 0, or -1: no memory, and the casualty stays. */
static int bury(struct partition *p, struct casualty *casualty, const struct kafka_record *record)
{
        if (burial_of_casualty(p, casualty, record) < 0)
                return -1;
        ledger_set_ending(&p->ledger, casualty->offset);
        casualty_free(&p->reread, casualty);
        return 0;
}

/* Kafka holds the record no more: nobody can run it, or say whose it was. */
static void forget(struct partition *p, int64_t offset)
{
        ledger_finish(&p->ledger, offset, LEDGER_NO_RESULT);
        p->dispatcher->counters.lost++;
        alert_raise(p->dispatcher, "job.lost", NULL, "record %lld of partition %d was deleted before its job ended; lengthen the retention",
                    (long long)offset, p->number);
}

static void pass_over(struct partition *p, int64_t end)
{
        for (int64_t k = wanted(p, p->reread.next); k >= 0 && k < end; k = wanted(p, k + 1)) {
                struct casualty *casualty = casualty_at(&p->reread, k);
                if (casualty)
                        bury(p, casualty, NULL);
                else
                        forget(p, k);
        }
        p->reread.next = end;
}

static bool is_lost(const struct partition *p, const struct kafka_record *record)
{
        const struct config *config = p->dispatcher->options.config;
        uint64_t life_ms = config->dedupe_ms + config->attempts_max * (config->maximum.timeout_ms + 2 * config->lease_ms);
        uint64_t now_ms = clock_realtime_ms(p->dispatcher->options.clock);
        bool old = record->timestamp_ms > 0 && (uint64_t)record->timestamp_ms + life_ms < now_ms;
        return old && ledger_asks(&p->ledger, record->offset) >= LOST_ASKS_MIN;
}

static void ask_again(struct partition *p, const struct kafka_record *record)
{
        p->dispatcher->counters.asked_again++;
        if (is_lost(p, record) && burial_of_lost(p, record) == 0)
                ledger_set_ending(&p->ledger, record->offset);
        else
                admission_start(p, record);
}

static void go_on(struct partition *p)
{
        int64_t offset = wanted(p, p->reread.next);
        if (offset < 0)
                stop_reading(p);
        else if (offset > p->reread.next + SKIP_MAX)
                read_from(p, offset);
}

bool reread_record(struct partition *p, const struct kafka_record *record)
{
        struct reread *r = &p->reread;
        if (!r->reading || record->offset < r->next)
                return true;
        r->heard_at_ms = dispatcher_now_ms(p->dispatcher);
        pass_over(p, record->offset);
        if (p->admissions >= PARTITION_ADMISSIONS_MAX || p->dispatcher->outbox.count >= DISPATCHER_OUTBOX_MAX)
                return false;
        struct casualty *casualty = casualty_at(r, record->offset);
        if (casualty)
                bury(p, casualty, record);
        else if (wanted(p, record->offset) == record->offset)
                ask_again(p, record);
        r->next = record->offset + 1;
        go_on(p);
        return true;
}

void reread_end(struct partition *p, int64_t offset)
{
        if (!p->reread.reading || offset < p->reread.next)
                return;
        pass_over(p, offset);
        stop_reading(p);
}

void reread_tick(struct partition *p)
{
        struct reread *r = &p->reread;
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        if (r->reading && dispatcher_now_ms(p->dispatcher) - r->heard_at_ms > PATIENCE_MS)
                stop_reading(p);
        if (r->reading) {
                ports->release(ports->data, STREAM_REREAD, p->number);
                return;
        }
        int64_t offset = wanted(p, 0);
        if (offset >= 0)
                read_from(p, offset);
}
