/* Prints the record of a job: as one JSON line on standard output, or as output and summary for people. */
#ifndef BRIG_CLI_RECORD_PRINT_H
#define BRIG_CLI_RECORD_PRINT_H

#include "common/error.h"
#include "common/result.h"
#include "common/summary.h"

/* One line of JSON, flushed. 0, or -1: no memory, or nobody reads. */
int record_print_json(const struct result *result, struct error *e);

/* On standard error: the summary of what ran, and why brig refused a job or could not run it; control characters of a job's values are shown
 * as '?'. 0 or -1: no memory. */
int record_print_for_people(const struct summary *summary, struct error *e);

/* What the record kept of stdout and stderr, on ours (masked for terminals). */
void record_print_output(const struct result *result);

/* A summary of `result`, with what the record itself names; `code_file` as the summary shows it. */
struct summary record_summary(const struct result *result, const char *code_file);

#endif
