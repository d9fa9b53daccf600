#include "common/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encoding.h"
#include "common/json.h"

/* One field's memory, as what its kind says it is. */
union place {
        uint64_t *u64;
        uint32_t *u32;
        int *integer;
        bool *boolean;
        char *text;
        char **string;
        void *any;
};

static union place field_place(const struct record_field *field, const void *base)
{
        return (union place){.any = (char *)(uintptr_t)base + field->offset};
}

static json_t *number_to_json(uint64_t value)
{
        return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *time_to_json(uint64_t realtime_ms)
{
        char text[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(realtime_ms, text);
        return json_string(text);
}

static json_t *field_to_json(const struct record_field *field, union place place)
{
        switch (field->kind) {
        case RECORD_U64:
                return number_to_json(*place.u64);
        case RECORD_U32:
                return json_integer(*place.u32);
        case RECORD_INT:
                return json_integer(*place.integer);
        case RECORD_BOOL:
                return json_boolean(*place.boolean);
        case RECORD_TIME:
                return time_to_json(*place.u64);
        case RECORD_ENUM:
                return json_string(field->names[*place.integer]);
        case RECORD_TEXT:
                return json_text(span_of(place.text));
        case RECORD_STRING:
                return json_text(span_of(*place.string));
        case RECORD_PART:
                break;
        }
        return NULL;
}

static bool field_empty(const struct record_field *field, union place place)
{
        switch (field->kind) {
        case RECORD_U64:
        case RECORD_TIME:
                return *place.u64 == 0;
        case RECORD_U32:
                return *place.u32 == 0;
        case RECORD_INT:
                return *place.integer == 0;
        case RECORD_BOOL:
                return !*place.boolean;
        case RECORD_ENUM:
                return !*field->names[*place.integer];
        case RECORD_TEXT:
                return !*place.text;
        case RECORD_STRING:
                return !*place.string;
        case RECORD_PART:
                break;
        }
        return false;
}

static int write_field(const struct record_field *field, const void *base, json_t *object)
{
        union place place = field_place(field, base);
        if (field->kind == RECORD_PART)
                return field->write(object, field->key, base);
        bool empty = field->presence != RECORD_ALWAYS && field_empty(field, place);
        if (empty && field->presence == RECORD_NONZERO)
                return 0;
        return json_object_set_new(object, field->key, empty ? json_null() : field_to_json(field, place));
}

int record_write(const struct record_field *fields, size_t count, const void *base, json_t *object)
{
        for (size_t i = 0; i < count; i++) {
                if (write_field(&fields[i], base, object) < 0)
                        return -1;
        }
        return 0;
}

static int read_number(const json_t *value, uint64_t max, uint64_t *ret_number)
{
        if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
                return -1;
        *ret_number = (uint64_t)json_integer_value(value);
        return 0;
}

static int read_u32(const json_t *value, uint32_t *ret_number)
{
        uint64_t number;
        if (read_number(value, UINT32_MAX, &number) < 0)
                return -1;
        *ret_number = (uint32_t)number;
        return 0;
}

static int read_integer(const json_t *value, int *ret_number)
{
        if (!json_is_integer(value) || json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX)
                return -1;
        *ret_number = (int)json_integer_value(value);
        return 0;
}

static int read_enum(const json_t *value, const char *const *names, int *ret_index)
{
        for (int i = 0; json_is_string(value) && names[i]; i++) {
                if (strcmp(names[i], json_string_value(value)) != 0)
                        continue;
                *ret_index = i;
                return 0;
        }
        return -1;
}

static int read_text(const json_t *value, char *ret_text, size_t size)
{
        if (!json_is_string(value))
                return -1;
        utf8_copy(ret_text, size, span_of(json_string_value(value)));
        return 0;
}

static int read_string(const json_t *value, char **ret_string)
{
        free(*ret_string);
        *ret_string = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
        return *ret_string ? 0 : -1;
}

static int read_boolean(const json_t *value, bool *ret_boolean)
{
        *ret_boolean = json_is_true(value);
        return json_is_boolean(value) ? 0 : -1;
}

static int read_field(const struct record_field *field, void *base, const json_t *value)
{
        union place place = field_place(field, base);
        switch (field->kind) {
        case RECORD_U64:
                return read_number(value, INT64_MAX, place.u64);
        case RECORD_U32:
                return read_u32(value, place.u32);
        case RECORD_INT:
                return read_integer(value, place.integer);
        case RECORD_BOOL:
                return read_boolean(value, place.boolean);
        case RECORD_TIME:
                return json_is_string(value) ? clock_parse_rfc3339(json_string_value(value), place.u64) : -1;
        case RECORD_ENUM:
                return read_enum(value, field->names, place.integer);
        case RECORD_TEXT:
                return read_text(value, place.text, field->size);
        case RECORD_STRING:
                return read_string(value, place.string);
        case RECORD_PART:
                break;
        }
        return field->read(value, base);
}

int record_read(const struct record_field *fields, size_t count, void *base, const json_t *object, struct error *e)
{
        if (!json_is_object(object))
                return error_set(e, ERROR_INVALID, "the record is no object");
        for (size_t i = 0; i < count; i++) {
                const struct record_field *field = &fields[i];
                const json_t *value = json_object_get(object, field->key);
                bool absent = !value || (json_is_null(value) && field->presence == RECORD_NULLABLE);
                if (absent && field->presence == RECORD_ALWAYS)
                        return error_set(e, ERROR_INVALID, "%s is missing", field->key);
                if (!absent && read_field(field, base, value) < 0)
                        return error_set(e, ERROR_INVALID, "%s has a wrong value", field->key);
        }
        return 0;
}

json_t *record_array(const struct record_field *fields, size_t field_count, const void *first, size_t stride, size_t count)
{
        json_t *array = json_array();
        for (size_t i = 0; array && i < count; i++) {
                json_t *object = json_object();
                int status = object ? record_write(fields, field_count, (const char *)first + i * stride, object) : -1;
                if (status == 0 && json_array_append(array, object) == 0) {
                        json_decref(object);
                        continue;
                }
                json_decref(object);
                json_decref(array);
                array = NULL;
        }
        return array;
}
