#include "common/transport/gate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/transport/gate_call.h"

static int policy_append(struct bytes *policy, const struct config *config)
{
        const struct config_trust *trust = &config->trust;
        int failed = bytes_append_format(policy, "lease_ms=%" PRIu64 " attempts_max=%" PRIu64 " dedupe_ms=%" PRIu64 " expires_ms=%" PRIu64,
                                         config->lease_ms, config->attempts_max, config->dedupe_ms, config->expires_default_ms);
        failed |= bytes_append_format(policy, " global_concurrent=%" PRIu64 " global_executions=%" PRIu64, config->global_concurrent,
                                      config->global_executions_per_hour);
        failed |= bytes_append_format(policy, " agent_concurrent=%" PRIu64 " unfinished_max=%" PRIu64 " run_max_ms=%" PRIu64,
                                      config->agent_concurrent_max, config->agent_unfinished_max, config->maximum.timeout_ms);
        failed |= bytes_append_format(policy, " trust_initial=%" PRIu64 " trust_succeeded=%" PRIu64 " trust_failed=%" PRIu64,
                                      trust->initial, trust->succeeded, trust->failed);
        failed |= bytes_append_format(policy, " low_at=%" PRIu64 " medium_at=%" PRIu64, trust->low_at, trust->medium_at);
        failed |= bytes_append_format(policy, " quarantine_violations=%" PRIu64 " quarantine_window_ms=%" PRIu64,
                                      trust->quarantine_violations, trust->quarantine_window_ms);
        for (int i = 0; i < RISK_COUNT; i++)
                failed |= bytes_append_format(policy, " executions_%d=%" PRIu64 " cpu_ms_%d=%" PRIu64, i,
                                              config->rates[i].executions_per_hour, i, config->rates[i].cpu_ms_per_hour);
        return failed;
}

int gate_init(struct gate *gate, struct redis_port *port, const struct config *config, struct error *e)
{
        struct bytes tag = {0}, policy = {0};
        int failed = bytes_append_format(&tag, "{%s}", config->redis_tag) | policy_append(&policy, config);
        *gate = (struct gate){.port = port, .tag = bytes_take(&tag), .policy = bytes_take(&policy)};
        if (!failed)
                return 0;
        gate_deinit(gate);
        return error_set(e, ERROR_MEMORY, "the gate's policy");
}

void gate_deinit(struct gate *gate)
{
        free(gate->tag);
        free(gate->policy);
        gate->tag = gate->policy = NULL;
}

/* admit */

static void read_rejection(struct gate_reader *r, struct rejection *rejection)
{
        char reason[32];
        gate_reader_text(r, reason, sizeof reason);
        *rejection = (struct rejection){.reason = rejection_reason_parse(reason)};
        gate_reader_text(r, rejection->limit, sizeof rejection->limit);
        gate_reader_text(r, rejection->value, sizeof rejection->value);
        gate_reader_text(r, rejection->observed, sizeof rejection->observed);
        rejection->retry_after_ms = gate_reader_u64(r, UINT64_MAX);
        r->failed |= rejection->reason == REJECTION_NONE;
}

static void rejection_explain(struct rejection *r)
{
        if (r->reason == REJECTION_QUARANTINED)
                snprintf(r->message, sizeof r->message, "the agent is in quarantine until an operator lifts it");
        else if (r->reason == REJECTION_EXPIRED)
                snprintf(r->message, sizeof r->message, "expires_at had passed before the job was admitted");
        else
                snprintf(r->message, sizeof r->message, "limit %s of %s is reached: %s", r->limit, r->value, r->observed);
}

static void admit_read(struct gate_admit *op, struct gate_reader *r)
{
        switch (op->verdict) {
        case GATE_QUEUED:
        case GATE_DEFERRED:
                op->level = (enum risk)gate_reader_u64(r, RISK_COUNT - 1);
                break;
        case GATE_DONE:
                op->done_partition = (int32_t)gate_reader_u64(r, INT32_MAX);
                op->done_offset = gate_reader_i64(r);
                break;
        case GATE_REJECTED:
                read_rejection(r, &op->rejection);
                rejection_explain(&op->rejection);
                break;
        case GATE_KNOWN:
        case GATE_CANCELLED:
                break;
        }
}

