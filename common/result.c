#include "common/result.h"

#include <stdlib.h>
#include <string.h>

#include "common/result_parts.h"

const char *const result_status_names[] = {"succeeded", "failed", "killed", "rejected", "cancelled", "error", NULL};

const char *const result_cause_names[] = {"",       "exit", "signal",    "wall_timeout", "cpu_timeout",    "memory",         "processes",
                                          "output", "disk", "violation", "cancelled",    "compile_failed", "infrastructure", NULL};

const char *const violation_class_names[] = {"policy", "attack", NULL};

const char *status_name(enum status status)
{
        return result_status_names[status];
}

bool status_parse(struct span name, enum status *ret_status)
{
        for (unsigned i = 0; i < STATUS_COUNT; i++) {
                if (!span_equal(name, span_of(result_status_names[i])))
                        continue;
                *ret_status = (enum status)i;
                return true;
        }
        return false;
}

const char *cause_name(enum cause cause)
{
        return result_cause_names[cause];
}

static size_t omitted_named(const struct result *r)
{
        return r->omitted_count < RESULT_OMITTED_MAX ? r->omitted_count : RESULT_OMITTED_MAX;
}

void result_deinit(struct result *r)
{
        for (size_t i = 0; i < r->artifact_count; i++)
                free(r->artifacts[i].path);
        for (size_t i = 0; r->omitted && i < omitted_named(r); i++)
                free(r->omitted[i].path);
        free(r->artifacts);
        free(r->omitted);
        free(r->findings);
        free(r->violations);
        free(r->agent_id);
        free(r->language);
        bytes_deinit(&r->stdout_data);
        bytes_deinit(&r->stderr_data);
        json_decref(r->metadata);
        *r = (struct result){0};
}

static struct violation *find_violation(struct result *r, const struct violation *wanted)
{
        for (size_t i = 0; i < r->violation_count; i++) {
                struct violation *v = &r->violations[i];
                if (v->class == wanted->class && strcmp(v->rule, wanted->rule) == 0 && strcmp(v->detail, wanted->detail) == 0)
                        return v;
        }
        return NULL;
}

int result_add_violation(struct result *r, enum violation_class class, const char *rule, const char *detail, uint32_t count)
{
        struct violation added = {.class = class, .count = count};
        utf8_copy(added.rule, sizeof added.rule, span_of(rule));
        utf8_copy(added.detail, sizeof added.detail, span_of(detail));
        struct violation *same = find_violation(r, &added);
        if (same && __builtin_add_overflow(same->count, count, &same->count))
                same->count = UINT32_MAX;
        if (same || r->violation_count == RESULT_VIOLATIONS_MAX)
                return 0;
        struct violation *grown = reallocarray(r->violations, r->violation_count + 1, sizeof *grown);
        if (!grown)
                return -1;
        grown[r->violation_count++] = added;
        r->violations = grown;
        return 0;
}

static int init_terminal(struct result *ret_r, const char *job_id, const char *agent_id, enum status status, json_t *metadata)
{
        *ret_r = (struct result){.status = status};
        utf8_copy(ret_r->job_id, sizeof ret_r->job_id, span_of(job_id));
        ret_r->agent_id = agent_id && *agent_id ? strdup(agent_id) : NULL;
        if (agent_id && *agent_id && !ret_r->agent_id)
                return -1;
        ret_r->metadata = json_incref(metadata);
        return 0;
}

int result_init_rejected(struct result *ret_r, const char *job_id, const char *agent_id, const struct rejection *rejection,
                         json_t *metadata)
{
        int status = init_terminal(ret_r, job_id, agent_id, STATUS_REJECTED, metadata);
        ret_r->rejection = *rejection;
        return status;
}

int result_init_ended(struct result *ret_r, const char *job_id, const char *agent_id, enum status status, enum cause cause,
                      const char *reason, json_t *metadata)
{
        int outcome = init_terminal(ret_r, job_id, agent_id, status, metadata);
        ret_r->termination.cause = cause;
        utf8_copy(ret_r->termination.reason, sizeof ret_r->termination.reason, span_of(reason));
        return outcome;
}
