#include "clients/cli/cluster.h"

#include "clients/cli/topic_range.h"

enum { METADATA_MS = 5000 };

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
        struct topic_part part = {topic, partition, 1};
        struct topic_range range = {0};
        if (topic_ranges(cluster->config, &part, 0, &range, e) < 0)
                return -1;
        *ret_offset = range.end;
        return 0;
}

int cluster_read(const struct cluster *cluster, const struct cluster_read *read, struct error *e)
{
        enum topic_scan_verdict verdict;
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = read->topic,
                        .partitions = cluster->partitions,
                        .partition = cluster_partition(cluster, read->agent_id),
                        .offset = TOPIC_BEGINNING,
                        .since_ms = read->since_ms,
                        .record = read->record,
                        .data = read->data,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        return verdict == TOPIC_SCAN_TIMED_OUT ? error_set(e, ERROR_TIMEOUT, "%s: its end was not reached in time", read->topic) : 0;
}
