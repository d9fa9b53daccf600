/* The world around workers in virtual time, for simulations: the real functions of the gate on a fake Redis, sandboxes that only wait, Kafka
 * as a log in memory, and the little of a dispatcher that admits and reaps.
 *
 * What a job does is said by its code: "run 1200" runs so many ms and exits 0, "break 300" is interrupted after so many, "refuse" is never
 * started. */
#ifndef BRIG_TESTS_WORKER_WORLD_H
#define BRIG_TESTS_WORKER_WORLD_H

#include "tests/support/fake_log.h"
#include "tests/support/fake_redis.h"
#include "worker/worker.h"

enum { WORLD_WORKERS_MAX = 2, WORLD_RUNS_MAX = 16, WORLD_SENDS_MAX = 64, WORLD_STEP_MS = 20 };

struct worker_world;

struct world_run {               /* an execution in a fake sandbox */
        struct sandbox_run *run; /* NULL: free */
        uint64_t starts_ms, ends_ms;
        bool started, cancelled, killed;
        enum sandbox_outcome outcome;
};

struct world_worker {
        struct worker_world *world;
        struct alarms alarms;
        struct gate gate;
        struct redis_port *port;
        struct worker worker;
        char name[16];
        struct config config; /* the world's with another name */
        struct world_run runs[WORLD_RUNS_MAX];
        bool engine_down;
        bool paused; /* its process is stopped: time goes on without it */
        bool drained;
};

struct world_send {
        struct kafka_send *send; /* NULL: free */
        int64_t held;            /* its copy, an offset in the topic of what the producer holds */
        bool appended;
        int32_t partition;
        int64_t offset;
        uint64_t acknowledged_ms;
};

struct worker_world {
        struct clock clock;
        struct log log;
        struct config config;
        struct fake_redis *redis;
        struct fake_log kafka;
        struct gate gate; /* the dispatcher's */
        struct world_worker workers[WORLD_WORKERS_MAX];
        size_t worker_count;
        struct world_send sends[WORLD_SENDS_MAX];
        struct list fetches;
        bool sink_down;
        uint64_t ack_delay_ms;
        uint64_t started; /* executions, ever */
        uint64_t killed;  /* of them, before their end */
        uint64_t reaped_ms;
        unsigned dead; /* told by the last reap */
};

void worker_world_init(struct worker_world *world, size_t workers); /* claims are open */
void worker_world_deinit(struct worker_world *world);

void worker_world_pass(struct worker_world *world, uint64_t ms); /* time goes on; all that is due happens */

/* Puts a job on brig.jobs[0] and admits it; its id. With `padding` its record is so much larger. */
const char *worker_world_submit(struct worker_world *world, const char *agent_id, const char *code, size_t padding);
void worker_world_cancel(struct worker_world *world, const char *agent_id, const char *job_id);
void worker_world_restore(struct worker_world *world); /* what a dispatcher does with an emptied Redis, and the wait after it */

/* Records of brig.results so far; the first of a job, or NULL (owned by the caller: json_decref). */
size_t worker_world_results(struct worker_world *world);
json_t *worker_world_result(struct worker_world *world, const char *job_id);
struct kafka_record worker_world_result_record(struct worker_world *world, int64_t offset);
size_t worker_world_executing(const struct worker_world *world, const char *job_id); /* at this moment */
bool worker_world_idle(struct worker_world *world);                                  /* no lease, no queued job, no assignment */

#endif
