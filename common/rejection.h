/* Why a job never ran: the `rejection` object of a result. */
#ifndef BRIG_COMMON_REJECTION_H
#define BRIG_COMMON_REJECTION_H

#include <jansson.h>
#include <stdint.h>

enum rejection_reason {
        REJECTION_NONE,
        REJECTION_RATE_LIMITED,
        REJECTION_CPU_BUDGET,
        REJECTION_QUARANTINED,
        REJECTION_INVALID,
        REJECTION_DENIED,
        REJECTION_EXPIRED,
};

/* Texts are cut to fit at a UTF-8 border; an empty one is left out of the record. */
struct rejection {
        enum rejection_reason reason;
        char message[240];
        char key[128];           /* the dotted key of the job that is at fault */
        char nearest[64];        /* for an unknown key or name: the known one most like it */
        char limit[48];          /* the name of the limit that was met */
        char value[64];          /* its value */
        char observed[64];       /* what the job said or had */
        uint64_t retry_after_ms; /* 0: left out */
};

const char *rejection_reason_name(enum rejection_reason reason); /* "rate_limited", … ; "" for NONE */
enum rejection_reason rejection_reason_parse(const char *name);  /* NONE when unknown */

/* Fills all but `retry_after_ms`; NULL texts stay empty. Always returns -1, for `return rejection_set(...)`. */
int rejection_set(struct rejection *r, enum rejection_reason reason, const char *key, const char *value, const char *observed,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));

json_t *rejection_to_json(const struct rejection *r);                  /* new reference, or NULL: no memory */
int rejection_from_json(struct rejection *ret_r, const json_t *value); /* 0, or -1 when it is no such object */

#endif
