#include "worker/assignment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TO(state) (1u << ASSIGNMENT_##state)

static const struct state assignment_states[] = {
                [ASSIGNMENT_CLAIMED] = {"claimed", TO(FETCHING) | TO(PARSED) | TO(FINISHED) | TO(RETURNING)},
                [ASSIGNMENT_FETCHING] = {"fetching", TO(PARSED) | TO(FINISHED) | TO(RETURNING) | TO(DONE)},
                [ASSIGNMENT_PARSED] = {"parsed", TO(RUNNING) | TO(FINISHED) | TO(RETURNING)},
                [ASSIGNMENT_RUNNING] = {"running", TO(FINISHED) | TO(RETURNING) | TO(DONE)},
                [ASSIGNMENT_FINISHED] = {"finished", TO(CONFIRMING)},
                [ASSIGNMENT_CONFIRMING] = {"confirming", TO(REPORTING) | TO(DONE)},
                [ASSIGNMENT_REPORTING] = {"reporting", TO(COMPLETING) | TO(RETURNING)},
                [ASSIGNMENT_COMPLETING] = {"completing", TO(DONE)},
                [ASSIGNMENT_RETURNING] = {"returning", TO(DONE)},
                [ASSIGNMENT_DONE] = {"done", 0},
};

static bool is_in(const struct assignment *a, enum assignment_state state)
{
        return a->state.now == state;
}

static void move(struct assignment *a, enum assignment_state state)
{
        state_move(&a->state, state);
        log_event(a->ports->log, LOG_DEBUG, "assignment", LOG_TEXT("state", state_name(&a->state)), LOG_TEXT("job_id", a->job_id),
                  LOG_TEXT("agent_id", a->agent_id), LOG_NUMBER("fence", a->lease.fence));
}

static void tell_error(const struct assignment *a, enum log_level level, const char *message, const struct error *e)
{
        log_error(a->ports->log, level, message, e,
                  (const struct log_field[]){LOG_TEXT("job_id", a->job_id),
                                             LOG_TEXT("agent_id", a->agent_id),
                                             LOG_NUMBER("attempt", a->attempt),
                                             LOG_NUMBER("fence", a->lease.fence),
                                             {0}});
}

static void lease_over(struct lease *lease)
{
        struct assignment *a = list_entry(lease, struct assignment, lease);
        move(a, ASSIGNMENT_DONE);
        a->done(a);
}

static void leave_slot(struct assignment *a, bool healthy)
{
        if (a->ran)
                a->ran(a, healthy);
        a->ran = NULL;
}

static void give_back(struct assignment *a)
{
        move(a, ASSIGNMENT_RETURNING);
        log_event(a->ports->log, LOG_INFO, "job given back", LOG_TEXT("job_id", a->job_id), LOG_TEXT("agent_id", a->agent_id),
                  LOG_NUMBER("attempt", a->attempt), LOG_NUMBER("started", a->started));
        lease_release(&a->lease, a->started);
}

/* ---- report ---- */

static void log_finished(const struct assignment *a)
{
        const struct result *r = &a->result;
        log_event(a->ports->log, LOG_INFO, "job finished", LOG_TEXT("job_id", a->job_id), LOG_TEXT("agent_id", a->agent_id),
                  LOG_TEXT("status", status_name(r->status)), LOG_TEXT("cause", cause_name(r->termination.cause)),
                  LOG_TEXT("risk_level", risk_name(a->risk)), LOG_NUMBER("duration_ms", r->duration_ms), LOG_NUMBER("attempt", a->attempt),
                  LOG_NUMBER("partition", a->origin.partition), LOG_NUMBER("offset", a->report.offset));
}

static void report_failed(struct assignment *a, const struct error *e);

static void report_done(struct report *report, int64_t offset, const struct error *e)
{
        struct assignment *a = report->data;
        if (e) {
                report_failed(a, e);
                return;
        }
        log_finished(a);
        move(a, ASSIGNMENT_COMPLETING);
        lease_complete(&a->lease, a->origin.partition, offset);
}

static void report_try(struct assignment *a)
{
        struct error e;
        if (report_start(&a->report, a->ports, &a->result, a->origin, report_done, a, &e) < 0)
                report_failed(a, &e);
}

/* A record that Kafka finds too large is tried once more without output; else another worker may have better luck. */
static void report_failed(struct assignment *a, const struct error *e)
{
        tell_error(a, LOG_ERROR, "result not published", e);
        if (e->code != ERROR_INVALID || a->trimmed || a->lost) {
                give_back(a);
                return;
        }
        a->trimmed = true;
        a->result.truncated = true;
        bytes_clear(&a->result.stdout_data);
        bytes_clear(&a->result.stderr_data);
        report_try(a);
}

static void confirmed(struct assignment *a)
{
        if (clock_boottime_ms(a->ports->clock) >= lease_deadline_ms(&a->lease)) {
                lease_renew(&a->lease); /* the answer came too late to leave time for a produce */
                return;
        }
        move(a, ASSIGNMENT_REPORTING);
        report_try(a);
}

/* ---- finish ---- */