static void admit_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_admit *op = list_entry(call, struct gate_admit, base.call);
        struct gate_reader r;
        struct error e;
        unsigned verdict;
        int failed = gate_reader_open(&r, &op->base, reply, sent,
                                      GATE_VERDICTS("QUEUED", "DEFERRED", "KNOWN", "DONE", "REJECTED", "CANCELLED"), &verdict, &e);
        if (!failed) {
                op->verdict = (enum gate_admission)verdict;
                admit_read(op, &r);
                failed = gate_reader_close(&r, &op->base, &e);
        }
        op->done(op, failed ? &e : NULL);
}

int gate_admit_start(struct gate *gate, struct gate_admit *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_admit");
        gate_arguments_add_key(&a, &op->key);
        gate_arguments_add_i64(&a, op->partition);
        gate_arguments_add_i64(&a, op->offset);
        gate_arguments_add_u64(&a, op->risk);
        gate_arguments_add_text(&a, op->pool);
        for (int i = 0; i < RISK_COUNT; i++)
                gate_arguments_add_u64(&a, op->cpu_reserve_ms[i]);
        gate_arguments_add_u64(&a, op->expires_at_ms);
        gate_arguments_add_u64(&a, op->defer);
        gate_arguments_add(&a, op->record.size > GATE_PAYLOAD_MAX ? (struct span){NULL, 0} : op->record);
        return gate_call_start(gate, &op->base, admit_done, &a, e);
}

/* claim */

static void claim_read(struct gate_claim *op, struct gate_reader *r)
{
        if (!op->found) {
                op->wait_ms = gate_reader_u64(r, UINT64_MAX);
                return;
        }
        op->agent_id = gate_reader_span(r);
        op->job_id = gate_reader_span(r);
        op->partition = (int32_t)gate_reader_u64(r, INT32_MAX);
        op->offset = gate_reader_i64(r);
        op->level = (enum risk)gate_reader_u64(r, RISK_COUNT - 1);
        op->fence = gate_reader_u64(r, UINT64_MAX);
        op->attempt = (uint32_t)gate_reader_u64(r, UINT32_MAX);
        op->queued_ms = gate_reader_u64(r, UINT64_MAX);
        op->record = gate_reader_span(r);
}

static void claim_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_claim *op = list_entry(call, struct gate_claim, base.call);
        struct gate_reader r;
        struct error e;
        unsigned verdict;
        int failed = gate_reader_open(&r, &op->base, reply, sent, GATE_VERDICTS("NONE", "JOB"), &verdict, &e);
        if (!failed) {
                op->found = verdict == 1;
                claim_read(op, &r);
                failed = gate_reader_close(&r, &op->base, &e);
        }
        op->found = op->found && !failed;
        op->done(op, failed ? &e : NULL);
}

int gate_claim_start(struct gate *gate, struct gate_claim *op, struct error *e)
{
        char levels[RISK_COUNT + 1] = "";
        size_t count = 0;
        for (int i = 0; i < RISK_COUNT; i++) {
                if (op->risks[i])
                        levels[count++] = (char)('0' + i);
        }
        struct gate_arguments a = gate_arguments_begin(gate, "brig_claim");
        gate_arguments_add_text(&a, op->worker);
        gate_arguments_add_text(&a, levels);
        for (size_t i = 0; i < op->pool_count; i++)
                gate_arguments_add_text(&a, op->pools[i]);
        op->found = false;
        return gate_call_start(gate, &op->base, claim_done, &a, e);
}

/* renew, complete, release */

static void lease_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_lease_op *op = list_entry(call, struct gate_lease_op, base.call);
        struct error e;
        unsigned verdict = GATE_LEASE_LOST;
        int failed = gate_read_verdict(&op->base, reply, sent, GATE_VERDICTS("OK", "CANCEL", "LOST"), &verdict, &e);
        op->verdict = failed ? GATE_LEASE_LOST : (enum gate_lease)verdict;
        op->done(op, failed ? &e : NULL);
}

static struct gate_arguments lease_arguments(const struct gate *gate, const struct gate_lease_op *op, const char *function)
{
        struct gate_arguments a = gate_arguments_begin(gate, function);
        gate_arguments_add_key(&a, &op->key);
        gate_arguments_add_u64(&a, op->fence);
        return a;
}

