/* The commits of one group member: an offset with metadata for a partition, told back when Kafka has answered. Part of the source. */
#ifndef BRIG_TRANSPORT_KAFKA_COMMIT_H
#define BRIG_TRANSPORT_KAFKA_COMMIT_H

#include "common/list.h"
#include "common/transport/kafka_client.h"

struct kafka_commits {
        struct kafka_client *client;
        const char *topic; /* borrowed */
        void *data;        /* for the callbacks */
        struct list pending;
};

void kafka_commits_init(struct kafka_commits *commits, struct kafka_client *client, const char *topic, void *data);
void kafka_commits_cancel(struct kafka_commits *commits); /* tells all that are pending ERROR_CANCELLED; the handle is gone */

/* As kafka_source_commit and kafka_source_commit_sync. `epoch`: of the assignment the partition belongs to. */
int kafka_commits_start(struct kafka_commits *commits, uint64_t epoch, int32_t partition, int64_t offset, const char *metadata,
                        void (*done)(void *data, int32_t partition, int64_t offset, const struct error *e), struct error *e);
int kafka_commits_wait(const struct kafka_commits *commits, int32_t partition, int64_t offset, const char *metadata, struct error *e);

/* An RD_KAFKA_EVENT_OFFSET_COMMIT. What was started in another epoch is told ERROR_CANCELLED. */
void kafka_commits_answered(struct kafka_commits *commits, uint64_t epoch, rd_kafka_event_t *event);

#endif
