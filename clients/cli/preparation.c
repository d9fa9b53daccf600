#include "clients/cli/preparation.h"

#include <stdlib.h>
#include <string.h>

#include "common/analysis.h"
#include "common/clock.h"

int preparation_read(struct preparation *ret_preparation, const struct config *config, struct span record, struct error *e)
{
        struct preparation *p = ret_preparation;
        struct job_bounds bounds = config_job_bounds(config);
        *p = (struct preparation){0};
        p->asked = p->risk = config->default_risk;
        if (job_parse(record, &bounds, &p->job, &p->rejection, p->job_id, p->agent_id) < 0)
                return p->rejection.reason == REJECTION_NONE ? error_set(e, ERROR_MEMORY, "out of memory") : 0;
        if (p->job.has_risk)
                p->asked = p->risk = p->job.risk;
        config_check_image(config, &p->job, &p->rejection);
        return 0;
}

int preparation_analyse(struct preparation *p, const struct config *config, struct error *e)
{
        struct analysis *analysis;
        if (analysis_open(&analysis, config->directory, e) < 0)
                return -1;
        p->risk = analysis_run(analysis, &p->job, p->asked, &p->findings, &p->finding_count);
        analysis_close(analysis);
        return 0;
}

void preparation_deinit(struct preparation *p)
{
        job_deinit(&p->job);
        free(p->findings);
        p->findings = NULL;
}

static const char *text_or_null(const char *text)
{
        return *text ? text : NULL;
}

/* What is known of the job although it never ran. */
static int describe_job(const struct preparation *p, struct result *result, struct error *e)
{
        result->finished_at_ms = clock_realtime_ms(&clock_system);
        result->has_risk = p->job.language != NULL;
        result->risk = p->risk;
        if (p->job.language && !(result->language = strdup(p->job.language)))
                return error_set(e, ERROR_MEMORY, "out of memory");
        if (p->finding_count == 0)
                return 0;
        result->findings = calloc(p->finding_count, sizeof *result->findings);
        if (!result->findings)
                return error_set(e, ERROR_MEMORY, "out of memory");
        memcpy(result->findings, p->findings, p->finding_count * sizeof *result->findings);
        result->finding_count = p->finding_count;
        return 0;
}

int preparation_reject(const struct preparation *p, struct result *ret_result, struct error *e)
{
        if (result_init_rejected(ret_result, p->job_id, text_or_null(p->agent_id), &p->rejection, p->job.metadata) < 0)
                return error_set(e, ERROR_MEMORY, "out of memory");
        return describe_job(p, ret_result, e);
}

int preparation_end(const struct preparation *p, enum status status, enum cause cause, const char *reason, struct result *ret_result,
                    struct error *e)
{
        if (result_init_ended(ret_result, p->job_id, p->agent_id, status, cause, reason, p->job.metadata) < 0)
                return error_set(e, ERROR_MEMORY, "out of memory");
        return describe_job(p, ret_result, e);
}
