#include "common/log.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"

const char *const log_level_names[] = {"debug", "info", "warning", "error", NULL};

const char *log_level_name(enum log_level level)
{
        return log_level_names[level];
}

enum log_level log_level_of(const char *name)
{
        for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++)
                if (strcmp(log_level_name(level), name) == 0)
                        return level;
        return LOG_INFO;
}

static int set_text(json_t *line, const char *key, const char *text)
{
        return json_object_set_new(line, key, text ? json_text(span_of(text)) : json_null());
}

static int set_fields(json_t *line, const struct log_field *fields)
{
        int status = 0;
        for (const struct log_field *field = fields; field && field->kind != LOG_FIELD_END; field++) {
                status |= field->kind == LOG_FIELD_TEXT ? set_text(line, field->key, field->text)
                                                        : json_object_set_new(line, field->key, json_integer(field->number));
        }
        return status;
}

static json_t *line_new(const struct log *log, enum log_level level, const char *message)
{
        char time[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(clock_realtime_ms(log->clock), time);
        return json_pack("{ss ss ss so}", "time", time, "level", log_level_name(level), "program", log->program, "message",
                         json_text(span_of(message)));
}

static void line_write(int fd, const json_t *line)
{
        struct bytes text = {0};
        if (json_document_append(line, &text) == 0 && bytes_append(&text, "\n", 1) == 0) {
                ssize_t written = write(fd, text.data, text.size);
                (void)written; /* there is nowhere left to say that the log failed */
        }
        bytes_deinit(&text);
}

static bool wanted(const struct log *log, enum log_level level)
{
        return log->fd >= 0 && level >= log->level;
}

void log_write(const struct log *log, enum log_level level, const char *message, const struct log_field *fields)
{
        if (!wanted(log, level))
                return;
        json_t *line = line_new(log, level, message);
        if (line && set_fields(line, fields) == 0)
                line_write(log->fd, line);
        json_decref(line);
}

void log_error(const struct log *log, enum log_level level, const char *message, const struct error *e, const struct log_field *fields)
{
        if (!wanted(log, level))
                return;
        json_t *line = line_new(log, level, message);
        if (line && set_text(line, "error", error_name(e->code)) == 0 && set_text(line, "detail", e->text) == 0 &&
            set_fields(line, fields) == 0)
                line_write(log->fd, line);
        json_decref(line);
}
