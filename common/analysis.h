/* Code analysis before execution: patterns per language (config/analysis/LANGUAGE.yaml, PCRE2 with JIT and match limits) give findings.
 * A signal, never the wall: a finding may raise the risk level, and never lowers it nor rejects a job. Pure: no I/O after loading. */
#ifndef BRIG_COMMON_ANALYSIS_H
#define BRIG_COMMON_ANALYSIS_H

#include "common/error.h"
#include "common/job.h"
#include "common/result.h"

struct analysis; /* compiled patterns; immutable, shareable */

/* Reads every .yaml file of DIRECTORY/analysis. 0, or -1 (ERROR_CONFIG) with file, line and what is wrong. */
int analysis_open(struct analysis **ret_analysis, const char *directory, struct error *e);
void analysis_close(struct analysis *a);

/* Findings of every file of the job, at most RESULT_FINDINGS_MAX, in order; the caller frees *ret_findings with free(). Returns the
 * strictest level the findings ask for at `level` (at least `level`). Bounded: match limits and at most 256 KiB looked at a job; what was
 * cut short is itself a finding, rule "analysis.incomplete". */
enum risk analysis_run(const struct analysis *a, const struct job *job, enum risk level, struct finding **ret_findings, size_t *ret_count);

#endif
