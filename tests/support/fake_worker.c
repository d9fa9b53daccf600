#include "tests/support/fake_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/result.h"

struct claim_op {
        struct gate_claim op;
        struct fake_worker *worker;
        uint64_t generation;
};

struct lease_op {
        struct gate_lease_op op;
        struct fake_worker *worker;
        uint64_t generation;
};

static uint64_t now(const struct fake_worker *w)
{
        return clock_boottime_ms(w->clock);
}

bool fake_worker_runs(const struct fake_worker *w)
{
        return w->phase == FAKE_WORKER_RUNNING && now(w) < w->dies_at_ms && now(w) < w->ends_at_ms;
}

static void be_free(struct fake_worker *w)
{
        w->phase = FAKE_WORKER_FREE;
        w->generation++;
        w->renewing = false;
        w->cancelled = false;
}

void fake_worker_kill(struct fake_worker *w)
{
        be_free(w);
}

static void copy_span(char *to, size_t size, struct span from)
{
        snprintf(to, size, "%.*s", (int)from.size, (const char *)from.data);
}

static void read_job(struct fake_worker *w, struct span record)
{
        struct error e;
        struct kafka_record stored;
        if (!record.size) {
                stored = fake_log_read(w->log, "brig.jobs", w->partition, w->offset);
                record = stored.value;
        }
        json_t *value = json_document_parse(record, &e);
        snprintf(w->code, sizeof w->code, "%s", json_string_value(json_object_get(value, "code")));
        json_decref(value);
}

static uint64_t run_ms(const struct fake_worker *w)
{
        const char *space = strchr(w->code, ' ');
        return space ? strtoull(space + 1, NULL, 10) : 100;
}

static void start_run(struct fake_worker *w, const struct gate_claim *op)
{
        copy_span(w->agent_id, sizeof w->agent_id, op->agent_id);
        copy_span(w->job_id, sizeof w->job_id, op->job_id);
        w->partition = op->partition;
        w->offset = op->offset;
        w->fence = op->fence;
        w->attempt = op->attempt;
        w->level = op->level;
        read_job(w, op->record);
        w->phase = FAKE_WORKER_RUNNING;
        w->ends_at_ms = now(w) + run_ms(w);
        w->renew_at_ms = now(w) + w->lease_ms / 3;
        w->dies_at_ms = w->renew_sent_ms + w->lease_ms * 8 / 10;
        w->claims++;
}

static void claim_done(struct gate_claim *op, const struct error *e)
{
        struct claim_op *claim = op->base.data;
        struct fake_worker *w = claim->worker;
        w->calls--;
        if (claim->generation == w->generation) {
                if (!e && op->found)
                        start_run(w, op);
                else
                        be_free(w);
                w->claim_at_ms = now(w) + (!e && op->wait_ms < 200 ? op->wait_ms : 200);
        }
        free(claim);
}

static void claim(struct fake_worker *w)
{
        struct error e;
        struct claim_op *claim = calloc(1, sizeof *claim);
        *claim = (struct claim_op){.op = {.base.data = claim,
                                          .done = claim_done,
                                          .worker = w->name,
                                          .risks = {true, true, true},
                                          .pools = w->pools,
                                          .pool_count = w->pool_count},
                                   .worker = w,
                                   .generation = w->generation};
        w->claim_at_ms = now(w) + 200;
        if (gate_claim_start(w->gate, &claim->op, &e) < 0) {
                free(claim);
                return;
        }
        w->renew_sent_ms = now(w);
        w->phase = FAKE_WORKER_CLAIMING;
        w->calls++;
}

static bool lease(struct fake_worker *w, int (*start)(struct gate *, struct gate_lease_op *, struct error *),
                  void (*done)(struct gate_lease_op *, const struct error *))
{
        struct error e;
        struct lease_op *lease = calloc(1, sizeof *lease);
        *lease = (struct lease_op){.op = {.base.data = lease,
                                          .done = done,
                                          .key = {w->agent_id, w->job_id},
                                          .fence = w->fence,
                                          .partition = w->partition,
                                          .offset = w->result,
                                          .started = false},
                                   .worker = w,
                                   .generation = w->generation};
        if (start(w->gate, &lease->op, &e) < 0) {
                free(lease);
                return false;
        }
        w->calls++;
        return true;
}

static void renewed(struct gate_lease_op *op, const struct error *e)
{
        struct lease_op *lease = op->base.data;
        struct fake_worker *w = lease->worker;
        w->calls--;
        if (lease->generation == w->generation) {
                w->renewing = false;
                if (!e && op->verdict == GATE_LEASE_OK)
                        w->dies_at_ms = w->renew_sent_ms + w->lease_ms * 8 / 10;
                if (!e && op->verdict == GATE_LEASE_CANCEL)
                        w->cancelled = true;
                if (!e && op->verdict == GATE_LEASE_LOST) {
                        w->lost++;
                        be_free(w);
                }
        }
        free(lease);
}

