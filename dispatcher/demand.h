/* What a job demands of the gate: the level its own wish and its code call for, the pool of workers that could run it, the CPU time to hold
 * back for it at each level, and until when it may wait. Pure. */
#ifndef BRIG_DISPATCHER_DEMAND_H
#define BRIG_DISPATCHER_DEMAND_H

#include "common/analysis.h"
#include "common/config.h"
#include "common/transport/gate.h"

struct demand {
        enum risk risk;
        char pool[512]; /* LANGUAGE or LANGUAGE@IMAGE */
        uint64_t cpu_reserve_ms[RISK_COUNT];
        uint64_t expires_at_ms;
        bool defer;
};

/* `analysis` may be NULL: no findings. `enqueued_ms` is when the record was written, by its timestamp; one that lies ahead of `now_ms`
 * counts as now. A job that does not say when it expires waits for the configured time from then on; none waits longer than results are
 * remembered for. */
void demand_of(struct demand *ret_demand, const struct config *config, const struct analysis *analysis, const struct job *job,
               uint64_t enqueued_ms, uint64_t now_ms);

/* CPU time in ms that a job with these limits may use at most. */
uint64_t demand_cpu_ms(const struct limits *limits);

#endif
