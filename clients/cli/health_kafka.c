#include "clients/cli/health.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

#include "clients/cli/topic_range.h"
#include "common/transport/kafka_topics.h"

enum { KAFKA_ANSWER_MS = 5000 };

static int32_t partitions_of(const struct rd_kafka_metadata *metadata, const char *topic)
{
        for (int i = 0; i < metadata->topic_cnt; i++)
                if (strcmp(metadata->topics[i].topic, topic) == 0 && !metadata->topics[i].err)
                        return metadata->topics[i].partition_cnt;
        return 0;
}

static void note_topics(struct health *health, const struct rd_kafka_metadata *metadata)
{
        struct kafka_topics topics = kafka_topics_named(health->config->kafka_topic_prefix);
        int32_t jobs = partitions_of(metadata, topics.jobs), results = partitions_of(metadata, topics.results);
        if (partitions_of(metadata, topics.audit) > 0)
                health_check_attacks(health, topics.audit, partitions_of(metadata, topics.audit));
        if (jobs > 0 && jobs == results)
                health_note(health, "topics", HEALTH_OK, NULL, "%s and %s with %d partitions each", topics.jobs, topics.results, (int)jobs);
        else if (jobs == 0 || results == 0)
                health_note(health, "topics", HEALTH_MISSING, "the first dispatcher makes them", "%s or %s does not exist yet", topics.jobs,
                            topics.results);
        else
                health_note(health, "topics", HEALTH_BROKEN, "give both one partition count: a job's result lies in its own partition",
                            "%s has %d partitions, %s %d", topics.jobs, (int)jobs, topics.results, (int)results);
}

static void ask_metadata(struct health *health, rd_kafka_t *kafka)
{
        const struct rd_kafka_metadata *metadata = NULL;
        rd_kafka_resp_err_t failed = rd_kafka_metadata(kafka, 1, NULL, &metadata, KAFKA_ANSWER_MS);
        if (failed) {
                health_note(health, "Kafka", HEALTH_BROKEN, "start it, or set kafka.bootstrap_servers (BRIG_KAFKA_BOOTSTRAP_SERVERS)",
                            "%.80s: %s", health->config->kafka_bootstrap_servers, rd_kafka_err2str(failed));
                return;
        }
        health_note(health, "Kafka", HEALTH_OK, NULL, "%.80s, %d brokers", health->config->kafka_bootstrap_servers, metadata->broker_cnt);
        note_topics(health, metadata);
        rd_kafka_metadata_destroy(metadata);
}

void health_check_kafka(struct health *health)
{
        struct error e = {0};
        rd_kafka_t *kafka = kafka_asker_new(health->config, &e);
        if (!kafka) {
                health_note(health, "Kafka", HEALTH_BROKEN, "correct kafka.* in the configuration", "%s", e.text);
                return;
        }
        ask_metadata(health, kafka);
        rd_kafka_destroy(kafka);
}
