/* A struct's JSON form, by one table that both writes and reads it, in the table's order. */
#ifndef BRIG_COMMON_RECORD_H
#define BRIG_COMMON_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"

enum record_kind {
        RECORD_U64,
        RECORD_U32,
        RECORD_INT,
        RECORD_BOOL,
        RECORD_TIME,   /* uint64_t Unix ms ↔ RFC 3339 */
        RECORD_ENUM,   /* int-sized enum ↔ its name in `names` */
        RECORD_TEXT,   /* char[size] */
        RECORD_STRING, /* char *, owned */
        RECORD_PART,   /* by the field's own functions */
};

enum record_presence {
        RECORD_ALWAYS,   /* written whatever it is; missing is an error */
        RECORD_NONZERO,  /* zero and empty are left out; missing leaves the field alone */
        RECORD_NULLABLE, /* empty is written as null; missing and null leave the field alone */
};

struct record_field {
        const char *key;
        enum record_kind kind;
        enum record_presence presence;
        size_t offset;
        size_t size;              /* RECORD_TEXT */
        const char *const *names; /* RECORD_ENUM: NULL-ended; an empty name is zero's */
        /* RECORD_PART: `base` is the whole struct. write adds to `object` or leaves it; both 0 or -1 (no memory; wrong value). */
        int (*write)(json_t *object, const char *key, const void *base);
        int (*read)(const json_t *value, void *base);
};

/* Adds every field of the struct at `base` to `object`. 0, or -1: no memory. */
int record_write(const struct record_field *fields, size_t count, const void *base, json_t *object);

/* Fills the struct at `base`, zeroed before; unknown keys are passed over. 0, or -1 (ERROR_INVALID): names the key. What was filled
 * until then is the caller's to free. */
int record_read(const struct record_field *fields, size_t count, void *base, const json_t *object, struct error *e);

/* An array of structs `stride` bytes apart; a new reference, or NULL: no memory. */
json_t *record_array(const struct record_field *fields, size_t field_count, const void *first, size_t stride, size_t count);

/* A row for a member of `struct type` that needs no more than its kind. */
#define RECORD_FIELD(type, key, kind, presence, member)                                                                                    \
        {                                                                                                                                  \
                key, kind, presence, offsetof(struct type, member), sizeof(((struct type *)0)->member), NULL, NULL, NULL                   \
        }

#define RECORD_COUNT(fields) (sizeof(fields) / sizeof *(fields))

#endif
