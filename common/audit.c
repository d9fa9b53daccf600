#include "common/audit.h"

static json_t *event_new(const char *event, const char *agent_id, const char *program, uint64_t realtime_ms)
{
        char time[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(realtime_ms, time);
        return json_pack("{ss ss ss ss?}", "event", event, "time", time, "program", program, "agent_id", agent_id);
}

static int set_digest(json_t *object, const char *key, const struct bytes *data)
{
        char hex[SHA256_HEX_SIZE];
        sha256_hex(bytes_span(data), hex);
        return json_object_set_new(object, key, json_string(hex));
}

/* Excerpts are code, and details may be the job's own words. */
static void strip_members(json_t *array, const char *key)
{
        for (size_t i = 0; i < json_array_size(array); i++)
                json_object_del(json_array_get(array, i), key);
}

/* The result's record without what no audit event may hold. */
static json_t *result_without_content(const struct result *result)
{
        struct result bare = *result;
        bare.stdout_data = bare.stderr_data = (struct bytes){0};
        bare.metadata = NULL;
        json_t *record = result_to_json(&bare);
        json_object_del(record, "stdout");
        json_object_del(record, "stderr");
        strip_members(json_object_get(record, "findings"), "excerpt");
        strip_members(json_object_get(record, "violations"), "detail");
        return record;
}

json_t *audit_job_finished(const struct result *result, const char *program, uint64_t realtime_ms)
{
        const char *name = result->status == STATUS_REJECTED ? "job.rejected" : "job.finished";
        json_t *event = event_new(name, result->agent_id, program, realtime_ms);
        json_t *record = result_without_content(result);
        int status = event && record ? json_object_update(event, record) : -1;
        if (status == 0)
                status = set_digest(event, "stdout_sha256", &result->stdout_data);
        if (status == 0)
                status = set_digest(event, "stderr_sha256", &result->stderr_data);
        json_decref(record);
        if (status == 0)
                return event;
        json_decref(event);
        return NULL;
}

static json_t *event_with(json_t *event, json_t *members)
{
        int status = event && members ? json_object_update(event, members) : -1;
        json_decref(members);
        if (status == 0)
                return event;
        json_decref(event);
        return NULL;
}

json_t *audit_trust_changed(const char *agent_id, unsigned trust_thousandths_before, unsigned trust_thousandths_now, const char *job_id,
                            const char *program, uint64_t realtime_ms)
{
        json_t *members = json_pack("{si si ss?}", "trust_thousandths_before", (int)trust_thousandths_before, "trust_thousandths",
                                    (int)trust_thousandths_now, "job_id", job_id);
        return event_with(event_new("trust.changed", agent_id, program, realtime_ms), members);
}

json_t *audit_agent_quarantined(const char *agent_id, unsigned violations, const char *program, uint64_t realtime_ms)
{
        json_t *members = json_pack("{si}", "violations", (int)violations);
        return event_with(event_new("agent.quarantined", agent_id, program, realtime_ms), members);
}
