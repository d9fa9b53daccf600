#include "clients/cli/health.h"

#include <inttypes.h>
#include <string.h>

#include "clients/cli/cluster.h"
#include "common/clock.h"
#include "common/json.h"

enum { LOOK_BACK_MS = 86400000 };

struct attacks {
        uint64_t since_ms;
        uint64_t count;
        char last[160]; /* "RULE by AGENT" */
};

static bool is_attack(const json_t *violation)
{
        const char *class = json_string_value(json_object_get(violation, "class"));
        return class && strcmp(class, "attack") == 0;
}

static void note_violations(struct attacks *attacks, const json_t *event)
{
        const char *agent_id = json_string_value(json_object_get(event, "agent_id"));
        size_t i;
        json_t *violation;
        json_array_foreach(json_object_get(event, "violations"), i, violation)
        {
                const char *rule = json_string_value(json_object_get(violation, "rule"));
                if (!is_attack(violation))
                        continue;
                attacks->count++;
                snprintf(attacks->last, sizeof attacks->last, "%.47s by %.100s", rule ? rule : "?", agent_id ? agent_id : "?");
        }
}

static bool on_event(void *data, const struct kafka_record *record)
{
        struct attacks *attacks = data;
        struct error ignored;
        if (record->timestamp_ms < (int64_t)attacks->since_ms)
                return false;
        json_t *event = json_document_parse(record->value, &ignored);
        note_violations(attacks, event);
        json_decref(event);
        return false;
}

void health_check_attacks(struct health *health, const char *audit_topic, int32_t partitions)
{
        static const char SUBJECT[] = "breakout attempts";
        struct error e = {0};
        struct attacks attacks = {.since_ms = clock_realtime_ms(&clock_system) - LOOK_BACK_MS};
        struct cluster cluster = {.config = health->config, .partitions = partitions};
        struct cluster_read read = {.topic = audit_topic, .since_ms = attacks.since_ms, .record = on_event, .data = &attacks};
        if (cluster_read(&cluster, &read, &e) < 0)
                health_note(health, SUBJECT, HEALTH_MISSING, "see that the audit topic can be read", "%s", e.text);
        else if (attacks.count > 0)
                health_note(health, SUBJECT, HEALTH_NOTICE, "look at them: brig audit --since 24h --json",
                            "%" PRIu64 " in the last 24 hours, the last read %s", attacks.count, attacks.last);
        else
                health_note(health, SUBJECT, HEALTH_OK, NULL, "none in the last 24 hours");
}
