/* Audit events: who did what to which job, with sizes and hashes only: never code, environment values or output. */
#ifndef BRIG_COMMON_AUDIT_H
#define BRIG_COMMON_AUDIT_H

#include <jansson.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/result.h"

/* Events: "job.finished" (with status, termination, limits in force, sizes and SHA-256 of output), "job.rejected", "trust.changed",
 * "agent.quarantined". Every one has event, time, program, and agent_id. New references; NULL: no memory. */
json_t *audit_job_finished(const struct result *result, const char *program, uint64_t realtime_ms);
json_t *audit_trust_changed(const char *agent_id, unsigned trust_thousandths_before, unsigned trust_thousandths_now, const char *job_id,
                            const char *program, uint64_t realtime_ms);
json_t *audit_agent_quarantined(const char *agent_id, unsigned violations, const char *program, uint64_t realtime_ms);

#endif
