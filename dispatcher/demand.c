#include "dispatcher/demand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t demand_cpu_ms(const struct limits *limits)
{
        return limits->cpu_ms ? limits->cpu_ms : limits->timeout_ms * limits->cpu_millis / 1000;
}

/* A level that was never asked for is the loosest here: the gate takes the strictest of this and what the agent's trust gives. */
static enum risk risk_of(const struct analysis *analysis, const struct job *job)
{
        struct finding *findings = NULL;
        size_t count = 0;
        enum risk asked = job->has_risk ? job->risk : RISK_LOW;
        if (!analysis)
                return asked;
        enum risk risk = analysis_run(analysis, job, asked, &findings, &count);
        free(findings);
        return risk_strictest(asked, risk);
}

static uint64_t expires_at_ms(const struct config *config, const struct job *job, uint64_t enqueued_ms, uint64_t now_ms)
{
        uint64_t since_ms = enqueued_ms && enqueued_ms < now_ms ? enqueued_ms : now_ms;
        uint64_t wanted_ms = job->expires_at_ms ? job->expires_at_ms : since_ms + config->expires_default_ms;
        uint64_t latest_ms = since_ms + config->dedupe_ms;
        return wanted_ms < latest_ms ? wanted_ms : latest_ms;
}

/* Workers offer a language with its own image by the language's name alone. */
static void pool_of(const struct config *config, const struct job *job, char *ret_pool, size_t size)
{
        const struct language *language = config_language(config, job->language);
        bool own = !job->image || (language && language->image && strcmp(language->image, job->image) == 0);
        if (own)
                snprintf(ret_pool, size, "%s", job->language);
        else
                snprintf(ret_pool, size, "%s@%s", job->language, job->image);
}

void demand_of(struct demand *ret_demand, const struct config *config, const struct analysis *analysis, const struct job *job,
               uint64_t enqueued_ms, uint64_t now_ms)
{
        ret_demand->risk = risk_of(analysis, job);
        pool_of(config, job, ret_demand->pool, sizeof ret_demand->pool);
        for (size_t r = 0; r < RISK_COUNT; r++) {
                struct limits limits = limits_merge(&config->profiles[r].limits, &job->limits, job->limits_named);
                ret_demand->cpu_reserve_ms[r] = demand_cpu_ms(&limits);
        }
        ret_demand->expires_at_ms = expires_at_ms(config, job, enqueued_ms, now_ms);
        ret_demand->defer = job->on_limit == JOB_ON_LIMIT_DEFER;
}
