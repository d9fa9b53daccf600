/* The execution summary of one run, and its log file: the same from brig run and from workers that keep execution logs.
 *
 * The summary, every value on one line (times are UTC):
 *
 *     =================================
 *     Execution Summary
 *     =================================
 *     Agent ID: test-001
 *     Risk Level: high
 *     Language: python
 *     Code File: test.py
 *     Exit Code: 0
 *     Duration: 5s
 *     Timestamp: 2026-01-10 02:27:34
 *     =================================
 *
 * What did not end by its own exit has a line "Cause: …" before the timestamp, and the exit code that brig run would end with. */
#ifndef BRIG_COMMON_SUMMARY_H
#define BRIG_COMMON_SUMMARY_H

#include <limits.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/result.h"

/* Everything is borrowed. */
struct summary {
        const struct result *result;
        const char *agent_id;
        enum risk risk; /* stands where the result names none */
        const char *language;
        const char *code_file;
        uint64_t realtime_ms; /* of the timestamp */
};

/* Appends the block above. 0, or -1: no memory. */
int summary_append(struct bytes *ret_text, const struct summary *summary);

/* Appends the content of a log file: stdout, stderr, the block, each beginning on a line of its own. 0, or -1: no memory. */
int summary_append_log(struct bytes *ret_text, const struct summary *summary);

enum { SUMMARY_LOG_NAME_SIZE = 256 };

/* "RISK-risk_AGENT_20260110T022734.123Z.log", one safe file name whatever the agent is called. */
void summary_log_name(const struct summary *summary, char ret_name[static SUMMARY_LOG_NAME_SIZE]);

/* Writes `text` as a new file `name` (with a number before its end when there is one already), readable by owner and group, below
 * `directory`, which is made when missing; blocks. 0 and the path, or -1 (ERROR_SYSTEM): names the path. */
int summary_log_write(const char *directory, const char *name, struct span text, char ret_path[static PATH_MAX], struct error *e);

/* What brig run ends with: the program's own status, 128 + n for its signal, 124 wall or CPU time is over, 125 not a valid job, 126
 * otherwise refused, 127 brig could not run it, 130 cancelled, 137 otherwise killed. 0 only for succeeded. */
int summary_exit_status(const struct result *result);

#endif
