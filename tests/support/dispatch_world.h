/* A world for dispatchers in virtual time: logs in memory, the real Redis functions, workers of one slot, a group coordinator, and a seed
 * that decides what happens next. Rules of the hand-off protocol can be broken one by one, to prove that they are needed. */
#ifndef BRIG_TESTS_DISPATCH_WORLD_H
#define BRIG_TESTS_DISPATCH_WORLD_H

#include "dispatcher/dispatcher.h"
#include "tests/support/fake_log.h"
#include "tests/support/fake_redis.h"
#include "tests/support/fake_worker.h"

enum { WORLD_NODES_MAX = 3, WORLD_WORKERS_MAX = 4, WORLD_STREAMS = STREAM_REREAD + 1 };

enum world_mutation {
        MUTATION_NONE,
        MUTATION_NO_REPLAY,        /* a take-over starts at the end of the results */
        MUTATION_REPLAY_POSITION,  /* r is the position read, whatever unfinished entries need */
        MUTATION_NO_REASK,         /* nothing is asked for again */
        MUTATION_ONE_SNAPSHOT_KEY, /* a late former owner overwrites newer snapshots */
        MUTATION_NO_RESTORE,       /* Redis is declared ready without the snapshots */
        MUTATION_COMMIT_FIRST,     /* commits do not wait for the snapshots' acknowledgement */
        MUTATION_ANY_EPOCH,        /* calls of a dispatcher that has not heard of the new epoch take effect */
};

struct world;

struct world_cursor {
        bool active, held, told_end;
        int64_t offset;
};

struct world_send {
        struct list link;
        struct kafka_send *send;
        bool written; /* in the log, not acknowledged */
        int32_t partition;
        int64_t offset;
};

struct world_commit {
        struct list link;
        enum dispatch_stream stream;
        int32_t partition;
        int64_t offset;
        char metadata[64];
};

struct world_node { /* one dispatcher process */
        struct world *world;
        bool alive;
        char id[16];
        struct config config;
        struct log log;
        struct redis_port *redis;
        struct gate gate;
        struct dispatch_ports ports;
        struct dispatcher dispatcher;
        struct world_cursor cursors[WORLD_STREAMS][FAKE_LOG_PARTITIONS_MAX];
        struct list sends, commits;
        uint64_t tick_at_ms;
        uint64_t paused_until_ms;
};

struct world_committed {
        int64_t offset; /* -1: none */
        char metadata[64];
};

struct world_worker {
        struct fake_worker worker;
        struct redis_port *redis;
        struct gate gate;
        char name[16];
        uint64_t paused_until_ms;
};

struct world {
        uint64_t random;
        struct clock clock;
        struct config config;
        struct fake_log log;
        struct fake_redis *redis;
        struct world_node nodes[WORLD_NODES_MAX];
        struct world_worker workers[WORLD_WORKERS_MAX];
        size_t worker_count;
        struct world_node *owners[FAKE_LOG_PARTITIONS_MAX]; /* as the coordinator sees it; NULL: nobody */
        struct world_committed committed[FAKE_LOG_PARTITIONS_MAX];
        enum world_mutation mutation;
        unsigned commit_failures; /* so many commits fail from now on */
        unsigned commits_silent;  /* so many have no effect and no answer */
        size_t record_bytes_max;  /* Kafka refuses larger values; 0: none */
        uint64_t job_count;
        uint64_t overlaps; /* moments at which one job ran twice */
        bool saved;        /* Redis can be set back */
};

void world_init(struct world *w, uint64_t seed, int32_t partitions, size_t workers);
void world_deinit(struct world *w);

uint64_t world_random(struct world *w, uint64_t below);

/* Enqueues a job; its number makes its id. `more` is JSON members with a leading comma, or "". Returns the offset. */
int64_t world_job(struct world *w, uint64_t number, const char *agent_id, const char *code, const char *more);
int64_t world_bytes(struct world *w, const char *agent_id, const char *value); /* any record of brig.jobs */
void world_job_id(uint64_t number, char ret_id[static UUID_TEXT_SIZE]);
void world_control(struct world *w, const char *agent_id, const char *value);

/* Dispatchers. _join gives the node every partition that nobody owns, or the one, when nobody owns it. */
struct world_node *world_start(struct world *w);
void world_join(struct world *w, struct world_node *node);
void world_join_one(struct world *w, struct world_node *node, int32_t partition);
void world_kill(struct world *w, struct world_node *node);  /* kill -9; its partitions are nobody's */
void world_leave(struct world *w, struct world_node *node); /* asks it to stop, waits until it is quiet */
/* The coordinator takes its partitions away without its knowing; it goes on as if they were its own until it is told. */
void world_forget(struct world *w, struct world_node *node);
void world_tell_lost(struct world *w, struct world_node *node);

/* Redis faults that its clients notice, or do not. */
void world_redis_flush(struct world *w);
void world_redis_revert(struct world *w);
void world_redis_bounce(struct world *w, struct world_node *node); /* its connection breaks and comes back */

void world_kill_worker(struct world *w, size_t n);

/* One random thing happens; time moves now and then. */
void world_step(struct world *w);

/* Steps until `ms` have passed. */
void world_run(struct world *w, uint64_t ms);

/* Steps until every partition is committed to its end and Redis holds no job, at most `ms`; false: it did not come to that. */
bool world_settle_down(struct world *w, uint64_t ms);

/* Looking in. */
int64_t world_jobs_end(struct world *w, int32_t partition);
struct world_node *world_any_node(struct world *w);                                                        /* one that lives, by chance */
size_t world_results_of(struct world *w, uint64_t number, const char *agent_id, struct result *ret_first); /* count; deinit the first */
size_t world_count(struct world *w, const char *topic);

/* NULL: what must hold at the end holds; else what does not (static memory). */
const char *world_fault(struct world *w);

#endif
