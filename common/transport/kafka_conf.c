#include "common/transport/kafka_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"

enum { PROPERTIES_MAX = 512 };

enum scope { SCOPE_BOTH = '*', SCOPE_PRODUCER = 'P', SCOPE_CONSUMER = 'C' };

struct setting {
        char scope;
        bool fixed; /* a promise rests on it */
        const char *key, *value;
};

static const struct setting settings[] = {
                {SCOPE_BOTH, false, "client.id", "brig"},
                {SCOPE_BOTH, false, "socket.nagle.disable", "true"},
                {SCOPE_BOTH, false, "socket.timeout.ms", "10000"},
                {SCOPE_BOTH, false, "reconnect.backoff.ms", "50"},
                {SCOPE_BOTH, false, "reconnect.backoff.max.ms", "1000"},
                /* A cluster that makes topics by itself would make them with one partition and its own limits. */
                {SCOPE_BOTH, true, "allow.auto.create.topics", "false"},

                {SCOPE_PRODUCER, true, "enable.idempotence", "true"},
                {SCOPE_PRODUCER, true, "acks", "all"},
                /* With more, librdkafka before 2.2 can report a record of a new topic as written that is not. */
                {SCOPE_PRODUCER, true, "max.in.flight.requests.per.connection", "1"},
                /* The sink keeps the time itself: a time-out inside librdkafka is fatal to an idempotent producer. */
                {SCOPE_PRODUCER, true, "message.timeout.ms", "0"},
                {SCOPE_PRODUCER, false, "message.max.bytes", "4390912"}, /* 4 MiB + 192 KiB: a dead letter holds a whole job and more */
                {SCOPE_PRODUCER, false, "linger.ms", "0"},
                {SCOPE_PRODUCER, false, "queue.buffering.max.kbytes", "32768"},

                {SCOPE_CONSUMER, true, "enable.auto.commit", "false"},
                {SCOPE_CONSUMER, true, "enable.auto.offset.store", "false"},
                {SCOPE_CONSUMER, true, "enable.partition.eof", "true"},
                {SCOPE_CONSUMER, true, "auto.offset.reset", "error"}, /* the source tells it and goes on; librdkafka would only go on */
                {SCOPE_CONSUMER, true, "partition.assignment.strategy", "range"},
                {SCOPE_CONSUMER, false, "session.timeout.ms", "10000"},
                {SCOPE_CONSUMER, false, "heartbeat.interval.ms", "1000"},
                /* brig writes no transactions, and a stranger's hung one would stall whoever waits for its end. */
                {SCOPE_CONSUMER, false, "isolation.level", "read_uncommitted"},
                /* A partition that is added waits for the fetch on its way to return. */
                {SCOPE_CONSUMER, false, "fetch.wait.max.ms", "100"},
                {SCOPE_CONSUMER, false, "fetch.error.backoff.ms", "50"},
                {SCOPE_CONSUMER, false, "fetch.message.max.bytes", "262144"},
                {SCOPE_CONSUMER, false, "queued.max.messages.kbytes", "512"}, /* for each partition */
};

enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]) };

/* Set from keys of brig's own, or other names of what is fixed above. */
static const char *const own[] = {"bootstrap.servers",   "metadata.broker.list", "group.id",
                                  "group.instance.id",   "max.in.flight",        "request.required.acks",
                                  "delivery.timeout.ms", "auto.commit.enable"};

/* librdkafka's table of properties as text, cut into names. */
struct properties {
        char *text;
        const char *names[PROPERTIES_MAX];
        char scopes[PROPERTIES_MAX];
        size_t count;
};

static void properties_deinit(struct properties *p)
{
        free(p->text);
}

/* "name   |  C  | range …": the scope follows the first bar. */
static void properties_add(struct properties *p, char *line)
{
        char *bar = strchr(line, '|');
        size_t length = strcspn(line, " |");

        if (!bar || length == 0 || p->count == PROPERTIES_MAX || strncmp(line, "Property", length) == 0)
                return;
        line[length] = 0;
        p->names[p->count] = line;
        p->scopes[p->count++] = bar[1 + strspn(bar + 1, " ")];
}

