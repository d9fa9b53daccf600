/* One job on the local engine, from opening the sandbox to the container's removal: blocks until it is over.
 *
 * SIGINT, SIGTERM and SIGHUP end the program, and the record is `cancelled` with the output so far. So does a reader of the output that goes away. */
#ifndef BRIG_CLI_EXECUTION_H
#define BRIG_CLI_EXECUTION_H

#include <stdbool.h>

#include "clients/cli/preparation.h"
#include "common/config.h"
#include "common/error.h"
#include "common/log.h"
#include "common/result.h"

struct execution_options {
        const struct config *config;           /* borrowed */
        const struct preparation *preparation; /* accepted and analysed; borrowed */
        const struct log *log;
        bool echo; /* output goes to ours as it arrives */
};

/* 0 and the one record of the job, whatever became of it (no engine: status error); *ret_signal is the signal that ended it (SIGPIPE: nobody
 * reads the output), or 0. -1: brig itself could not go on. */
int execution_run(const struct execution_options *options, struct result *ret_result, int *ret_signal, struct error *e);

#endif
