#include "common/job_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"

enum { KNOWN_KEYS_MAX = 32, KEY_SIZE = sizeof((struct rejection *)0)->key };

static const char *type_name(const json_t *value)
{
        static const char *const names[] = {
                        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string", [JSON_INTEGER] = "an integer",
                        [JSON_REAL] = "a number",    [JSON_TRUE] = "a boolean", [JSON_FALSE] = "a boolean", [JSON_NULL] = "null",
        };
        return names[json_typeof(value)];
}

int reader_fail_type(struct job_reader *reader, const char *key, const char *expected, const json_t *value)
{
        const char *observed = type_name(value);
        return rejection_set(reader->rejection, REJECTION_INVALID, key, expected, observed, "%s must be %s, not %s", key, expected,
                             observed);
}

int reader_fail_value(struct job_reader *reader, const char *key, const char *observed, const char *what)
{
        return rejection_set(reader->rejection, REJECTION_INVALID, key, NULL, observed, "%s %s", key, what);
}

int reader_fail_above(struct job_reader *reader, const char *key, uint64_t maximum, uint64_t observed, const char *of_what)
{
        char most[24], had[24];
        snprintf(most, sizeof most, "%" PRIu64, maximum);
        snprintf(had, sizeof had, "%" PRIu64, observed);
        return rejection_set(reader->rejection, REJECTION_INVALID, key, most, had, "%s has %s %s, above the maximum of %s",
                             *key ? key : "the record", had, of_what, most);
}

int reader_fail_missing(struct job_reader *reader, const char *key, const char *why)
{
        return rejection_set(reader->rejection, REJECTION_INVALID, key, NULL, NULL, "%s is missing%s", key, why);
}

int reader_fail_name(struct job_reader *reader, const char *key, const char *observed, const char *const *known, size_t count)
{
        const char *nearest = nearest_name(span_of(observed), known, count);
        char all[128] = "", shown[64];
        for (size_t i = 0, size = 0; i < count && size < sizeof all; i++)
                size += (size_t)snprintf(all + size, sizeof all - size, "%s%s", i ? ", " : "", known[i]);
        utf8_copy(shown, sizeof shown, span_of(observed));
        rejection_set(reader->rejection, REJECTION_INVALID, key, NULL, observed, "%s is \"%s\", not one of: %s", key, shown, all);
        if (nearest)
                utf8_copy(reader->rejection->nearest, sizeof reader->rejection->nearest, span_of(nearest));
        return -1;
}

int reader_fail_memory(struct job_reader *reader)
{
        return rejection_set(reader->rejection, REJECTION_NONE, NULL, NULL, NULL, "out of memory");
}

static int fail_unknown_key(struct job_reader *reader, const char *prefix, const char *name, const struct job_key *keys, size_t key_count)
{
        const char *known[KNOWN_KEYS_MAX];
        char key[KEY_SIZE], hint[KEY_SIZE + 32] = "";
        for (size_t i = 0; i < key_count; i++)
                known[i] = keys[i].name;
        const char *nearest = nearest_name(span_of(name), known, key_count);
        snprintf(key, sizeof key, "%s%s", prefix, name);
        utf8_trim(key);
        if (nearest)
                snprintf(hint, sizeof hint, "; the nearest known key is %s%s", prefix, nearest);
        rejection_set(reader->rejection, REJECTION_INVALID, key, NULL, NULL, "unknown key %.*s%s", KEY_SIZE, key, hint);
        if (nearest)
                snprintf(reader->rejection->nearest, sizeof reader->rejection->nearest, "%s%s", prefix, nearest);
        return -1;
}

static const struct job_key *find_key(const struct job_key *keys, size_t key_count, const char *name)
{
        for (size_t i = 0; i < key_count; i++) {
                if (strcmp(keys[i].name, name) == 0)
                        return &keys[i];
        }
        return NULL;
}

int reader_read_object(struct job_reader *reader, const char *prefix, const json_t *object, const struct job_key *keys, size_t key_count)
{
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, name, value)
        {
                char key[KEY_SIZE];
                const struct job_key *known = find_key(keys, key_count, name);
                if (!known)
                        return fail_unknown_key(reader, prefix, name, keys, key_count);
                snprintf(key, sizeof key, "%s%s", prefix, name);
                if (known->read(reader, key, value) < 0)
                        return -1;
        }
        return 0;
}

int reader_get_text(struct job_reader *reader, const char *key, const json_t *value, struct span *ret_text)
{
        if (!json_is_string(value))
                return reader_fail_type(reader, key, "a string", value);
        *ret_text = (struct span){(const uint8_t *)json_string_value(value), json_string_length(value)};
        return 0;
}

int reader_copy_text(struct job_reader *reader, const char *key, const json_t *value, char **ret_text)
{
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        *ret_text = strdup(json_string_value(value));
        return *ret_text ? 0 : reader_fail_memory(reader);
}

int reader_copy_texts(struct job_reader *reader, const char *key, const json_t *value, size_t max,
                      int (*check)(struct job_reader *reader, const char *key, struct span text), char ***ret_texts, size_t *ret_count)
{
        size_t count = json_array_size(value);
        if (!json_is_array(value))
                return reader_fail_type(reader, key, "an array of strings", value);
        if (count > max)
                return reader_fail_above(reader, key, max, count, "elements");
        *ret_texts = count ? calloc(count, sizeof **ret_texts) : NULL;
        if (count && !*ret_texts)
                return reader_fail_memory(reader);
        for (size_t i = 0; i < count; i++) {
                char element[KEY_SIZE];
                snprintf(element, sizeof element, "%s[%zu]", key, i);
                if (reader_copy_text(reader, element, json_array_get(value, i), &(*ret_texts)[i]) < 0)
                        return -1;
                *ret_count = i + 1;
                if (check && check(reader, element, span_of((*ret_texts)[i])) < 0)
                        return -1;
        }
        return 0;
}