static int properties_init(struct properties *p, struct error *e)
{
        size_t size = 0;
        *p = (struct properties){0};
        FILE *file = open_memstream(&p->text, &size);
        if (!file)
                return error_set(e, ERROR_MEMORY, "the table of Kafka options");
        rd_kafka_conf_properties_show(file);
        if (fclose(file) != 0)
                return error_set(e, ERROR_MEMORY, "the table of Kafka options");
        char *rest = p->text;
        for (char *line; (line = strsep(&rest, "\n"));)
                properties_add(p, line);
        return 0;
}

static char properties_scope(const struct properties *p, const char *name)
{
        for (size_t i = 0; i < p->count; i++)
                if (strcmp(p->names[i], name) == 0)
                        return p->scopes[i];
        return 0;
}

static bool scope_is_of(char scope, enum kafka_role role)
{
        return scope == SCOPE_BOTH || scope == (role == KAFKA_PRODUCER ? SCOPE_PRODUCER : SCOPE_CONSUMER);
}

static int refuse_unknown(const struct properties *known, const char *key, struct error *e)
{
        const char *nearest = nearest_name(span_of(key), known->names, known->count);
        if (!nearest)
                return error_set(e, ERROR_CONFIG, "kafka.%s: librdkafka %s has no such option", key, rd_kafka_version_str());
        return error_set(e, ERROR_CONFIG, "kafka.%s: librdkafka %s has no such option; nearest is kafka.%s", key, rd_kafka_version_str(),
                         nearest);
}

static int refuse_fixed(const char *key, struct error *e)
{
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
                if (strcmp(own[i], key) == 0)
                        return error_set(e, ERROR_CONFIG, "kafka.%s is set by brig itself", key);
        for (size_t i = 0; i < SETTING_COUNT; i++)
                if (settings[i].fixed && strcmp(settings[i].key, key) == 0)
                        return error_set(e, ERROR_CONFIG, "kafka.%s stays %s: what brig promises of its records rests on it", key,
                                         settings[i].value);
        return 0;
}

int kafka_conf_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *e)
{
        char reason[200];
        if (rd_kafka_conf_set(conf, key, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK)
                return error_set(e, ERROR_CONFIG, "kafka.%s: %s", key, reason);
        return 0;
}

static int set_passed_through(rd_kafka_conf_t *conf, const struct properties *known, const struct config_pair *pair, enum kafka_role role,
                              struct error *e)
{
        char scope = properties_scope(known, pair->key);
        if (!scope)
                return refuse_unknown(known, pair->key, e);
        if (refuse_fixed(pair->key, e) < 0)
                return -1;
        return scope_is_of(scope, role) ? kafka_conf_set(conf, pair->key, pair->value, e) : 0;
}

static int set_own(rd_kafka_conf_t *conf, const struct config *config, enum kafka_role role, struct error *e)
{
        for (size_t i = 0; i < SETTING_COUNT; i++)
                if (scope_is_of(settings[i].scope, role) && kafka_conf_set(conf, settings[i].key, settings[i].value, e) < 0)
                        return -1;
        return kafka_conf_set(conf, "bootstrap.servers", config->kafka_bootstrap_servers, e);
}

static int set_all(rd_kafka_conf_t *conf, const struct config *config, const struct properties *known, enum kafka_role role,
                   struct error *e)
{
        if (set_own(conf, config, role, e) < 0)
                return -1;
        for (size_t i = 0; i < config->kafka_pass_through_count; i++)
                if (set_passed_through(conf, known, &config->kafka_pass_through[i], role, e) < 0)
                        return -1;
        return 0;
}

int kafka_conf_new(rd_kafka_conf_t **ret_conf, const struct config *config, enum kafka_role role, struct error *e)
{
        struct properties known;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        int r = properties_init(&known, e);

        if (r == 0)
                r = set_all(conf, config, &known, role, e);
        properties_deinit(&known);
        if (r < 0)
                rd_kafka_conf_destroy(conf);
        else
                *ret_conf = conf;
        return r;
}

int kafka_conf_check(const struct config *config, struct error *e)
{
        rd_kafka_conf_t *conf;
        for (enum kafka_role role = KAFKA_PRODUCER; role <= KAFKA_CONSUMER; role++) {
                if (kafka_conf_new(&conf, config, role, e) < 0)
                        return -1;
                rd_kafka_conf_destroy(conf);
        }
        return 0;
}
