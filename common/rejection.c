#include "common/rejection.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/encoding.h"
#include "common/json.h"

static const char *const reason_names[] = {"", "rate_limited", "cpu_budget", "quarantined", "invalid", "denied", "expired"};

enum { REASON_COUNT = sizeof reason_names / sizeof *reason_names };

const char *rejection_reason_name(enum rejection_reason reason)
{
        return reason_names[reason];
}

enum rejection_reason rejection_reason_parse(const char *name)
{
        for (unsigned i = 1; name && i < REASON_COUNT; i++) {
                if (strcmp(name, reason_names[i]) == 0)
                        return (enum rejection_reason)i;
        }
        return REJECTION_NONE;
}

int rejection_set(struct rejection *r, enum rejection_reason reason, const char *key, const char *value, const char *observed,
                  const char *format, ...)
{
        va_list arguments;
        uint64_t retry_after_ms = r->retry_after_ms;
        *r = (struct rejection){.reason = reason, .retry_after_ms = retry_after_ms};
        utf8_copy(r->key, sizeof r->key, span_of(key));
        utf8_copy(r->value, sizeof r->value, span_of(value));
        utf8_copy(r->observed, sizeof r->observed, span_of(observed));
        va_start(arguments, format);
        vsnprintf(r->message, sizeof r->message, format, arguments);
        va_end(arguments);
        utf8_trim(r->message);
        return -1;
}

/* The texts of a rejection, in the record's order. */
static const struct {
        const char *key;
        size_t offset, size;
        bool number; /* written as a number when it is one */
} text_fields[] = {
                {"message", offsetof(struct rejection, message), sizeof((struct rejection *)0)->message, false},
                {"key", offsetof(struct rejection, key), sizeof((struct rejection *)0)->key, false},
                {"nearest", offsetof(struct rejection, nearest), sizeof((struct rejection *)0)->nearest, false},
                {"limit", offsetof(struct rejection, limit), sizeof((struct rejection *)0)->limit, false},
                {"value", offsetof(struct rejection, value), sizeof((struct rejection *)0)->value, true},
                {"observed", offsetof(struct rejection, observed), sizeof((struct rejection *)0)->observed, true},
};

enum { TEXT_FIELD_COUNT = sizeof text_fields / sizeof *text_fields };

static json_t *field_to_json(const char *text, bool number)
{
        json_t *value = number ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        if (json_is_number(value))
                return value;
        json_decref(value);
        return json_text(span_of(text));
}

json_t *rejection_to_json(const struct rejection *r)
{
        json_t *object = json_object();
        int status = object ? json_object_set_new(object, "reason", json_string(reason_names[r->reason])) : -1;
        for (unsigned i = 0; status == 0 && i < TEXT_FIELD_COUNT; i++) {
                const char *text = (const char *)r + text_fields[i].offset;
                if (*text)
                        status = json_object_set_new(object, text_fields[i].key, field_to_json(text, text_fields[i].number));
        }
        if (status == 0 && r->retry_after_ms)
                status = json_object_set_new(object, "retry_after_ms", json_integer((json_int_t)r->retry_after_ms));
        if (status == 0)
                return object;
        json_decref(object);
        return NULL;
}

static int field_from_json(char *ret_text, size_t size, const json_t *value)
{
        struct bytes text = {0};
        int status = -1;
        if (!value)
                return 0;
        if (json_is_string(value))
                status = bytes_append(&text, json_string_value(value), json_string_length(value));
        else if (json_is_number(value))
                status = json_document_append(value, &text);
        if (status == 0)
                utf8_copy(ret_text, size, bytes_span(&text));
        bytes_deinit(&text);
        return status;
}

int rejection_from_json(struct rejection *ret_r, const json_t *value)
{
        struct rejection r = {.reason = rejection_reason_parse(json_string_value(json_object_get(value, "reason")))};
        const json_t *retry = json_object_get(value, "retry_after_ms");
        if (r.reason == REJECTION_NONE || (retry && (!json_is_integer(retry) || json_integer_value(retry) < 0)))
                return -1;
        r.retry_after_ms = (uint64_t)json_integer_value(retry);
        for (unsigned i = 0; i < TEXT_FIELD_COUNT; i++) {
                char *text = (char *)&r + text_fields[i].offset;
                if (field_from_json(text, text_fields[i].size, json_object_get(value, text_fields[i].key)) < 0)
                        return -1;
        }
        *ret_r = r;
        return 0;
}
