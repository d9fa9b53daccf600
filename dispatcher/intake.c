#include "dispatcher/intake.h"

#include <string.h>

#include "common/clock.h"

void intake_close(struct intake *intake)
{
        job_deinit(&intake->job);
}

static enum intake_verdict refused(struct intake *intake)
{
        return intake->job_id[0] && intake->agent_id[0] ? INTAKE_REFUSED : INTAKE_NOBODYS;
}

/* A job that waited for longer than results are remembered could run twice; and none is cut short without a word. */
static bool expires_in_time(struct intake *intake, const struct config *config, const struct kafka_record *record)
{
        char latest[CLOCK_RFC3339_SIZE], observed[CLOCK_RFC3339_SIZE];
        uint64_t enqueued_ms = record->timestamp_ms > 0 ? (uint64_t)record->timestamp_ms : UINT64_MAX - config->dedupe_ms;
        if (intake->job.expires_at_ms <= enqueued_ms + config->dedupe_ms)
                return true;
        clock_format_rfc3339(enqueued_ms + config->dedupe_ms, latest);
        clock_format_rfc3339(intake->job.expires_at_ms, observed);
        rejection_set(&intake->rejection, REJECTION_INVALID, "expires_at", latest, observed,
                      "expires_at is %s, later than the operator's maximum: %s", observed, latest);
        return false;
}

static bool acceptable(struct intake *intake, const struct config *config, const struct kafka_record *record)
{
        return config_check_image(config, &intake->job, &intake->rejection) == 0 && expires_in_time(intake, config, record);
}

enum intake_verdict intake_open(struct intake *ret_intake, const struct config *config, const struct kafka_record *record)
{
        struct job_bounds bounds = config_job_bounds(config);
        memset(ret_intake, 0, sizeof *ret_intake);
        if (job_parse(record->value, &bounds, &ret_intake->job, &ret_intake->rejection, ret_intake->job_id, ret_intake->agent_id) == 0)
                return acceptable(ret_intake, config, record) ? INTAKE_JOB : refused(ret_intake);
        if (ret_intake->rejection.reason == REJECTION_NONE)
                return INTAKE_AGAIN;
        ret_intake->dead_letter = true;
        return refused(ret_intake);
}
