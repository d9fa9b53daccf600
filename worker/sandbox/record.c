#include "worker/sandbox/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy_findings(struct result *result, const struct sandbox_run *run)
{
        size_t count = run->finding_count < RESULT_FINDINGS_MAX ? run->finding_count : RESULT_FINDINGS_MAX;
        if (count == 0)
                return 0;
        result->findings = malloc(count * sizeof(*result->findings));
        if (!result->findings)
                return -1;
        memcpy(result->findings, run->findings, count * sizeof(*result->findings));
        result->finding_count = count;
        return 0;
}

int record_begin(struct result *result, const struct sandbox_run *run, const char *worker, struct error *e)
{
        const struct job *job = run->job;
        memset(result, 0, sizeof(*result));
        snprintf(result->job_id, sizeof(result->job_id), "%s", job->job_id);
        snprintf(result->worker, sizeof(result->worker), "%s", worker);
        result->agent_id = strdup(job->agent_id);
        result->language = strdup(job->language);
        result->has_risk = true;
        result->risk = run->risk;
        result->attempt = run->attempt;
        result->fence = run->fence;
        result->metadata = json_incref(job->metadata);
        if (result->agent_id && result->language && copy_findings(result, run) == 0)
                return 0;
        result_deinit(result);
        return error_set(e, ERROR_MEMORY, "no memory for the result");
}

int record_output(struct result *result, enum sandbox_stream stream, struct span data, uint64_t output_bytes)
{
        struct bytes *kept = stream == SANDBOX_STDOUT ? &result->stdout_data : &result->stderr_data;
        uint64_t *produced = stream == SANDBOX_STDOUT ? &result->stdout_bytes : &result->stderr_bytes;
        uint64_t room = output_bytes > kept->size ? output_bytes - kept->size : 0;
        *produced += data.size;
        return bytes_append(kept, data.data, data.size < room ? data.size : (size_t)room);
}

static struct termination over(enum cause cause, uint64_t limit, uint64_t observed)
{
        return (struct termination){.cause = cause, .has_limit = true, .limit = limit, .observed = observed};
}

/* Which of brig's own reasons came first: init knows, being the one that acts; an order that came after the end was none. */
static struct termination own_reason(const struct record_end *end)
{
        const struct limits *limits = &end->watch->limits;
        const struct frame_ended *ended = end->ended;
        if (!ended || ended->end == FRAME_END_KILL)
                return *end->ordered;
        if (ended->end == FRAME_END_TIMEOUT)
                return over(CAUSE_WALL_TIMEOUT, limits->timeout_ms, ended->duration_ms);
        if (ended->end == FRAME_END_OUTPUT)
                return over(CAUSE_OUTPUT, limits->output_bytes,
                            ended->stdout_bytes > ended->stderr_bytes ? ended->stdout_bytes : ended->stderr_bytes);
        return (struct termination){.cause = CAUSE_NONE};
}

static struct evidence evidence_of(const struct result *result, const struct record_end *end)
{
        const struct frame_ended *ended = end->ended;
        struct termination own = own_reason(end);
        bool cancelled = own.cause == CAUSE_CANCELLED;
        return (struct evidence){
                        .cancelled = cancelled,
                        .own = cancelled ? (struct termination){.cause = CAUSE_NONE} : own,
                        .out_of_memory = end->out_of_memory,
                        .leader_ended = ended != NULL,
                        .seccomp_death = ended && ended->sigsys > 0,
                        .exit_code = ended ? (int)ended->exit_code : 0,
                        .exit_signal = ended ? (int)ended->signal : 0,
                        .memory_limit_bytes = end->watch->limits.memory_bytes,
                        .memory_peak_bytes = end->counters->peak_memory_bytes,
                        .disk_limit_bytes = result->limits.disk_bytes,
                        .disk_used_bytes = ended ? ended->largest_file_bytes : 0,
        };
}

static void add_limit_hit(struct result *result, const char *limit, uint64_t value, uint64_t observed)
{
        if (result->limit_hit_count < RESULT_LIMITS_HIT_MAX)
                result->limits_hit[result->limit_hit_count++] = (struct limit_hit){limit, value, observed};
}

/* Limits that only refused, and ended nothing. */
static void note_limits_hit(struct result *result, const struct record_end *end)
{
        uint64_t processes = end->watch->limits.processes;
        if (end->counters->processes_refused > end->watch->refused_base)
                add_limit_hit(result, "processes", processes, processes + 1);
        if (end->ended && (end->ended->work_full || end->ended->tmp_full))
                add_limit_hit(result, "disk_bytes", result->limits.disk_bytes, end->ended->largest_file_bytes);
}

/* What is less than was produced ends between two characters. */
static void cut(struct bytes *kept, uint64_t produced)
{
        if (produced > kept->size && kept->size)
                kept->size = utf8_cut(bytes_span(kept), kept->size);
}

static void note_output(struct result *result, const struct frame_ended *ended)
{
        if (ended) {
                result->stdout_bytes = ended->stdout_bytes;
                result->stderr_bytes = ended->stderr_bytes;
        }
        cut(&result->stdout_data, result->stdout_bytes);
        cut(&result->stderr_data, result->stderr_bytes);
        result->truncated = result->stdout_bytes > result->stdout_data.size || result->stderr_bytes > result->stderr_data.size;
}

void record_end(struct result *result, const struct record_end *end)
{
        struct evidence evidence = evidence_of(result, end);
        evidence_judge(&evidence, &result->status, &result->termination);
        note_output(result, end->ended);
        note_limits_hit(result, end);
        result->duration_ms = end->ended ? end->ended->duration_ms : end->duration_ms;
        result->cpu_ms += watch_cpu_ms(end->watch, end->counters);
        result->peak_memory_bytes = end->counters->peak_memory_bytes;
        if (result->termination.cause == CAUSE_VIOLATION)
                result_add_violation(result, VIOLATION_ATTACK, result->termination.rule, "", 1);
}

int record_failed(struct result *result, const struct frame *failed, struct error *e)
{
        struct frame_failed message;
        size_t text = frame_decode_failed(failed, &message);
        if (!text || !utf8_valid((struct span){failed->payload + text, failed->size - text}))
                return error_set(e, ERROR_PROTOCOL, "brig-init's FAILED cannot be read");
        result->status = STATUS_ERROR;
        result->termination = (struct termination){.cause = CAUSE_INFRASTRUCTURE};
        snprintf(result->termination.reason, sizeof(result->termination.reason), "%.*s: %s", (int)(failed->size - text),
                 (const char *)failed->payload + text, strerror((int)message.sys));
        return 0;
}

void record_cancelled(struct result *result)
{
        result->status = STATUS_CANCELLED;
        result->termination = (struct termination){.cause = CAUSE_CANCELLED};
}
