/* JSON lines on standard error: {"time":…,"level":…,"program":…,"message":…, fields…}.
 *
 * A thing is logged once, where it is handled, with the ids at hand. Code, environment values and output of jobs never are. */
#ifndef BRIG_COMMON_LOG_H
#define BRIG_COMMON_LOG_H

#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log {
        const char *program;       /* borrowed */
        enum log_level level;      /* below it nothing is written */
        const struct clock *clock; /* borrowed */
        int fd;                    /* where lines go; -1 writes nowhere (unit tests) */
};

enum log_field_kind { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_NUMBER };

struct log_field {
        const char *key;
        enum log_field_kind kind;
        const char *text; /* NULL writes null */
        int64_t number;
};

#define LOG_TEXT(key, value) ((struct log_field){(key), LOG_FIELD_TEXT, (value), 0})
#define LOG_NUMBER(key, value) ((struct log_field){(key), LOG_FIELD_NUMBER, NULL, (int64_t)(value)})

/* Writes one line with one write(2). `fields` ends with a LOG_FIELD_END element, or is NULL. */
void log_write(const struct log *log, enum log_level level, const char *message, const struct log_field *fields);

/* log_event(log, LOG_INFO, "job finished", LOG_TEXT("job_id", id), LOG_NUMBER("duration_ms", n)) */
#define log_event(log, level, message, ...) log_write((log), (level), (message), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* The same with "error" (code name) and "detail" (text) of `e` first. */
void log_error(const struct log *log, enum log_level level, const char *message, const struct error *e, const struct log_field *fields);

extern const char *const log_level_names[]; /* NULL-ended */

const char *log_level_name(enum log_level level);
enum log_level log_level_of(const char *name); /* of a name that the configuration has checked; else LOG_INFO */

#endif
