/* What the parsers of a job's keys share: the job that is filled, the rejection that says what is wrong, and the kinds of refusal.
 *
 * Keys are dotted and whole ("files[3].path"). Every function that refuses returns -1, for `return reader_…`. */
#ifndef BRIG_COMMON_JOB_READER_H
#define BRIG_COMMON_JOB_READER_H

#include <jansson.h>

#include "common/job.h"

struct job_reader {
        const struct job_bounds *bounds;
        struct job *job;
        struct rejection *rejection;
};

/* One key of an object: its parser gets the member's whole key. */
struct job_key {
        const char *name;
        int (*read)(struct job_reader *reader, const char *key, const json_t *value);
};

/* Gives every member of `object` to its key's parser; an unknown one is refused with the nearest. `prefix` is "" or "files[3].". */
int reader_read_object(struct job_reader *reader, const char *prefix, const json_t *object, const struct job_key *keys, size_t key_count);

int reader_fail_type(struct job_reader *reader, const char *key, const char *expected, const json_t *value);
int reader_fail_value(struct job_reader *reader, const char *key, const char *observed, const char *what);
int reader_fail_above(struct job_reader *reader, const char *key, uint64_t maximum, uint64_t observed, const char *of_what);
int reader_fail_missing(struct job_reader *reader, const char *key, const char *why);
int reader_fail_name(struct job_reader *reader, const char *key, const char *observed, const char *const *known, size_t count);
int reader_fail_memory(struct job_reader *reader);

/* A string member's text, borrowed; -1 and refused when it is none. */
int reader_get_text(struct job_reader *reader, const char *key, const json_t *value, struct span *ret_text);

/* The same, copied to the heap. */
int reader_copy_text(struct job_reader *reader, const char *key, const json_t *value, char **ret_text);

/* An array of strings, at most `max`, each checked by `check` (may be NULL) and copied; *ret_count grows with what is filled. */
int reader_copy_texts(struct job_reader *reader, const char *key, const json_t *value, size_t max,
                      int (*check)(struct job_reader *reader, const char *key, struct span text), char ***ret_texts, size_t *ret_count);

/* The keys whose parsing needs files of their own. */
int job_read_files(struct job_reader *reader, const char *key, const json_t *value);
int job_read_limits(struct job_reader *reader, const char *key, const json_t *value);

#endif
