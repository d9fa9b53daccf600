#include "common/json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/encoding.h"
#include "common/json_place.h"

/* jansson quotes the input after " near ": that may be a job's code, which no message repeats. It also names flags of its own. */
static const char *parse_failure(json_error_t *failure)
{
        static const char *const ends[] = {" near ", " without JSON_"};
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                char *end = strstr(failure->text, ends[i]);
                if (end)
                        *end = 0;
        }
        return failure->text;
}

static int set_parse_error(struct error *e, struct span text, json_error_t *failure, char ret_path[static JSON_PATH_SIZE])
{
        struct json_place place;
        if (errno == ENOMEM) /* jansson often takes lack of memory for a fault of the text */
                return error_set(e, ERROR_MEMORY, "no memory to parse %zu bytes of JSON", text.size);
        json_place_find(&place, (struct span){text.data, (size_t)failure->position});
        json_place_format(&place, ret_path);
        return error_set(e, ERROR_INVALID, "not valid JSON: line %d, column %d: %s%s%s", failure->line, failure->column,
                         parse_failure(failure), *ret_path ? " at " : "", ret_path);
}

json_t *json_document_parse_where(struct span text, char ret_path[static JSON_PATH_SIZE], struct error *e)
{
        struct json_place place;
        json_error_t failure;
        *ret_path = 0;
        if (!text.size || !json_place_find(&place, text)) {
                error_set(e, ERROR_INVALID, "not valid JSON: %s", text.size ? "nested deeper than 64 levels" : "it is empty");
                return NULL;
        }
        errno = 0;
        json_t *value = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &failure);
        if (!value)
                set_parse_error(e, text, &failure, ret_path);
        return value;
}

json_t *json_document_parse(struct span text, struct error *e)
{
        char path[JSON_PATH_SIZE];
        return json_document_parse_where(text, path, e);
}

static int append_chunk(const char *text, size_t size, void *data)
{
        return bytes_append(data, text, size);
}

int json_document_append(const json_t *value, struct bytes *ret_text)
{
        size_t before = ret_text->size;
        if (json_dump_callback(value, append_chunk, ret_text, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
                return 0;
        if (ret_text->data)
                ret_text->data[before] = 0;
        ret_text->size = before;
        return -1;
}

static size_t clean_prefix(struct span text)
{
        size_t valid = utf8_valid_size(text);
        const uint8_t *nul = valid ? memchr(text.data, 0, valid) : NULL;
        return nul ? (size_t)(nul - text.data) : valid;
}

json_t *json_text(struct span text)
{
        struct bytes clean = {0};
        json_t *string = NULL;
        int status = 0;
        while (status == 0 && text.size) {
                size_t size = clean_prefix(text);
                status = bytes_append(&clean, text.data, size);
                if (status == 0 && size < text.size)
                        status = bytes_append_string(&clean, "\xEF\xBF\xBD");
                size += size < text.size;
                text = (struct span){text.data + size, text.size - size};
        }
        if (status == 0)
                string = json_stringn(clean.data ? (const char *)clean.data : "", clean.size);
        bytes_deinit(&clean);
        return string;
}

static size_t escaped_size(uint8_t byte)
{
        if (byte == '"' || byte == '\\' || (byte >= 0x08 && byte <= 0x0D && byte != 0x0B))
                return 2;
        return byte < 0x20 ? 6 : 1;
}

/* Plain text when it can be, and is no longer so than as base64. */
static bool is_plain(struct span data)
{
        size_t size = 0;
        if (clean_prefix(data) < data.size)
                return false;
        for (size_t i = 0; i < data.size; i++)
                size += escaped_size(data.data[i]);
        return size <= (data.size + 2) / 3 * 4;
}

static int set_base64(json_t *object, const char *key, const char *encoding_key, struct span data)
{
        struct bytes text = {0};
        int status = base64_append(&text, data);
        if (status == 0)
                status = json_object_set_new(object, key, json_stringn((const char *)text.data, text.size));
        if (status == 0)
                status = json_object_set_new(object, encoding_key, json_string("base64"));
        bytes_deinit(&text);
        return status;
}

int json_set_data(json_t *object, const char *key, const char *encoding_key, struct span data)
{
        if (!data.size)
                return json_object_set_new(object, key, json_string(""));
        if (!is_plain(data))
                return set_base64(object, key, encoding_key, data);
        return json_object_set_new(object, key, json_stringn((const char *)data.data, data.size));
}

int json_get_data(const json_t *object, const char *key, const char *encoding_key, struct bytes *ret_data)
{
        const json_t *value = json_object_get(object, key), *encoding = json_object_get(object, encoding_key);
        if (!value)
                return 0;
        if (!json_is_string(value) || (encoding && !json_is_string(encoding)))
                return -1;
        struct span text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
        if (encoding && strcmp(json_string_value(encoding), "base64") == 0)
                return base64_decode(text, ret_data);
        if (encoding && strcmp(json_string_value(encoding), "utf-8") != 0)
                return -1;
        return bytes_append(ret_data, text.data, text.size);
}