int gate_renew_start(struct gate *gate, struct gate_lease_op *op, struct error *e)
{
        struct gate_arguments a = lease_arguments(gate, op, "brig_renew");
        return gate_call_start(gate, &op->base, lease_done, &a, e);
}

int gate_complete_start(struct gate *gate, struct gate_lease_op *op, struct error *e)
{
        struct gate_arguments a = lease_arguments(gate, op, "brig_complete");
        gate_arguments_add_i64(&a, op->partition);
        gate_arguments_add_i64(&a, op->offset);
        return gate_call_start(gate, &op->base, lease_done, &a, e);
}

int gate_release_start(struct gate *gate, struct gate_lease_op *op, struct error *e)
{
        struct gate_arguments a = lease_arguments(gate, op, "brig_release");
        gate_arguments_add_u64(&a, op->started);
        return gate_call_start(gate, &op->base, lease_done, &a, e);
}

/* reap */

static void reap_read(struct gate_reap *op, struct gate_reader *r, struct gate_dead *dead)
{
        static const char *const reasons[] = {"attempts", "expired", "cancelled", "quarantined"};
        enum { REASONS = sizeof reasons / sizeof *reasons };
        for (size_t i = 0; i < op->dead_count; i++) {
                struct gate_dead *d = &dead[i];
                d->agent_id = gate_reader_span(r);
                d->job_id = gate_reader_span(r);
                d->partition = (int32_t)gate_reader_u64(r, INT32_MAX);
                d->offset = gate_reader_i64(r);
                struct span reason = gate_reader_span(r);
                unsigned n = 0;
                while (n < REASONS && !span_equal(reason, span_of(reasons[n])))
                        n++;
                r->failed |= n == REASONS;
                d->reason = (enum gate_dead_reason)n;
                d->attempt = (uint32_t)gate_reader_u64(r, UINT32_MAX);
                d->pool = gate_reader_span(r);
        }
}

enum { DEAD_FIELDS = 7 };

static int reap_open(struct gate_reap *op, struct gate_reader *r, struct gate_dead **ret_dead, struct error *e)
{
        op->queued = gate_reader_u64(r, UINT64_MAX);
        op->deferred = gate_reader_u64(r, UINT64_MAX);
        op->leased = gate_reader_u64(r, UINT64_MAX);
        op->dead_count = r->count / DEAD_FIELDS;
        *ret_dead = calloc(op->dead_count + 1, sizeof **ret_dead);
        op->dead = *ret_dead;
        return *ret_dead ? 0 : error_set(e, ERROR_MEMORY, "list of dead jobs");
}

static void reap_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_reap *op = list_entry(call, struct gate_reap, base.call);
        struct gate_dead *dead = NULL;
        struct gate_reader r;
        struct error e;
        unsigned verdict;
        int failed = gate_reader_open(&r, &op->base, reply, sent, GATE_VERDICTS("OK"), &verdict, &e) || reap_open(op, &r, &dead, &e);
        if (!failed) {
                reap_read(op, &r, dead);
                failed = gate_reader_close(&r, &op->base, &e);
        }
        op->dead_count = failed ? 0 : op->dead_count;
        op->done(op, failed ? &e : NULL);
        free(dead);
}

int gate_reap_start(struct gate *gate, struct gate_reap *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_reap");
        gate_arguments_add_u64(&a, op->limit);
        return gate_call_start(gate, &op->base, reap_done, &a, e);
}

/* cancel */

static void cancel_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_cancel *op = list_entry(call, struct gate_cancel, base.call);
        struct error e;
        unsigned verdict = 0;
        int failed = gate_read_verdict(&op->base, reply, sent, GATE_VERDICTS("CANCELLED", "CANCELLING", "DONE", "NOTED"), &verdict, &e);
        op->verdict = (enum gate_cancellation)verdict;
        op->done(op, failed ? &e : NULL);
}

int gate_cancel_start(struct gate *gate, struct gate_cancel *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_cancel");
        gate_arguments_add_key(&a, &op->key);
        return gate_call_start(gate, &op->base, cancel_done, &a, e);
}
