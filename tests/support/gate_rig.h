/* A gate on a fake Redis with virtual time: each operation is one call that returns when it is done. */
#ifndef BRIG_TESTS_SUPPORT_GATE_RIG_H
#define BRIG_TESTS_SUPPORT_GATE_RIG_H

#include "common/transport/gate.h"
#include "tests/support/fake_redis.h"

enum { RIG_TEXT_SIZE = 600, RIG_DEAD_MAX = 256, RIG_LAST_MAX = 8 };

enum { RIG_SECOND_MS = 1000, RIG_MINUTE_MS = 60000, RIG_HOUR_MS = 3600000 };

struct gate_rig {
        struct clock clock;
        struct fake_redis *fake;            /* NULL: on another port */
        bool (*turn)(struct gate_rig *rig); /* lets answers come; false: none will */
        struct config config;               /* gate_config(); after changing it: gate_rig_reconfigure */
        struct gate gate;
        unsigned wakes, cancels; /* messages seen */
        char message[RIG_TEXT_SIZE];
        bool done;
        struct error error; /* of the last operation; code ERROR_NONE: none */
        uint64_t epoch;     /* of the last answer */
        uint64_t offset;    /* next one in brig.jobs */
};

/* Made, restored, and past the time for which claims are closed. */
void gate_rig_init(struct gate_rig *rig);
void gate_rig_init_on(struct gate_rig *rig, struct redis_port *port, bool (*turn)(struct gate_rig *rig)); /* another port; not restored */
void gate_rig_deinit(struct gate_rig *rig);

/* The same around a test of cmocka: *state is the rig. */
int gate_rig_setup(void **state);
int gate_rig_teardown(void **state);
void gate_rig_reconfigure(struct gate_rig *rig);
void gate_rig_restore(struct gate_rig *rig); /* lock and ready; claims are still closed for a lease */
void gate_rig_pass(struct gate_rig *rig, uint64_t ms);

/* The default job: python, level low asked for, reserves 1 s of CPU, expires by default, record "{}". */
struct gate_admit gate_rig_job(const char *agent_id, const char *job_id);
struct gate_admit gate_rig_admit_op(struct gate_rig *rig, struct gate_admit op);
struct gate_admit gate_rig_admit(struct gate_rig *rig, const char *agent_id, const char *job_id);

struct rig_claim { /* the op's texts, copied */
        bool found;
        uint64_t wait_ms, fence, queued_ms;
        enum risk level;
        uint32_t attempt;
        int64_t offset;
        char agent_id[RIG_TEXT_SIZE], job_id[64], record[64];
};
struct rig_claim gate_rig_claim(struct gate_rig *rig); /* every level, python and node */
struct rig_claim gate_rig_claim_of(struct gate_rig *rig, const char *levels /* "012" */, const char *pool);

enum gate_lease gate_rig_renew(struct gate_rig *rig, const struct rig_claim *claim);
enum gate_lease gate_rig_complete(struct gate_rig *rig, const struct rig_claim *claim, int32_t partition, int64_t offset);
enum gate_lease gate_rig_release(struct gate_rig *rig, const struct rig_claim *claim, bool started);

struct rig_agent { /* a gate_agent, copied */
        uint64_t version;
        unsigned trust, violations;
        bool quarantined;
        int32_t last_partitions[RIG_LAST_MAX];
        int64_t last_offsets[RIG_LAST_MAX];
        size_t last_count;
};

struct rig_settle {
        bool changed, newly_quarantined;
        unsigned trust_before;
        struct rig_agent agent;
};
struct rig_settle gate_rig_settle(struct gate_rig *rig, struct gate_settle op);
/* A first record of partition 0 for the job, with 0 CPU time and no violation. */
struct rig_settle gate_rig_end(struct gate_rig *rig, const char *agent_id, const char *job_id, int64_t offset, enum status status);

struct rig_dead {
        char agent_id[RIG_TEXT_SIZE], job_id[64], pool[64];
        enum gate_dead_reason reason;
        uint32_t attempt;
        int64_t offset;
};
struct rig_reap {
        struct rig_dead dead[RIG_DEAD_MAX];
        size_t dead_count;
        uint64_t queued, deferred, leased;
};
struct rig_reap gate_rig_reap(struct gate_rig *rig, unsigned limit);

enum gate_cancellation gate_rig_cancel(struct gate_rig *rig, const char *agent_id, const char *job_id);
struct rig_agent gate_rig_agent(struct gate_rig *rig, const char *agent_id);
struct rig_agent gate_rig_agent_set(struct gate_rig *rig, struct gate_agent_op op);
struct gate_lock gate_rig_lock(struct gate_rig *rig, const char *owner);
void gate_rig_restore_agents(struct gate_rig *rig, const char *owner, const struct gate_agent *agents, size_t count);
void gate_rig_ready(struct gate_rig *rig, const char *owner);

#endif