/* What every record says of its job, whoever made it. */
static void stamp(const struct assignment *a, struct result *r)
{
        r->attempt = a->attempt;
        r->fence = a->lease.fence;
        r->queued_ms = a->queued_ms;
        if (!r->has_risk)
                r->risk = a->risk;
        r->has_risk = true;
        if (!r->worker[0])
                snprintf(r->worker, sizeof(r->worker), "%s", a->ports->config->worker_name);
        if (!r->finished_at_ms)
                r->finished_at_ms = clock_realtime_ms(a->ports->clock);
}

static void finish(struct assignment *a)
{
        move(a, ASSIGNMENT_FINISHED);
        stamp(a, &a->result);
        if (a->ports->keep_traces && a->result.started_at_ms)
                a->ports->keep_traces(a->ports->keep_traces_data, &a->job, a->risk, &a->result);
        move(a, ASSIGNMENT_CONFIRMING);
        lease_renew(&a->lease); /* one that is on its way serves as well: its OK comes after the end */
        leave_slot(a, true);
}

/* A record for a job that did not run to an end of its own. */
static void finish_as(struct assignment *a, enum status status, enum cause cause, const char *reason)
{
        if (result_init_ended(&a->result, a->job_id, a->agent_id, status, cause, reason, a->job.metadata) < 0) {
                leave_slot(a, true);
                give_back(a);
                return;
        }
        finish(a);
}

/* ---- run ---- */

static void run_started(struct sandbox_run *run)
{
        struct assignment *a = run->data;
        a->started = true;
}

static void run_ended_without_result(struct assignment *a, enum sandbox_outcome outcome, const struct error *e)
{
        a->started = outcome == SANDBOX_INTERRUPTED;
        if (a->cancelled && !a->lost) {
                finish_as(a, STATUS_CANCELLED, CAUSE_CANCELLED, NULL);
                return;
        }
        if (!a->lost && !a->abandoned)
                tell_error(a, LOG_WARNING, "run interrupted", e);
        leave_slot(a, a->lost || a->abandoned || a->started);
        if (a->lost)
                lease_quit(&a->lease);
        else
                give_back(a);
}

static void run_done(struct sandbox_run *run, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct assignment *a = run->data;
        if (outcome != SANDBOX_FINISHED || a->lost) {
                run_ended_without_result(a, outcome == SANDBOX_NOT_STARTED ? outcome : SANDBOX_INTERRUPTED, e);
                return;
        }
        a->result = *result;
        *result = (struct result){0};
        finish(a);
}

static const char *image_of(const struct assignment *a)
{
        const struct language *language = config_language(a->ports->config, a->job.language);
        return a->job.image ? a->job.image : language->image;
}

static void run(struct assignment *a)
{
        const struct ports *ports = a->ports;
        struct error e;
        ports->sandbox.want(ports->sandbox.sandbox, image_of(a), a->risk);
        a->run = (struct sandbox_run){.job = &a->job,
                                      .risk = a->risk,
                                      .findings = a->findings,
                                      .finding_count = a->finding_count,
                                      .attempt = a->attempt,
                                      .fence = a->lease.fence,
                                      .deadline_ms = lease_deadline_ms(&a->lease),
                                      .started = run_started,
                                      .done = run_done,
                                      .data = a};
        if (ports->sandbox.run_start(ports->sandbox.sandbox, &a->run, &e) == 0) {
                move(a, ASSIGNMENT_RUNNING);
                return;
        }
        tell_error(a, LOG_WARNING, "run not started", &e);
        leave_slot(a, false);
        give_back(a);
}

/* ---- record ---- */

static void prepare(struct assignment *a)
{
        struct job *job = &a->job;
        if (job->limits.output_bytes > a->ports->output_bytes_max)
                job->limits.output_bytes = a->ports->output_bytes_max;
        if (a->ports->analysis)
                analysis_run(a->ports->analysis, job, a->risk, &a->findings, &a->finding_count);
}

/* No reason: there was no memory, and another worker may have some. */
static void refused(struct assignment *a, const struct rejection *rejection)
{
        if (rejection->reason != REJECTION_NONE) {
                finish_as(a, STATUS_ERROR, CAUSE_INFRASTRUCTURE, rejection->message);
                return;
        }
        leave_slot(a, false);
        give_back(a);
}

/* What a dispatcher let pass is read here again: a disagreement is brig's own fault, and no record may be lost by it. */
static void parse(struct assignment *a, struct span record)
{
        struct job_bounds bounds = config_job_bounds(a->ports->config);
        struct rejection rejection = {0};
        char job_id[UUID_TEXT_SIZE];
        char agent_id[4 * JOB_AGENT_ID_MAX + 1];
        if (job_parse(record, &bounds, &a->job, &rejection, job_id, agent_id) < 0) {
                refused(a, &rejection);
                return;
        }
        if (strcmp(job_id, a->job_id) != 0 || strcmp(agent_id, a->agent_id) != 0) {
                finish_as(a, STATUS_ERROR, CAUSE_INFRASTRUCTURE, "another job lies at the offset of this one");
                return;
        }
        move(a, ASSIGNMENT_PARSED);
        prepare(a);
        if (a->cancelled)
                finish_as(a, STATUS_CANCELLED, CAUSE_CANCELLED, NULL);
        else
                run(a);
}