static void renew(struct fake_worker *w)
{
        if (w->renewing || now(w) < w->renew_at_ms)
                return;
        w->renew_at_ms = now(w) + w->lease_ms / 3;
        w->renew_sent_ms = now(w);
        w->renewing = lease(w, gate_renew_start, renewed);
}

static void describe(struct fake_worker *w, struct result *r)
{
        bool failed = strncmp(w->code, "fail", 4) == 0, attack = strncmp(w->code, "attack", 6) == 0;
        memcpy(r->job_id, w->job_id, sizeof r->job_id);
        r->agent_id = strdup(w->agent_id);
        r->status = w->cancelled ? STATUS_CANCELLED : attack ? STATUS_KILLED : failed ? STATUS_FAILED : STATUS_SUCCEEDED;
        r->termination.cause = w->cancelled ? CAUSE_CANCELLED : attack ? CAUSE_VIOLATION : CAUSE_EXIT;
        r->termination.code = failed;
        if (attack && !w->cancelled) {
                snprintf(r->termination.rule, sizeof r->termination.rule, "seccomp");
                result_add_violation(r, VIOLATION_ATTACK, "seccomp", "bpf", 1);
        }
        if (strncmp(w->code, "blocked", 7) == 0)
                result_add_violation(r, VIOLATION_POLICY, "module", "os", 1);
        r->has_risk = true;
        r->risk = w->level;
        r->cpu_ms = run_ms(w);
        r->attempt = w->attempt;
        r->fence = w->fence;
        r->started_at_ms = r->finished_at_ms = now(w);
}

static struct kafka_header header(const char *name, char *text, size_t size, uint64_t number)
{
        snprintf(text, size, "%llu", (unsigned long long)number);
        return (struct kafka_header){span_of(name), span_of(text)};
}

static void produce(struct fake_worker *w)
{
        char texts[4][24];
        struct result result = {0};
        struct bytes text = {0};
        describe(w, &result);
        json_t *value = result_to_json(&result);
        json_document_append(value, &text);
        struct kafka_header headers[] = {{span_of("job_id"), span_of(w->job_id)},
                                         header("fence", texts[0], sizeof texts[0], w->fence),
                                         header("attempt", texts[1], sizeof texts[1], w->attempt),
                                         header("req_partition", texts[2], sizeof texts[2], (uint64_t)w->partition),
                                         header("req_offset", texts[3], sizeof texts[3], (uint64_t)w->offset)};
        w->result = fake_log_append(w->log, "brig.results", w->partition, span_of(w->agent_id), bytes_span(&text), headers, 5,
                                    (int64_t)now(w), NULL);
        json_decref(value);
        bytes_deinit(&text);
        result_deinit(&result);
        w->finished++;
}

static void checked(struct gate_lease_op *op, const struct error *e)
{
        struct lease_op *lease = op->base.data;
        struct fake_worker *w = lease->worker;
        w->calls--;
        if (lease->generation == w->generation) {
                if (!e && op->verdict == GATE_LEASE_CANCEL)
                        w->cancelled = true;
                if (!e && op->verdict != GATE_LEASE_LOST)
                        w->phase = FAKE_WORKER_PRODUCING;
                else
                        be_free(w);
        }
        free(lease);
}

static void closed(struct gate_lease_op *op, const struct error *e)
{
        struct lease_op *lease = op->base.data;
        struct fake_worker *w = lease->worker;
        (void)e;
        w->calls--;
        if (lease->generation == w->generation)
                be_free(w);
        free(lease);
}

static void run(struct fake_worker *w)
{
        if (now(w) >= w->dies_at_ms) { /* the dead man's switch */
                w->lost++;
                be_free(w);
        } else if (w->silent_release) {
                w->silent_release = false;
                if (lease(w, gate_release_start, closed))
                        w->phase = FAKE_WORKER_COMPLETING;
        } else if (now(w) >= w->ends_at_ms || w->cancelled) {
                w->ends_at_ms = now(w);
                w->renew_sent_ms = now(w);
                if (lease(w, gate_renew_start, checked))
                        w->phase = FAKE_WORKER_CHECKING;
        } else {
                renew(w);
        }
}

void fake_worker_step(struct fake_worker *w)
{
        switch (w->phase) {
        case FAKE_WORKER_FREE:
                if (now(w) >= w->claim_at_ms)
                        claim(w);
                break;
        case FAKE_WORKER_RUNNING:
                run(w);
                break;
        case FAKE_WORKER_PRODUCING:
                produce(w);
                w->phase = FAKE_WORKER_COMPLETING;
                if (!lease(w, gate_complete_start, closed))
                        be_free(w);
                break;
        case FAKE_WORKER_CLAIMING:
        case FAKE_WORKER_CHECKING:
        case FAKE_WORKER_COMPLETING:
                break;
        }
}
