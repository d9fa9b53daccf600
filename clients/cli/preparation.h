/* A job read, checked and analysed, before anything runs: what `brig run`, its --dry-run and `brig submit` have in common. */
#ifndef BRIG_CLI_PREPARATION_H
#define BRIG_CLI_PREPARATION_H

#include "common/config.h"
#include "common/error.h"
#include "common/job.h"
#include "common/result.h"

struct preparation {
        char job_id[UUID_TEXT_SIZE];             /* "": could not be read */
        char agent_id[4 * JOB_AGENT_ID_MAX + 1]; /* the same */
        struct job job;                          /* empty when rejected */
        struct rejection rejection;              /* reason NONE: accepted */
        enum risk asked;                         /* the job's, else the configuration's default */
        enum risk risk;                          /* in force: findings may have raised it */
        struct finding *findings;                /* owned */
        size_t finding_count;
};

/* Reads and checks `record`, which the configuration bounds, and the image it names. A refusal is an outcome, in `rejection`. 0, or -1: no
 * memory. */
int preparation_read(struct preparation *ret_preparation, const struct config *config, struct span record, struct error *e);

/* Code analysis of an accepted job; sets risk and findings. 0, or -1: the patterns cannot be read. */
int preparation_analyse(struct preparation *p, const struct config *config, struct error *e);

void preparation_deinit(struct preparation *p);

/* The record of a rejected job. 0 or -1: no memory. */
int preparation_reject(const struct preparation *p, struct result *ret_result, struct error *e);

/* The record of a job that did not start, though it was valid; `reason` may be NULL. 0 or -1: no memory. */
int preparation_end(const struct preparation *p, enum status status, enum cause cause, const char *reason, struct result *ret_result,
                    struct error *e);

#endif
