/* `brig run --dry-run`: everything that would be in force, and nothing started; needs no engine. */
#ifndef BRIG_CLI_DRY_RUN_H
#define BRIG_CLI_DRY_RUN_H

#include "clients/cli/preparation.h"
#include "common/bytes.h"
#include "common/config.h"
#include "common/error.h"

/* Appends the configuration with where each value comes from, findings, level, limits and the specification of each container. 0 or -1. */
int dry_run_describe(const struct config *config, const struct preparation *p, struct bytes *ret_text, struct error *e);

#endif
