/* A job: what an agent asks to have run, read from its JSON record and checked (schemas/job.schema.json). */
#ifndef BRIG_COMMON_JOB_H
#define BRIG_COMMON_JOB_H

#include <jansson.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/encoding.h"
#include "common/limits.h"
#include "common/rejection.h"
#include "common/risk.h"

enum {
        JOB_RECORD_BYTES_MAX = 4 << 20,
        JOB_AGENT_ID_MAX = 128, /* characters; up to 4 bytes each */
        JOB_FILES_MAX = 256,
        JOB_ARGS_MAX = 256,
        JOB_ARG_BYTES_MAX = 64 << 10,
        JOB_ENV_MAX = 128,
        JOB_ARGS_ENV_BYTES_MAX = 1 << 20, /* args and env together */
        JOB_ARTIFACTS_MAX = 32,           /* globs */
        JOB_METADATA_BYTES_MAX = 16 << 10,
};

struct job_file {
        char *path; /* relative; checked as sandbox.md says: no "..", no two alike, none a folder of another */
        struct bytes content;
};

struct job_env {
        char *name;
        char *value;
};

enum job_on_limit { JOB_ON_LIMIT_REJECT, JOB_ON_LIMIT_DEFER };

/* Zero-initialised it is empty and may be deinited. */
struct job {
        char job_id[UUID_TEXT_SIZE];
        char *agent_id;
        char *language;
        bool has_code; /* `code` was given; then files is empty. Else files and entrypoint are. */
        struct bytes code;
        struct job_file *files;
        size_t file_count;
        char *entrypoint; /* one of files[].path; NULL with `code` */
        char **args;
        size_t arg_count;
        struct bytes stdin_data;
        struct job_env *env;
        size_t env_count;
        bool has_risk; /* a level was asked for */
        enum risk risk;
        unsigned limits_named; /* enum limit_bit */
        struct limits limits;
        char *image; /* NULL: the language's */
        char **artifacts;
        size_t artifact_count;
        enum job_on_limit on_limit;
        uint64_t expires_at_ms; /* Unix time; 0: not said */
        json_t *metadata;       /* owned; NULL: not said */
};

/* The largest values a job may name, from the configuration. */
struct job_bounds {
        struct limits maximum;        /* a field of 0: no maximum */
        const char *const *languages; /* known names */
        size_t language_count;
};

/* Reads and checks a record of any bytes. 0, or -1 with `ret_rejection` (reason invalid; key, value, observed and nearest where they
 * help). `ret_job_id` and `ret_agent_id` are filled whenever they could be read, also on failure, else set to "" (the caller's memory;
 * agent id at most 4 * JOB_AGENT_ID_MAX bytes). On failure `ret_job` stays empty. Out of memory is no fault of the job: then the reason is
 * REJECTION_NONE, and the same record may be tried again. */
int job_parse(struct span record, const struct job_bounds *bounds, struct job *ret_job, struct rejection *ret_rejection,
              char ret_job_id[static UUID_TEXT_SIZE], char ret_agent_id[static 4 * JOB_AGENT_ID_MAX + 1]);

/* A new reference to the record that job_parse would read back as equal; NULL: no memory. */
json_t *job_to_json(const struct job *job);

void job_deinit(struct job *job);

#endif
