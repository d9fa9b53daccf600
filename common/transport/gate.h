/* The gate: client of the Redis functions of gate.lua, by which dispatchers admit, workers claim, and all of them agree (protocol.md).
 *
 * Each operation is a struct the caller owns: fill the in fields, call its _start, and `done` runs exactly once, later. On failure `e` says
 * why: ERROR_NOT_READY (Redis waits to be restored), ERROR_REDIS (unknown whether it was done: ask again; every function bears it).
 * Texts in out fields are borrowed and valid in `done` only. */
#ifndef BRIG_TRANSPORT_GATE_H
#define BRIG_TRANSPORT_GATE_H

#include <stdbool.h>

#include "common/config.h"
#include "common/result.h"
#include "common/transport/redis_port.h"

struct gate {
        struct redis_port *port; /* borrowed */
        char *tag;
        char *policy;   /* the limits of the configuration as the functions read them, made once */
        uint64_t epoch; /* the caller's: a Redis of another epoch answers NOT_READY, and does nothing; 0: any will do */
};

int gate_init(struct gate *gate, struct redis_port *port, const struct config *config, struct error *e);
void gate_deinit(struct gate *gate);

/* Who a job is. */
struct gate_job_key {
        const char *agent_id;
        const char *job_id;
};

enum { GATE_PAYLOAD_MAX = 64 << 10 }; /* a larger record is left in Kafka and read from there by the worker */

/* Every operation starts with this. */
struct gate_call {
        struct redis_call call;
        uint64_t epoch; /* out: of the answer; 0 on failure */
        void *data;     /* the caller's */
};

enum gate_admission { GATE_QUEUED, GATE_DEFERRED, GATE_KNOWN, GATE_DONE, GATE_REJECTED, GATE_CANCELLED };

struct gate_admit {
        struct gate_call base;
        void (*done)(struct gate_admit *op, const struct error *e);
        struct gate_job_key key;
        int32_t partition; /* of brig.jobs */
        int64_t offset;
        struct span record;                  /* the job's bytes; sent only up to GATE_PAYLOAD_MAX */
        enum risk risk;                      /* strictest of asked for and findings; the gate adds trust */
        const char *pool;                    /* what a worker must offer: "LANGUAGE" or "LANGUAGE@IMAGE" */
        uint64_t cpu_reserve_ms[RISK_COUNT]; /* cpu_ms, else timeout x cpus, at each level */
        uint64_t expires_at_ms;
        bool defer; /* on_limit */
        /* out */
        enum gate_admission verdict;
        enum risk level;        /* queued, deferred */
        int32_t done_partition; /* done */
        int64_t done_offset;
        struct rejection rejection; /* rejected; limit: executions_per_hour, global_executions_per_hour, cpu_ms_per_hour or queued. Waiting
                                       retry_after_ms makes the same job pass under a new id; 0 where nobody can know (queued) */
};
int gate_admit_start(struct gate *gate, struct gate_admit *op, struct error *e);

struct gate_claim {
        struct gate_call base;
        void (*done)(struct gate_claim *op, const struct error *e);
        const char *worker;
        bool risks[RISK_COUNT];   /* levels offered now */
        const char *const *pools; /* offered: "LANGUAGE", "LANGUAGE@IMAGE" */
        size_t pool_count;
        /* out */
        bool found;
        uint64_t wait_ms; /* not found: ask again no later than this */
        struct span agent_id, job_id;
        int32_t partition;
        int64_t offset;
        struct span record; /* empty: read it from brig.jobs */
        enum risk level;
        uint64_t fence;
        uint32_t attempt;
        uint64_t queued_ms; /* since it was queued first */
};
int gate_claim_start(struct gate *gate, struct gate_claim *op, struct error *e);

enum gate_lease { GATE_LEASE_OK, GATE_LEASE_CANCEL, GATE_LEASE_LOST };

struct gate_lease_op { /* renew, complete, release */
        struct gate_call base;
        void (*done)(struct gate_lease_op *op, const struct error *e);
        struct gate_job_key key;
        uint64_t fence;
        int32_t partition; /* complete: where the result lies */
        int64_t offset;
        bool started; /* release: the attempt counts */
        /* out */
        enum gate_lease verdict;
};
int gate_renew_start(struct gate *gate, struct gate_lease_op *op, struct error *e);
int gate_complete_start(struct gate *gate, struct gate_lease_op *op, struct error *e);
int gate_release_start(struct gate *gate, struct gate_lease_op *op, struct error *e);

