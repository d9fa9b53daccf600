/* What a test of the Kafka sink and source needs: a loop with a bound, a configuration, senders and readers that remember. */
#ifndef BRIG_TESTS_KAFKA_RIG_H
#define BRIG_TESTS_KAFKA_RIG_H

#include <stdbool.h>
#include <uv.h>

#include "common/config.h"
#include "common/transport/kafka_sink.h"
#include "common/transport/kafka_source.h"

enum { RIG_PARTITIONS = 4, RIG_BOUND_MS = 60000 };

struct kafka_rig {
        uv_loop_t loop;
        uv_timer_t bound;
        bool overdue;
        struct config config;
        struct kafka_topics topics;
        struct log log;
};

/* A topic prefix of its own for each test. */
void kafka_rig_init(struct kafka_rig *rig, const char *address, const char *prefix);
void kafka_rig_make_topics(struct kafka_rig *rig);
void kafka_rig_option(struct kafka_rig *rig, const char *key, const char *value); /* for clients opened later */
void kafka_rig_deinit(struct kafka_rig *rig);                                     /* fails when a handle was left open */

/* Runs the loop until *flag or RIG_BOUND_MS have passed, which fails the test. */
void kafka_rig_run_until(struct kafka_rig *rig, const bool *flag);

/* ---- a sender: numbered records, one after the other or at once ---- */
struct rig_send {
        struct kafka_send send;
        struct rig_sender *sender;
        char text[32];
        unsigned number;
};

struct rig_sender {
        struct kafka_rig *rig;
        struct kafka_sink *sink;
        struct rig_send *sends;
        unsigned sent, answered, failed;
        bool all_answered, troubled, closed;
        unsigned troubles;
        struct error trouble;
        struct error last_error;
        int32_t last_partition;
        int64_t last_offset;
};

void rig_sender_open(struct rig_sender *sender, struct kafka_rig *rig);
void rig_sender_send(struct rig_sender *sender, const char *topic, int32_t partition, unsigned count);     /* values "0" … in order */
void rig_sender_send_all(struct rig_sender *sender, const char *topic, int32_t partition, unsigned count); /* and waits */
void rig_on_sent(struct kafka_send *send, int32_t partition, int64_t offset, const struct error *e);       /* for sends of the test's own */
void rig_sender_close(struct rig_sender *sender);

/* ---- a reader ---- */
struct rig_reader {
        struct kafka_rig *rig;
        struct kafka_source *source;
        unsigned wanted;               /* records after which `enough` is set */
        unsigned count;                /* records taken */
        unsigned next[RIG_PARTITIONS]; /* number that must come next in each partition */
        unsigned out_of_order, doubled;
        int refuse_after; /* refuses once after so many records; -1: never */
        unsigned refusals;
        bool ended[RIG_PARTITIONS];
        int64_t end_offset[RIG_PARTITIONS];
        bool enough, all_ended, closed, all_assigned;
        unsigned assigned, revoked, lost, purged;
        int64_t committed[RIG_PARTITIONS];
        char metadata[RIG_PARTITIONS][64];
        int64_t purged_offset;
        size_t largest;
        bool commit_told;
        struct error commit_error;
        bool troubled;
        struct error trouble;
        bool commits_at_revocation;
        bool hold_at_assignment;
        char header[64]; /* value of the header "job_id" of the last record */
};

void rig_reader_open(struct rig_reader *reader, struct kafka_rig *rig, const char *group, const char *instance, const char *topic);
void rig_reader_close(struct rig_reader *reader);

#endif
