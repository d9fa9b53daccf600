#include "clients/cli/cluster.h"

#include <librdkafka/rdkafka.h>

enum { METADATA_MS = 10000 };

int cluster_open(struct cluster *ret_cluster, const struct config *config, struct error *e)
{
        *ret_cluster = (struct cluster){.config = config, .topics = kafka_topics_named(config->kafka_topic_prefix)};
        return kafka_topics_ensure(config, &ret_cluster->topics, METADATA_MS, &ret_cluster->partitions, e);
}

int32_t cluster_partition(const struct cluster *cluster, const char *agent_id)
{
        return agent_id ? kafka_partition_of(span_of(agent_id), cluster->partitions) : TOPIC_ALL_PARTITIONS;
}

int cluster_end(const struct cluster *cluster, const char *topic, int32_t partition, int64_t *ret_offset, struct error *e)
{
        enum topic_scan_verdict verdict;
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = topic,
                        .partitions = cluster->partitions,
                        .partition = partition,
                        .offset = RD_KAFKA_OFFSET_END,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        if (verdict != TOPIC_SCAN_ENDED)
                return error_set(e, ERROR_TIMEOUT, "%s: its end was not found in time", topic);
        *ret_offset = scan.end;
        return 0;
}

int cluster_read(const struct cluster *cluster, const char *topic, const char *agent_id,
                 bool (*record)(void *data, const struct kafka_record *record), void *data, struct error *e)
{
        enum topic_scan_verdict verdict;
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = topic,
                        .partitions = cluster->partitions,
                        .partition = cluster_partition(cluster, agent_id),
                        .offset = RD_KAFKA_OFFSET_BEGINNING,
                        .record = record,
                        .data = data,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        return verdict == TOPIC_SCAN_TIMED_OUT ? error_set(e, ERROR_TIMEOUT, "%s: its end was not reached in time", topic) : 0;
}
