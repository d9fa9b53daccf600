/* Which files the jobs of this host left, by job: LOG_DIR/artifacts/records/AB/JOB_ID-AGENT.json, the job's record without its output; AGENT
 * is of the agent id's SHA-256, since a job is known by both. The content lies where the engine keeps it, LOG_DIR/artifacts/sha256/AB/CDEF…. */
#ifndef BRIG_SANDBOX_ARTIFACT_INDEX_H
#define BRIG_SANDBOX_ARTIFACT_INDEX_H

#include <limits.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/result.h"

/* Appends what the index keeps of a record. 0 or -1: no memory. */
int artifact_index_describe(const struct result *result, struct bytes *ret_text);

/* Keeps that, whole or not at all, in the place of what is there already; blocks. 0 or -1 (ERROR_SYSTEM). */
int artifact_index_keep(const char *log_directory, const char *job_id, const char *agent_id, struct span text, struct error *e);

/* Both. Nothing to do, and 0, for a job without artifacts. */
int artifact_index_add(const char *log_directory, const struct result *result, struct error *e);

/* 0; *ret_found says whether this host knows the job. `agent_id` NULL: whoever's it is. -1: the file cannot be read, or several agents have
 * a job of this name (ERROR_USAGE). */
int artifact_index_find(const char *log_directory, const char *job_id, const char *agent_id, struct result *ret_result, bool *ret_found,
                        struct error *e);

/* Where the content of an artifact lies. */
void artifact_path(const char *log_directory, const struct artifact *artifact, char ret_path[static PATH_MAX]);

#endif
