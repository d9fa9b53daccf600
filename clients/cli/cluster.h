/* The topics of the configured cell: their names and how many partitions they have. */
#ifndef BRIG_CLI_CLUSTER_H
#define BRIG_CLI_CLUSTER_H

#include "clients/cli/topic_scan.h"
#include "common/config.h"
#include "common/error.h"
#include "common/transport/kafka_record.h"

struct cluster {
        const struct config *config; /* borrowed */
        struct kafka_topics topics;
        int32_t partitions;
};

/* Asks the broker; topics that are missing are made. Blocks up to 5 s. 0, or -1 (ERROR_KAFKA, ERROR_CONFIG). */
int cluster_open(struct cluster *ret_cluster, const struct config *config, struct error *e);

/* The partition of an agent's jobs, results and requests; all of them when `agent_id` is NULL. */
int32_t cluster_partition(const struct cluster *cluster, const char *agent_id);

/* The offset that the partition's next record will have. Blocks. 0 or -1. */
int cluster_end(const struct cluster *cluster, const char *topic, int32_t partition, int64_t *ret_offset, struct error *e);

struct cluster_read {
        const char *topic;
        const char *agent_id; /* reads this agent's partition alone; NULL: all */
        uint64_t since_ms;    /* Unix time; what is older is mostly passed over; 0: the beginning */
        bool (*record)(void *data, const struct kafka_record *record); /* false: go on */
        void *data;
};

/* Reads to the topic's end. 0, or -1: no broker, or the end is not reached in time. */
int cluster_read(const struct cluster *cluster, const struct cluster_read *read, struct error *e);

#endif
