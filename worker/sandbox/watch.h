/* The limits that brig itself keeps while a job runs: wall time, CPU time, fork storms, and the OOM count. Pure: readings in, verdict out. */
#ifndef BRIG_SANDBOX_WATCH_H
#define BRIG_SANDBOX_WATCH_H

#include "common/limits.h"
#include "common/result.h"
#include "worker/sandbox/cgroup.h"

struct watch {
        struct limits limits;
        uint64_t started_ms;
        uint64_t cpu_base_us; /* used before the job */
        uint64_t oom_base;
        uint64_t refused_base;
        uint64_t storm_ms;      /* the last check for a storm */
        uint64_t storm_refused; /* refusals then */
        unsigned storm_growths; /* checks running in which they grew */
};

/* `before`: the container's counters just before the job. */
void watch_init(struct watch *watch, const struct limits *limits, const struct cgroup_counters *before);
void watch_start(struct watch *watch, uint64_t now_ms);

/* CAUSE_NONE: the job may go on. MEMORY is only a reason to end it: what ended it is decided by all the evidence. */
struct termination watch_look(struct watch *watch, const struct cgroup_counters *counters, uint64_t now_ms);

/* When to look again. */
uint64_t watch_pause_ms(const struct watch *watch, const struct cgroup_counters *counters, uint64_t now_ms);

static inline uint64_t watch_cpu_ms(const struct watch *watch, const struct cgroup_counters *counters)
{
        return counters->cpu_us > watch->cpu_base_us ? (counters->cpu_us - watch->cpu_base_us) / 1000 : 0;
}

#endif
