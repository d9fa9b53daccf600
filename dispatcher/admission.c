#include "dispatcher/admission.h"

#include <stdlib.h>
#include <string.h>

#include "dispatcher/demand.h"
#include "dispatcher/dispatcher.h"
#include "dispatcher/ending.h"
#include "dispatcher/intake.h"

struct admission {
        struct gate_admit op;
        struct partition *partition;
        uint64_t generation;
        json_t *metadata;
        char job_id[UUID_TEXT_SIZE];
        char agent_id[]; /* NUL-terminated */
};

enum { ASK_DOUBLINGS_MAX = 4 };

/* After a lease, then after twice as long each time, up to 16 leases. */
static uint32_t ask_at_s(const struct partition *p, int64_t offset)
{
        unsigned asks = ledger_asks(&p->ledger, offset);
        uint64_t lease_ms = p->dispatcher->options.config->lease_ms;
        uint64_t wait_ms = lease_ms << (asks < ASK_DOUBLINGS_MAX ? asks : ASK_DOUBLINGS_MAX);
        return (uint32_t)((dispatcher_now_ms(p->dispatcher) + wait_ms) / 1000 + 1);
}

static void admitted(struct partition *p, int64_t offset)
{
        ledger_admit(&p->ledger, offset, ask_at_s(p, offset));
}

/* Its outcome is unknown, or there was no memory: asked for again at the next occasion. */
static void ask_soon(struct partition *p, int64_t offset)
{
        ledger_admit(&p->ledger, offset, dispatcher_now_s(p->dispatcher) + 1);
}

static void nobodys_acknowledged(struct letter *letter, int64_t offset)
{
        struct partition *p = letter->owner;
        (void)offset;
        if (letter->generation != p->generation)
                return;
        ledger_finish(&p->ledger, letter->subject, LEDGER_NO_RESULT);
}

/* Nobody can be answered: the entry ends once the dead letter is safe. */
static void nobodys(struct partition *p, const struct kafka_record *record)
{
        struct letter *letter = ending_dead_letter(p->dispatcher, record, "invalid");
        if (!letter) {
                ask_soon(p, record->offset);
                return;
        }
        letter->owner = p;
        letter->generation = p->generation;
        letter->subject = record->offset;
        letter->done = nobodys_acknowledged;
        ledger_set_ending(&p->ledger, record->offset);
        alert_count(p->dispatcher, 1);
        outbox_post_take(&p->dispatcher->outbox, letter);
}

static void refused(struct partition *p, const struct kafka_record *record, const struct intake *intake)
{
        struct dispatcher *d = p->dispatcher;
        struct letter *dead = intake->dead_letter ? ending_dead_letter(d, record, "invalid") : NULL;
        struct ending ending = {p->number, record->offset, intake->agent_id, intake->job_id, intake->job.metadata, 0};
        if ((intake->dead_letter && !dead) || ending_reject(d, &ending, &intake->rejection, dead) < 0) {
                ask_soon(p, record->offset);
                return;
        }
        ledger_set_ending(&p->ledger, record->offset);
        alert_count(d, intake->dead_letter);
}

static void done_already(struct partition *p, const struct gate_admit *op)
{
        if (op->done_partition != p->number)
                ledger_finish(&p->ledger, op->offset, LEDGER_NO_RESULT);
        else if (op->done_offset < p->settlements.settled)
                ledger_finish(&p->ledger, op->offset, op->done_offset);
        else
                admitted(p, op->offset); /* ends when the replay gets there */
}

static struct ending ending_of(const struct admission *a)
{
        return (struct ending){a->partition->number, a->op.offset, a->agent_id, a->job_id, a->metadata, 0};
}

static void rejected(struct partition *p, const struct admission *a)
{
        struct ending ending = ending_of(a);
        if (ending_reject(p->dispatcher, &ending, &a->op.rejection, NULL) < 0)
                ask_soon(p, a->op.offset);
        else
                ledger_set_ending(&p->ledger, a->op.offset);
}

