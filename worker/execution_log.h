/* Execution logs: a file for each run (summary.h), written on another thread. */
#ifndef BRIG_WORKER_EXECUTION_LOG_H
#define BRIG_WORKER_EXECUTION_LOG_H

#include <uv.h>

#include "common/log.h"
#include "common/summary.h"

/* Everything is read before it returns; `directory` and `log` must outlive the loop. What fails is logged and forgotten: a run's record
 * does not depend on its log. */
void execution_log_keep(uv_loop_t *loop, const struct log *log, const char *directory, const struct summary *summary);

#endif
