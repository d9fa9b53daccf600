#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/job_reader.h"

#define LIMITS_PREFIX "limits."

/* The least that can be kept: the engine's own minimum of CPU, and memory for PID 1 and the smallest tmpfs of each kind. */
static const struct limits limits_minimum = {1, 1, 8 << 20, 10, 1, 0};

static void format_value(const struct limit_key *key, uint64_t value, char ret_text[static 32])
{
        if (key->thousandths)
                snprintf(ret_text, 32, "%g", (double)value / 1000);
        else
                snprintf(ret_text, 32, "%" PRIu64, value);
}

static int fail_bound(struct job_reader *reader, const char *key, const struct limit_key *limit, uint64_t bound, const char *observed,
                      const char *relation)
{
        char value[32];
        format_value(limit, bound, value);
        return rejection_set(reader->rejection, REJECTION_INVALID, key, value, observed, "%s is %s, %s of %s", key, observed, relation,
                             value);
}

static const struct limit_key *find_limit(const char *key)
{
        const struct limit_key *limit = limit_keys;
        while (strcmp(limit->name, key + strlen(LIMITS_PREFIX)) != 0)
                limit++;
        return limit;
}

static void format_observed(const json_t *value, char ret_text[static 32])
{
        if (json_is_integer(value))
                snprintf(ret_text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
                snprintf(ret_text, 32, "%.12g", json_real_value(value));
}

static int read_limit(struct job_reader *reader, const char *key, const json_t *value)
{
        const struct limit_key *limit = find_limit(key);
        double number = json_number_value(value) * (limit->thousandths ? 1000 : 1);
        uint64_t minimum = limits_get(&limits_minimum, limit), maximum = limits_get(&reader->bounds->maximum, limit);
        char observed[32];
        if (limit->thousandths ? !json_is_number(value) : !json_is_integer(value))
                return reader_fail_type(reader, key, limit->thousandths ? "a number" : "an integer", value);
        format_observed(value, observed);
        if (number < (double)minimum)
                return fail_bound(reader, key, limit, minimum, observed, "below the minimum");
        if (maximum && number > (double)maximum)
                return fail_bound(reader, key, limit, maximum, observed, "above the operator's maximum");
        limits_set(&reader->job->limits, limit, limit->thousandths ? (uint64_t)(number + 0.5) : (uint64_t)json_integer_value(value));
        reader->job->limits_named |= limit->bit;
        return 0;
}

int job_read_limits(struct job_reader *reader, const char *key, const json_t *value)
{
        struct job_key keys[LIMIT_COUNT];
        if (!json_is_object(value))
                return reader_fail_type(reader, key, "an object", value);
        for (size_t i = 0; i < LIMIT_COUNT; i++)
                keys[i] = (struct job_key){limit_keys[i].name, read_limit};
        return reader_read_object(reader, LIMITS_PREFIX, value, keys, LIMIT_COUNT);
}