static void cancelled(struct partition *p, const struct admission *a)
{
        struct ending ending = ending_of(a);
        if (ending_end(p->dispatcher, &ending, STATUS_CANCELLED, CAUSE_CANCELLED, NULL, NULL) < 0)
                ask_soon(p, a->op.offset);
        else
                ledger_set_ending(&p->ledger, a->op.offset);
}

static void answered(struct partition *p, const struct admission *a)
{
        p->dispatcher->counters.admissions[a->op.verdict]++;
        switch (a->op.verdict) {
        case GATE_QUEUED:
        case GATE_DEFERRED:
        case GATE_KNOWN:
                admitted(p, a->op.offset);
                break;
        case GATE_DONE:
                done_already(p, &a->op);
                break;
        case GATE_REJECTED:
                rejected(p, a);
                break;
        case GATE_CANCELLED:
                cancelled(p, a);
                break;
        }
}

static void admission_free(struct admission *a)
{
        json_decref(a->metadata);
        free(a);
}

static void admit_done(struct gate_admit *op, const struct error *e)
{
        struct admission *a = op->base.data;
        struct partition *p = a->partition;
        bool heard = dispatcher_heard(p->dispatcher, &op->base, e);
        if (a->generation == p->generation) {
                p->admissions--;
                if (heard)
                        answered(p, a);
                else
                        ask_soon(p, op->offset);
                partition_release(p);
        }
        admission_free(a);
}

static struct admission *admission_new(struct partition *p, int64_t offset, const struct job *job)
{
        size_t size = strlen(job->agent_id) + 1;
        struct admission *a = calloc(1, sizeof *a + size);
        if (!a)
                return NULL;
        memcpy(a->agent_id, job->agent_id, size);
        memcpy(a->job_id, job->job_id, sizeof a->job_id);
        a->metadata = json_incref(job->metadata);
        a->partition = p;
        a->generation = p->generation;
        a->op.base.data = a;
        a->op.done = admit_done;
        a->op.key = (struct gate_job_key){a->agent_id, a->job_id};
        a->op.partition = p->number;
        a->op.offset = offset;
        return a;
}

static int admit(struct partition *p, struct admission *a, const struct demand *demand, struct span record)
{
        struct error e;
        a->op.record = record;
        a->op.risk = demand->risk;
        a->op.pool = demand->pool;
        memcpy(a->op.cpu_reserve_ms, demand->cpu_reserve_ms, sizeof a->op.cpu_reserve_ms);
        a->op.expires_at_ms = demand->expires_at_ms;
        a->op.defer = demand->defer;
        return gate_admit_start(p->dispatcher->options.gate, &a->op, &e);
}

static void admit_job(struct partition *p, const struct kafka_record *record, const struct job *job)
{
        struct demand demand;
        const struct dispatcher_options *options = &p->dispatcher->options;
        uint64_t enqueued_ms = record->timestamp_ms > 0 ? (uint64_t)record->timestamp_ms : 0;
        struct admission *a = admission_new(p, record->offset, job);
        demand_of(&demand, options->config, options->analysis, job, enqueued_ms, clock_realtime_ms(options->clock));
        if (a && admit(p, a, &demand, record->value) == 0) {
                p->admissions++;
                return;
        }
        if (a)
                admission_free(a);
        ask_soon(p, record->offset);
}

void admission_start(struct partition *p, const struct kafka_record *record)
{
        struct intake intake;
        enum intake_verdict verdict = intake_open(&intake, p->dispatcher->options.config, record);
        if (verdict == INTAKE_JOB || verdict == INTAKE_REFUSED)
                ledger_name(&p->ledger, record->offset, ledger_key_of(span_of(intake.agent_id), span_of(intake.job_id)));
        p->dispatcher->counters.jobs_refused += verdict == INTAKE_REFUSED || verdict == INTAKE_NOBODYS;
        switch (verdict) {
        case INTAKE_JOB:
                admit_job(p, record, &intake.job);
                break;
        case INTAKE_REFUSED:
                refused(p, record, &intake);
                break;
        case INTAKE_NOBODYS:
                nobodys(p, record);
                break;
        case INTAKE_AGAIN:
                ask_soon(p, record->offset);
                break;
        }
        intake_close(&intake);
}
