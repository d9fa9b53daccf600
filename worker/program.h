/* A worker process: the parts of the real world wired to the worker's core, on one loop. */
#ifndef BRIG_WORKER_PROGRAM_H
#define BRIG_WORKER_PROGRAM_H

#include "common/transport/redis_link.h"
#include "worker/alarm_loop.h"
#include "worker/fetch.h"
#include "worker/retention.h"
#include "worker/topic_check.h"
#include "worker/worker.h"

enum { PROGRAM_SIGNALS = 3 };

enum program_part { PART_REDIS, PART_KAFKA, PART_DOCKER, PART_COUNT };

struct program {
        struct config *config; /* borrowed; a reload changes its limits */
        const char *config_path;
        struct log log;
        uv_loop_t loop;
        uv_signal_t signals[PROGRAM_SIGNALS];
        struct alarm_loop alarms;
        struct kafka_topics topics;
        struct topic_check topic_check;
        struct redis_link *redis;
        struct gate gate;
        struct kafka_sink *sink;
        struct fetcher fetcher;
        struct sandbox *sandbox;
        struct analysis *analysis;
        struct retention retention;
        struct worker worker;
        bool working;          /* `worker` is there: Kafka was */
        bool up[PART_COUNT];   /* answers now */
        bool told[PART_COUNT]; /* its trouble is in the log */
        bool ready_said;
        bool leaving;
};

/* 0: it works in the background, also while Redis, Kafka or Docker are away. -1: the configuration or this machine is at fault. */
int program_open(struct program *program, struct config *config, const char *config_path, struct error *e);

/* Until it was told to leave (SIGTERM, SIGINT) and nothing is left. */
void program_run(struct program *program);

#endif
