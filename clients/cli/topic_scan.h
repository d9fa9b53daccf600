/* Reads a topic from a point on: to its end, or further until something is found. Blocks, bounded in time. */
#ifndef BRIG_CLI_TOPIC_SCAN_H
#define BRIG_CLI_TOPIC_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"
#include "common/transport/kafka_record.h"

enum { TOPIC_ALL_PARTITIONS = -1, TOPIC_BEGINNING = -1, TOPIC_TIMEOUT_MS = 30000 };

struct topic_scan {
        const struct config *config; /* borrowed, as the rest */
        const char *topic;
        int32_t partitions;                                            /* how many the topic has */
        int32_t partition;                                             /* the one to read, or TOPIC_ALL_PARTITIONS */
        int64_t offset;                                                /* in that one; or TOPIC_BEGINNING */
        uint64_t since_ms;                                             /* Unix time; what is older is mostly passed over; 0: nothing is */
        bool follow;                                                   /* go on at the end, and wait for more */
        uint64_t timeout_ms;                                           /* 0: TOPIC_TIMEOUT_MS */
        bool (*record)(void *data, const struct kafka_record *record); /* true: found, enough */
        void *data;
};

enum topic_scan_verdict { TOPIC_SCAN_FOUND, TOPIC_SCAN_ENDED, TOPIC_SCAN_TIMED_OUT };

/* 0, or -1 (ERROR_KAFKA): no broker, naming its address. */
int topic_scan_run(const struct topic_scan *scan, enum topic_scan_verdict *ret_verdict, struct error *e);

#endif
