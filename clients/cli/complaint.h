/* What brig says when it cannot go on: one line on standard error, "brig: what: why; what to do". */
#ifndef BRIG_CLI_COMPLAINT_H
#define BRIG_CLI_COMPLAINT_H

#include "common/error.h"

/* Statuses of brig itself, beside those of the programs it runs (the table of exit_status.h). */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 125, CLI_REFUSED = 126, CLI_UNAVAILABLE = 127 };

/* `what` and `remedy` may be NULL. Control characters of the texts are shown as '?', since they may come from a job. Returns `status`, so
 * that a command can `return complain(...)`. */
int complain(int status, const char *what, const char *why, const char *remedy);

/* The same with the text of `e`; the status is by its code: usage and invalid input 125, denied 126, anything else 127. */
int complain_error(const char *what, const struct error *e, const char *remedy);

#endif
