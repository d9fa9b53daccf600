#include "common/limits.h"

#include <string.h>

const struct limit_key limit_keys[LIMIT_COUNT] = {
                {"timeout_ms", offsetof(struct limits, timeout_ms), LIMIT_TIMEOUT, false},
                {"cpu_ms", offsetof(struct limits, cpu_ms), LIMIT_CPU_TIME, false},
                {"memory_bytes", offsetof(struct limits, memory_bytes), LIMIT_MEMORY, false},
                {"cpus", offsetof(struct limits, cpu_millis), LIMIT_CPUS, true},
                {"processes", offsetof(struct limits, processes), LIMIT_PROCESSES, false},
                {"output_bytes", offsetof(struct limits, output_bytes), LIMIT_OUTPUT, false},
};

uint64_t limits_get(const struct limits *limits, const struct limit_key *key)
{
        uint64_t value;
        memcpy(&value, (const char *)limits + key->offset, sizeof value);
        return value;
}

void limits_set(struct limits *limits, const struct limit_key *key, uint64_t value)
{
        memcpy((char *)limits + key->offset, &value, sizeof value);
}

struct limits limits_merge(const struct limits *defaults, const struct limits *asked, unsigned named)
{
        struct limits merged = *defaults;
        for (size_t i = 0; i < LIMIT_COUNT; i++) {
                if (named & limit_keys[i].bit)
                        limits_set(&merged, &limit_keys[i], limits_get(asked, &limit_keys[i]));
        }
        return merged;
}

static json_t *limit_to_json(const struct limit_key *key, uint64_t value)
{
        if (key->thousandths && value % 1000)
                return json_real((double)value / 1000);
        return json_integer((json_int_t)(key->thousandths ? value / 1000 : value));
}

json_t *limits_to_json(const struct limits *limits, unsigned named)
{
        json_t *object = json_object();
        for (size_t i = 0; object && i < LIMIT_COUNT; i++) {
                const struct limit_key *key = &limit_keys[i];
                if (!(named & key->bit) || json_object_set_new(object, key->name, limit_to_json(key, limits_get(limits, key))) == 0)
                        continue;
                json_decref(object);
                object = NULL;
        }
        return object;
}
