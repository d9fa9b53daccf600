/* A result: the one terminal record of a job (schemas/result.schema.json). */
#ifndef BRIG_COMMON_RESULT_H
#define BRIG_COMMON_RESULT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/encoding.h"
#include "common/error.h"
#include "common/limits.h"
#include "common/rejection.h"
#include "common/risk.h"

enum status { STATUS_SUCCEEDED, STATUS_FAILED, STATUS_KILLED, STATUS_REJECTED, STATUS_CANCELLED, STATUS_ERROR, STATUS_COUNT };

const char *status_name(enum status status);
bool status_parse(struct span name, enum status *ret_status);

enum cause {
        CAUSE_NONE, /* rejected: there is no termination */
        CAUSE_EXIT,
        CAUSE_SIGNAL,
        CAUSE_WALL_TIMEOUT,
        CAUSE_CPU_TIMEOUT,
        CAUSE_MEMORY,
        CAUSE_PROCESSES,
        CAUSE_OUTPUT,
        CAUSE_DISK,
        CAUSE_VIOLATION,
        CAUSE_CANCELLED,
        CAUSE_COMPILE_FAILED,
        CAUSE_INFRASTRUCTURE,
        CAUSE_COUNT
};

const char *cause_name(enum cause cause);

struct termination {
        enum cause cause;
        int code;          /* exit, compile_failed */
        int signal;        /* signal */
        char rule[48];     /* violation */
        char reason[240];  /* infrastructure: as long as an error */
        bool has_limit;    /* limit causes: */
        uint64_t limit;    /* the value in `limits` under the cause's key */
        uint64_t observed; /* in the same unit */
};

enum { RESULT_VIOLATIONS_MAX = 32, RESULT_FINDINGS_MAX = 64, RESULT_LIMITS_HIT_MAX = 4, RESULT_OMITTED_MAX = 32 };

enum violation_class { VIOLATION_POLICY, VIOLATION_ATTACK };

extern const char *const violation_class_names[]; /* NULL-ended */

struct violation {
        char rule[48];
        enum violation_class class;
        char detail[160];
        uint32_t count;
};

struct finding {
        char rule[64];
        char category[16]; /* network, file, execution, sensitive */
        char path[64];     /* the file, "" for `code` */
        uint32_t line;     /* from 1 */
        uint32_t column;   /* from 1, in bytes */
        char excerpt[96];
        bool raise; /* it raised the level */
};

struct limit_hit {
        const char *limit; /* "processes" or "disk_bytes" (static) */
        uint64_t value;
        uint64_t observed;
};

struct artifact {
        char *path;
        uint64_t bytes;
        char sha256[SHA256_HEX_SIZE];
};

struct artifact_omitted {
        char *path;
        char reason[64];
};

/* What was in force, read back from the kernel where the kernel holds it. */
struct limits_in_force {
        struct limits limits;
        uint64_t disk_bytes; /* size of /work */
        char network[16];    /* bridge, loopback, none */
        char seccomp[24];    /* name of the list, e.g. "high" */
        char user[24];       /* "65534:65534" */
};

/* Zero-initialised it is empty and may be deinited. Zero times are left out of the record. */
struct result {
        char job_id[UUID_TEXT_SIZE]; /* "" is written as null (brig run --job on unreadable input) */
        char *agent_id;              /* NULL: null */
        char *language;              /* NULL: left out */
        enum status status;
        struct termination termination;
        struct rejection rejection; /* when rejected */
        struct bytes stdout_data;
        struct bytes stderr_data;
        uint64_t stdout_bytes; /* produced, kept or not */
        uint64_t stderr_bytes;
        bool truncated;
        uint64_t duration_ms;
        uint64_t queued_ms;
        uint64_t cpu_ms;
        uint64_t peak_memory_bytes;
        bool has_risk;
        enum risk risk;
        bool has_limits;
        struct limits_in_force limits;
        struct finding *findings;
        size_t finding_count;
        struct violation *violations;
        size_t violation_count;
        struct limit_hit limits_hit[RESULT_LIMITS_HIT_MAX];
        size_t limit_hit_count;
        struct artifact *artifacts;
        size_t artifact_count;
        struct artifact_omitted *omitted; /* the first RESULT_OMITTED_MAX; a NULL path ends them sooner */
        size_t omitted_count;             /* all of them, named or not */
        char image[96];                   /* image id; "" left out */
        char worker[128];                 /* "" left out */
        uint32_t attempt;                 /* 0: left out */
        uint64_t fence;                   /* 0: left out */
        uint64_t started_at_ms;
        uint64_t finished_at_ms;
        bool phase_compile; /* `phase`: compile, else run */
        json_t *metadata;   /* owned; NULL: left out */
};

void result_deinit(struct result *r);

/* Adds one, or raises the count of the same rule and detail; beyond the bound nothing. 0, or -1: no memory. */
int result_add_violation(struct result *r, enum violation_class class, const char *rule, const char *detail, uint32_t count);

/* New reference with every field in the order of sandbox.md, or NULL: no memory. */
json_t *result_to_json(const struct result *r);

/* Reads a record that brig wrote; fields of later versions are passed over. 0, or -1 (ERROR_INVALID): names what is missing or wrong. */
int result_from_json(struct result *ret_r, const json_t *record, struct error *e);

/* A terminal record for a job that did not run: rejected, cancelled before its start, or error. Texts are copied; metadata is
 * referenced. 0 or -1: no memory. */
int result_init_rejected(struct result *ret_r, const char *job_id, const char *agent_id, const struct rejection *rejection,
                         json_t *metadata);
int result_init_ended(struct result *ret_r, const char *job_id, const char *agent_id, enum status status, enum cause cause,
                      const char *reason, json_t *metadata);

#endif
