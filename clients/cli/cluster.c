#include "clients/cli/cluster.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "clients/cli/topic_time.h"

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

static int find_start(const struct cluster *cluster, const struct cluster_read *read, int64_t **ret_offsets, struct error *e)
{
        *ret_offsets = NULL;
        if (read->since_ms == 0)
                return 0;
        *ret_offsets = calloc((size_t)cluster->partitions, sizeof **ret_offsets);
        if (!*ret_offsets)
                return error_set(e, ERROR_MEMORY, "out of memory");
        return topic_offsets_since(cluster->config, read->topic, cluster->partitions, read->since_ms, *ret_offsets, e);
}

static int scan_to_end(const struct cluster *cluster, const struct cluster_read *read, const int64_t *offsets, struct error *e)
{
        enum topic_scan_verdict verdict;
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = read->topic,
                        .partitions = cluster->partitions,
                        .partition = cluster_partition(cluster, read->agent_id),
                        .offset = RD_KAFKA_OFFSET_BEGINNING,
                        .offsets = offsets,
                        .record = read->record,
                        .data = read->data,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        return verdict == TOPIC_SCAN_TIMED_OUT ? error_set(e, ERROR_TIMEOUT, "%s: its end was not reached in time", read->topic) : 0;
}

int cluster_read(const struct cluster *cluster, const struct cluster_read *read, struct error *e)
{
        int64_t *offsets;
        int failed = find_start(cluster, read, &offsets, e) < 0 || scan_to_end(cluster, read, offsets, e) < 0;
        free(offsets);
        return failed ? -1 : 0;
}
