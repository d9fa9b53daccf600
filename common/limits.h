/* What a job may use. The same struct serves what a profile gives, what a job asks and what was in force. */
#ifndef BRIG_COMMON_LIMITS_H
#define BRIG_COMMON_LIMITS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* key in records, field, and the key's unit is in its name. cpu_millis stands as `cpus` (a decimal number) in records. */
struct limits {
        uint64_t timeout_ms;   /* wall time of a run */
        uint64_t cpu_ms;       /* CPU time of all its processes; 0: no such limit */
        uint64_t memory_bytes; /* tmpfs included; no swap */
        uint64_t cpu_millis;   /* thousandths of a CPU */
        uint64_t processes;    /* the job's share, without init and the language's runtime_processes */
        uint64_t output_bytes; /* per stream */
};

enum limit_bit { /* which fields a job named */
                 LIMIT_TIMEOUT = 1 << 0,
                 LIMIT_CPU_TIME = 1 << 1,
                 LIMIT_MEMORY = 1 << 2,
                 LIMIT_CPUS = 1 << 3,
                 LIMIT_PROCESSES = 1 << 4,
                 LIMIT_OUTPUT = 1 << 5,
};

enum { LIMIT_COUNT = 6 };

/* The one list of limits: what records call each, its bit, its field. */
struct limit_key {
        const char *name; /* "timeout_ms" */
        size_t offset;    /* in struct limits */
        enum limit_bit bit;
        bool thousandths; /* records hold a decimal number, the field its thousandths */
};

extern const struct limit_key limit_keys[LIMIT_COUNT];

uint64_t limits_get(const struct limits *limits, const struct limit_key *key);
void limits_set(struct limits *limits, const struct limit_key *key, uint64_t value);

/* An object of those fields whose bit stands in `named`: the limits of a record. New reference, or NULL: no memory. */
json_t *limits_to_json(const struct limits *limits, unsigned named);

/* `defaults`, with every field whose bit stands in `named` taken from `asked`. */
struct limits limits_merge(const struct limits *defaults, const struct limits *asked, unsigned named);

#endif
