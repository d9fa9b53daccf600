/* A worker of one slot for simulations: claims, runs for a while in virtual time, reports, as the hand-off protocol says. What a job does is
 * said by its `code`: ok, fail, attack, blocked (a violation of a policy), and how many ms it runs, as in "fail 1200". */
#ifndef BRIG_TESTS_FAKE_WORKER_H
#define BRIG_TESTS_FAKE_WORKER_H

#include "common/clock.h"
#include "common/transport/gate.h"
#include "tests/support/fake_log.h"

enum fake_worker_phase {
        FAKE_WORKER_FREE,
        FAKE_WORKER_CLAIMING,
        FAKE_WORKER_RUNNING,
        FAKE_WORKER_CHECKING, /* renew before the record is produced */
        FAKE_WORKER_PRODUCING,
        FAKE_WORKER_COMPLETING,
};

struct fake_worker {
        struct fake_log *log; /* borrowed, all three */
        struct gate *gate;
        const struct clock *clock;
        const char *name;
        const char *const *pools;
        size_t pool_count;
        uint64_t lease_ms;
        enum fake_worker_phase phase;
        uint64_t generation; /* answers to an earlier one are dropped */
        unsigned calls;      /* under way */
        bool renewing;
        bool cancelled;
        bool silent_release; /* gives the job back instead of running it */
        char agent_id[160], job_id[UUID_TEXT_SIZE], code[64];
        int32_t partition;
        int64_t offset;
        uint64_t fence;
        uint32_t attempt;
        enum risk level;
        uint64_t claim_at_ms, ends_at_ms, renew_at_ms, renew_sent_ms, dies_at_ms;
        int64_t result; /* offset of the record */
        uint64_t claims, finished, lost;
};

/* One turn: starts or goes on with whatever is due. */
void fake_worker_step(struct fake_worker *w);

/* What kill -9 leaves: nothing runs, nothing more is said. */
void fake_worker_kill(struct fake_worker *w);

/* Whether an execution goes on at this moment. */
bool fake_worker_runs(const struct fake_worker *w);

#endif
