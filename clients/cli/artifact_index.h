/* Which files the jobs of this host left, by job: LOG_DIR/artifacts/records/JOB_ID.json, the job's record without its output. The content lies
 * where the engine keeps it, LOG_DIR/artifacts/sha256/AB/CDEF…. */
#ifndef BRIG_CLI_ARTIFACT_INDEX_H
#define BRIG_CLI_ARTIFACT_INDEX_H

#include <limits.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/result.h"

/* Nothing to do, and 0, for a job without artifacts. */
int artifact_index_add(const char *log_directory, const struct result *result, struct error *e);

/* 0; *ret_found says whether this host knows the job. -1: the file cannot be read. */
int artifact_index_find(const char *log_directory, const char *job_id, struct result *ret_result, bool *ret_found, struct error *e);

/* Where the content of an artifact lies. */
void artifact_path(const char *log_directory, const struct artifact *artifact, char ret_path[static PATH_MAX]);

#endif
