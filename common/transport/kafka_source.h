/* A Kafka consumer on libuv, in a group (jobs are shared among dispatchers) or by assignment (tails of results, one job's record).
 *
 * Callbacks run on the loop, never from inside a call of this module. Back-pressure: while `record` returned false for a partition, that
 * partition is held: its queue is not read (no pause/resume, which costs 0.55 s) until kafka_source_release; the record that was refused
 * is given again first. Trouble (no broker) is told once when it begins, within 5 s and naming the address, and once when it ends. */
#ifndef BRIG_TRANSPORT_KAFKA_SOURCE_H
#define BRIG_TRANSPORT_KAFKA_SOURCE_H

#include <uv.h>

#include "common/log.h"
#include "common/transport/kafka_record.h"

struct kafka_source; /* heap */

struct kafka_source_options {
        const struct config *config;
        const struct log *log;
        const char *group;    /* NULL: by assignment */
        const char *instance; /* group.instance.id of a group member; NULL: dynamic member */
        const char *topic;    /* group: the topic subscribed to */
        bool (*record)(void *data, const struct kafka_record *record);
        void (*end)(void *data, const char *topic, int32_t partition, int64_t offset); /* read to the end, next is `offset`; may be NULL */
        void (*purged)(void *data, const char *topic, int32_t partition,
                       int64_t offset); /* `offset`, where reading should go on, is not in the log: purged by retention, or the topic was
                                           made anew. Reading goes on at the log's beginning; it is logged too. May be NULL */
        void (*assigned)(void *data, int32_t partition, int64_t committed,
                         const char *metadata);                    /* group; committed -1: none. Reading starts
                                                                      at once from committed (none: the beginning);
                                                                      return with the partition held by
                                                                      kafka_source_hold when not wanted yet */
        void (*revoked)(void *data, int32_t partition, bool lost); /* group; a last kafka_source_commit_sync may be made here unless lost */
        void (*trouble)(void *data, const struct error *e);        /* e NULL: over; may be NULL */
        void *data;
};

int kafka_source_open(struct kafka_source **ret_source, uv_loop_t *loop, const struct kafka_source_options *options, struct error *e);
void kafka_source_close(struct kafka_source *source, void (*closed)(void *data), void *data); /* leaves the group; asynchronous */

/* By assignment: starts (again) at an absolute offset, or at the beginning or end (RD_KAFKA_OFFSET_BEGINNING, _END). */
int kafka_source_assign(struct kafka_source *source, const char *topic, int32_t partition, int64_t offset, struct error *e);
void kafka_source_unassign(struct kafka_source *source, const char *topic, int32_t partition);
bool kafka_source_idle(const struct kafka_source *source); /* it reads no partition */

/* Group: reads the partition again from `offset`. */
int kafka_source_seek(struct kafka_source *source, int32_t partition, int64_t offset, struct error *e);

/* What is held stays so until it is released, also over assign and seek. By assignment: the partitions of that number of every topic. */
void kafka_source_hold(struct kafka_source *source, int32_t partition);
void kafka_source_release(struct kafka_source *source, int32_t partition);

/* Commits offset and metadata (ASCII, at most 4,096 bytes: else ERROR_INTERNAL). The first returns at once and `done` (may be NULL) tells
 * the outcome; the second waits up to 2 s, for use in `revoked`. */
int kafka_source_commit(struct kafka_source *source, int32_t partition, int64_t offset, const char *metadata,
                        void (*done)(void *data, int32_t partition, int64_t offset, const struct error *e), struct error *e);
int kafka_source_commit_sync(struct kafka_source *source, int32_t partition, int64_t offset, const char *metadata, struct error *e);

#endif