struct gate_agent { /* an agent's record; also the value of brig.agents */
        const char *agent_id;
        uint64_t version;
        unsigned trust; /* thousandths */
        unsigned violations;
        bool quarantined;
        const int32_t *last_partitions; /* last{p: offset} */
        const int64_t *last_offsets;
        size_t last_count;
};

struct gate_settle {
        struct gate_call base;
        void (*done)(struct gate_settle *op, const struct error *e);
        struct gate_job_key key;
        int32_t partition; /* of the result record */
        int64_t offset;
        bool first;
        enum status status;
        bool has_risk;
        enum risk risk; /* whose CPU budget is charged */
        uint64_t cpu_ms;
        unsigned violations; /* of the classes that count toward quarantine */
        /* out */
        bool changed; /* the agent's record changed by this settlement */
        bool newly_quarantined;
        unsigned trust_before;
        struct gate_agent agent;
};
int gate_settle_start(struct gate *gate, struct gate_settle *op, struct error *e);

enum gate_dead_reason { GATE_DEAD_ATTEMPTS, GATE_DEAD_EXPIRED, GATE_DEAD_CANCELLED, GATE_DEAD_QUARANTINED };

struct gate_dead {
        struct span agent_id, job_id;
        int32_t partition; /* of brig.jobs */
        int64_t offset;
        enum gate_dead_reason reason;
        uint32_t attempt;
        struct span pool; /* expired: what no worker offered */
};

struct gate_reap {
        struct gate_call base;
        void (*done)(struct gate_reap *op, const struct error *e);
        unsigned limit; /* at most so many of each kind */
        /* out */
        const struct gate_dead *dead; /* told again every few seconds until settled */
        size_t dead_count;
        uint64_t queued, deferred, leased; /* for metrics */
};
int gate_reap_start(struct gate *gate, struct gate_reap *op, struct error *e);

enum gate_cancellation { GATE_CANCEL_CANCELLED, GATE_CANCEL_CANCELLING, GATE_CANCEL_DONE, GATE_CANCEL_NOTED };

struct gate_cancel {
        struct gate_call base;
        void (*done)(struct gate_cancel *op, const struct error *e);
        struct gate_job_key key;
        /* out */
        enum gate_cancellation verdict;
};
int gate_cancel_start(struct gate *gate, struct gate_cancel *op, struct error *e);

/* Restoring a Redis that lost its memory: lock, restore in batches, ready. */
struct gate_lock {
        struct gate_call base;
        void (*done)(struct gate_lock *op, const struct error *e);
        const char *owner;
        /* out */
        bool taken; /* else somebody else restores, or it is ready already */
        bool ready;
};
int gate_lock_start(struct gate *gate, struct gate_lock *op, struct error *e);

struct gate_restore {
        struct gate_call base;
        void (*done)(struct gate_restore *op, const struct error *e);
        const char *owner;
        const struct gate_agent *agents;
        size_t count;
};
int gate_restore_start(struct gate *gate, struct gate_restore *op, struct error *e); /* keeps the higher version of each */
struct gate_ready {
        struct gate_call base;
        void (*done)(struct gate_ready *op, const struct error *e);
        const char *owner; /* must still hold the lock; else ERROR_NOT_READY */
};
int gate_ready_start(struct gate *gate, struct gate_ready *op, struct error *e);

/* Reads an agent (unknown: a new agent's values, version 0), or changes it as an operator. */
struct gate_agent_op {
        struct gate_call base;
        void (*done)(struct gate_agent_op *op, const struct error *e);
        const char *agent_id;
        bool set_trust, set_quarantined; /* agent_set: what to change */
        unsigned trust;
        bool quarantined;
        /* out */
        struct gate_agent agent;
};
int gate_agent_get_start(struct gate *gate, struct gate_agent_op *op, struct error *e);
int gate_agent_set_start(struct gate *gate, struct gate_agent_op *op, struct error *e);

/* Value of a brig.agents record, and back. The JSON: {agent, version, trust, violations, quarantined, last{p: offset}}. The parsed agent
 * borrows from `*ret_memory`, which the caller frees. */
json_t *gate_agent_to_json(const struct gate_agent *agent);
int gate_agent_from_json(struct gate_agent *ret_agent, void **ret_memory, const json_t *value, struct error *e);

#endif
