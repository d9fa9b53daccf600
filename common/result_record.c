#include <string.h>

#include "common/json.h"
#include "common/record.h"
#include "common/result_parts.h"

static int write_stdout(json_t *object, const char *key, const void *base)
{
        const struct result *r = base;
        return json_set_data(object, key, "stdout_encoding", bytes_span(&r->stdout_data));
}

static int write_stderr(json_t *object, const char *key, const void *base)
{
        const struct result *r = base;
        return json_set_data(object, key, "stderr_encoding", bytes_span(&r->stderr_data));
}

/* A stream's encoding stands beside it, so the two are read together, after the table. */
static int read_nothing(const json_t *value, void *base)
{
        (void)base;
        return json_is_string(value) ? 0 : -1;
}

static int write_phase(json_t *object, const char *key, const void *base)
{
        const struct result *r = base;
        if (r->termination.cause == CAUSE_NONE)
                return 0;
        return json_object_set_new(object, key, json_string(r->phase_compile ? "compile" : "run"));
}

static int read_phase(const json_t *value, void *base)
{
        struct result *r = base;
        if (!json_is_string(value))
                return -1;
        r->phase_compile = strcmp(json_string_value(value), "compile") == 0;
        return 0;
}

static int write_metadata(json_t *object, const char *key, const void *base)
{
        const struct result *r = base;
        return r->metadata ? json_object_set(object, key, r->metadata) : 0;
}

static int read_metadata(const json_t *value, void *base)
{
        struct result *r = base;
        if (!json_is_object(value))
                return -1;
        json_decref(r->metadata);
        r->metadata = json_incref((json_t *)(uintptr_t)value);
        return 0;
}

#define PART(key, presence, write, read)                                                                                                   \
        {                                                                                                                                  \
                key, RECORD_PART, presence, 0, 0, NULL, write, read                                                                        \
        }

static const struct record_field result_fields[] = {
                RECORD_FIELD(result, "job_id", RECORD_TEXT, RECORD_NULLABLE, job_id),
                RECORD_FIELD(result, "agent_id", RECORD_STRING, RECORD_NULLABLE, agent_id),
                RECORD_FIELD(result, "language", RECORD_STRING, RECORD_NONZERO, language),
                {"status", RECORD_ENUM, RECORD_ALWAYS, offsetof(struct result, status), 0, result_status_names, NULL, NULL},
                PART("termination", RECORD_NONZERO, result_write_termination, result_read_termination),
                PART("rejection", RECORD_NONZERO, result_write_rejection, result_read_rejection),
                PART("stdout", RECORD_ALWAYS, write_stdout, read_nothing),
                PART("stderr", RECORD_ALWAYS, write_stderr, read_nothing),
                RECORD_FIELD(result, "stdout_bytes", RECORD_U64, RECORD_ALWAYS, stdout_bytes),
                RECORD_FIELD(result, "stderr_bytes", RECORD_U64, RECORD_ALWAYS, stderr_bytes),
                RECORD_FIELD(result, "truncated", RECORD_BOOL, RECORD_ALWAYS, truncated),
                RECORD_FIELD(result, "duration_ms", RECORD_U64, RECORD_ALWAYS, duration_ms),
                RECORD_FIELD(result, "queued_ms", RECORD_U64, RECORD_ALWAYS, queued_ms),
                RECORD_FIELD(result, "cpu_ms", RECORD_U64, RECORD_ALWAYS, cpu_ms),
                RECORD_FIELD(result, "peak_memory_bytes", RECORD_U64, RECORD_ALWAYS, peak_memory_bytes),
                PART("risk_level", RECORD_NONZERO, result_write_risk, result_read_risk),
                PART("limits", RECORD_NONZERO, result_write_limits, result_read_limits),
                PART("findings", RECORD_ALWAYS, result_write_findings, result_read_findings),
                PART("violations", RECORD_ALWAYS, result_write_violations, result_read_violations),
                PART("artifacts", RECORD_ALWAYS, result_write_artifacts, result_read_artifacts),
                RECORD_FIELD(result, "image", RECORD_TEXT, RECORD_NONZERO, image),
                RECORD_FIELD(result, "worker", RECORD_TEXT, RECORD_NONZERO, worker),
                RECORD_FIELD(result, "attempt", RECORD_U32, RECORD_NONZERO, attempt),
                RECORD_FIELD(result, "fence", RECORD_U64, RECORD_NONZERO, fence),
                RECORD_FIELD(result, "started_at", RECORD_TIME, RECORD_NONZERO, started_at_ms),
                RECORD_FIELD(result, "finished_at", RECORD_TIME, RECORD_NONZERO, finished_at_ms),
                PART("phase", RECORD_NONZERO, write_phase, read_phase),
                PART("limits_hit", RECORD_ALWAYS, result_write_limits_hit, result_read_limits_hit),
                PART("artifacts_omitted", RECORD_NONZERO, result_write_omitted, result_read_omitted),
                PART("metadata", RECORD_NONZERO, write_metadata, read_metadata),
};

json_t *result_to_json(const struct result *r)
{
        json_t *object = json_object();
        if (object && record_write(result_fields, RECORD_COUNT(result_fields), r, object) == 0)
                return object;
        json_decref(object);
        return NULL;
}

static int read_streams(struct result *r, const json_t *record, struct error *e)
{
        if (json_get_data(record, "stdout", "stdout_encoding", &r->stdout_data) < 0)
                return error_set(e, ERROR_INVALID, "stdout has a wrong value");
        if (json_get_data(record, "stderr", "stderr_encoding", &r->stderr_data) < 0)
                return error_set(e, ERROR_INVALID, "stderr has a wrong value");
        return 0;
}

int result_from_json(struct result *ret_r, const json_t *record, struct error *e)
{
        struct result r = {0};
        if (record_read(result_fields, RECORD_COUNT(result_fields), &r, record, e) < 0 || read_streams(&r, record, e) < 0) {
                result_deinit(&r);
                return -1;
        }
        *ret_r = r;
        return 0;
}
