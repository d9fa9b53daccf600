#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/gate_call.h"

static int last_set(json_t *last, const struct gate_agent *agent)
{
        for (size_t i = 0; i < agent->last_count; i++) {
                char partition[16];
                snprintf(partition, sizeof partition, "%" PRId32, agent->last_partitions[i]);
                if (json_object_set_new(last, partition, json_integer(agent->last_offsets[i])))
                        return -1;
        }
        return 0;
}

json_t *gate_agent_to_json(const struct gate_agent *agent)
{
        json_t *last = json_object();
        if (!last || last_set(last, agent)) {
                json_decref(last);
                return NULL;
        }
        return json_pack("{s:s, s:I, s:i, s:i, s:b, s:o}", "agent", agent->agent_id, "version", (json_int_t)agent->version, "trust",
                         (int)agent->trust, "violations", (int)agent->violations, "quarantined", agent->quarantined, "last", last);
}

static int last_read(struct gate_agent *agent, json_t *last, void *memory)
{
        int64_t *offsets = memory;
        int32_t *partitions = (int32_t *)(void *)(offsets + json_object_size(last));
        const char *name;
        json_t *offset;
        json_object_foreach(last, name, offset)
        {
                uint64_t partition;
                if (!span_to_u64(span_of(name), &partition) || partition > INT32_MAX || !json_is_integer(offset))
                        return -1;
                partitions[agent->last_count] = (int32_t)partition;
                offsets[agent->last_count++] = json_integer_value(offset);
        }
        agent->last_partitions = partitions;
        agent->last_offsets = offsets;
        return 0;
}

int gate_agent_from_json(struct gate_agent *ret_agent, void **ret_memory, const json_t *value, struct error *e)
{
        struct gate_agent agent = {0};
        json_int_t version;
        int trust, violations, quarantined;
        const char *name;
        json_t *last;
        if (json_unpack((json_t *)value, "{s:s, s:I, s:i, s:i, s:b, s:o}", "agent", &name, "version", &version, "trust", &trust,
                        "violations", &violations, "quarantined", &quarantined, "last", &last) ||
            !json_is_object(last) || version < 0 || trust < 0 || trust > 1000 || violations < 0)
                return error_set(e, ERROR_INVALID,
                                 "not a record of an agent: {agent, version, trust, violations, quarantined, last} expected");
        size_t arrays = json_object_size(last) * (sizeof(int64_t) + sizeof(int32_t)), size = strlen(name) + 1;
        char *memory = malloc(arrays + size);
        if (!memory)
                return error_set(e, ERROR_MEMORY, "record of an agent");
        if (last_read(&agent, last, memory)) {
                free(memory);
                return error_set(e, ERROR_INVALID, "record of agent %s: last is not {partition: offset}", name);
        }
        agent.agent_id = memcpy(memory + arrays, name, size);
        agent.version = (uint64_t)version;
        agent.trust = (unsigned)trust;
        agent.violations = (unsigned)violations;
        agent.quarantined = quarantined;
        *ret_agent = agent;
        *ret_memory = memory;
        return 0;
}