static void fetched(struct fetch *fetch, struct span value, const struct error *e)
{
        struct assignment *a = fetch->data;
        if (a->lost) {
                leave_slot(a, true);
                lease_quit(&a->lease);
        } else if (a->abandoned || (e && e->code != ERROR_NOT_FOUND)) {
                if (e)
                        tell_error(a, LOG_WARNING, "job record not fetched", e);
                leave_slot(a, !e);
                give_back(a);
        } else if (e) {
                finish_as(a, STATUS_ERROR, CAUSE_INFRASTRUCTURE, e->text);
        } else {
                parse(a, value);
        }
}

static void fetch(struct assignment *a)
{
        move(a, ASSIGNMENT_FETCHING);
        a->fetch = (struct fetch){.partition = a->origin.partition, .offset = a->origin.offset, .done = fetched, .data = a};
        a->ports->fetch.start(a->ports->fetch.fetcher, &a->fetch);
}

/* ---- lease ---- */

static void cancel_run(struct assignment *a, enum sandbox_cancel why)
{
        if (is_in(a, ASSIGNMENT_RUNNING))
                a->ports->sandbox.run_cancel(a->ports->sandbox.sandbox, &a->run, why);
}

static void lease_lost(struct lease *lease)
{
        struct assignment *a = list_entry(lease, struct assignment, lease);
        log_event(a->ports->log, LOG_WARNING, "lease lost", LOG_TEXT("job_id", a->job_id), LOG_TEXT("agent_id", a->agent_id),
                  LOG_NUMBER("fence", lease->fence), LOG_TEXT("state", state_name(&a->state)));
        a->lost = true;
        cancel_run(a, SANDBOX_CANCEL_LEASE);
        if (is_in(a, ASSIGNMENT_CONFIRMING))
                lease_quit(lease);
}

static void lease_held(struct lease *lease, bool cancel)
{
        struct assignment *a = list_entry(lease, struct assignment, lease);
        if (is_in(a, ASSIGNMENT_RUNNING))
                a->ports->sandbox.run_extend(a->ports->sandbox.sandbox, &a->run, lease_deadline_ms(lease));
        if (cancel && !a->cancelled)
                cancel_run(a, SANDBOX_CANCEL_REQUEST);
        a->cancelled |= cancel;
        if (is_in(a, ASSIGNMENT_CONFIRMING))
                confirmed(a);
}

/* ---- the owner's side ---- */

static char *text_of(struct span s)
{
        return strndup(s.data ? (const char *)s.data : "", s.size);
}

struct assignment *assignment_new(const struct ports *ports, const struct gate_claim *claim, uint64_t sent_ms,
                                  void (*ran)(struct assignment *assignment, bool healthy), void (*done)(struct assignment *assignment),
                                  void *data)
{
        struct assignment *a = calloc(1, sizeof(*a));
        if (!a)
                return NULL;
        *a = (struct assignment){.ports = ports, .ran = ran, .done = done, .data = data};
        list_init(&a->link);
        a->state = (struct state_machine){assignment_states, ASSIGNMENT_DONE + 1, ASSIGNMENT_CLAIMED};
        snprintf(a->job_id, sizeof(a->job_id), "%.*s", (int)claim->job_id.size, (const char *)claim->job_id.data);
        a->agent_id = text_of(claim->agent_id);
        a->origin = (struct report_origin){claim->partition, claim->offset};
        a->risk = claim->level;
        a->attempt = claim->attempt;
        a->queued_ms = claim->queued_ms;
        a->lease = (struct lease){.ports = ports,
                                  .key = {a->agent_id, a->job_id},
                                  .fence = claim->fence,
                                  .held = lease_held,
                                  .lost = lease_lost,
                                  .over = lease_over};
        lease_start(&a->lease, sent_ms);
        if (!a->agent_id || bytes_append(&a->record, claim->record.data, claim->record.size) < 0) {
                assignment_free(a);
                return NULL;
        }
        return a;
}

void assignment_free(struct assignment *a)
{
        if (!a)
                return;
        list_remove(&a->link);
        alarm_stop(&a->lease.alarm);
        bytes_deinit(&a->record);
        job_deinit(&a->job);
        result_deinit(&a->result);
        free(a->findings);
        free(a->agent_id);
        free(a);
}

void assignment_start(struct assignment *a)
{
        if (a->abandoned)
                give_back(a);
        else if (a->record.size == 0)
                fetch(a);
        else
                parse(a, bytes_span(&a->record));
}

void assignment_check(struct assignment *a)
{
        lease_check(&a->lease);
}

void assignment_abandon(struct assignment *a)
{
        a->abandoned = true;
        cancel_run(a, SANDBOX_CANCEL_LEASE);
}

bool assignment_awaits_slot(const struct assignment *a)
{
        return a->state.now < ASSIGNMENT_RUNNING;
}
