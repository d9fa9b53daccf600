/* What `brig doctor` found: one line for each thing that sandboxes or the queue stand on. */
#ifndef BRIG_CLI_HEALTH_H
#define BRIG_CLI_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

enum health_state {
        HEALTH_OK,
        HEALTH_NOTICE,  /* there, and worth a look */
        HEALTH_MISSING, /* works without, less well or less safely */
        HEALTH_BROKEN,  /* needed */
};

struct health_check {
        char subject[40];
        enum health_state state;
        char detail[200];
        const char *remedy; /* static; NULL when ok */
};

enum { HEALTH_CHECKS_MAX = 64 };

struct health {
        const struct config *config; /* borrowed */
        struct health_check checks[HEALTH_CHECKS_MAX];
        size_t count;
};

/* Notes one finding; the remedy is kept unless the state is OK. */
void health_note(struct health *health, const char *subject, enum health_state state, const char *remedy, const char *format, ...)
                __attribute__((format(printf, 5, 6)));

void health_check_host(struct health *health);   /* brig-init, control groups, folders, clock */
bool health_check_engine(struct health *health); /* the Docker engine, its walls, the languages' images; blocks. Whether it answers */
void health_check_levels(struct health *health); /* which risk levels can run here; blocks */
void health_check_kafka(struct health *health);  /* brokers and topics; blocks some seconds when they are away */
void health_check_redis(struct health *health);  /* the same of Redis */

/* Breakout attempts of the last day, from the audit topic. */
void health_check_attacks(struct health *health, const char *audit_topic, int32_t partitions);

/* As lines for people, or as one JSON object. */
void health_print(const struct health *health, bool json);

bool health_is_broken(const struct health *health);

#endif
