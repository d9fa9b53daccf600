#include "worker/sandbox/watch.h"

enum { PAUSE_MAX_MS = 100, PAUSE_MIN_MS = 5, STORM_CHECK_MS = 500, STORM_GROWTHS = 3 };

void watch_init(struct watch *watch, const struct limits *limits, const struct cgroup_counters *before)
{
        *watch = (struct watch){
                        .limits = *limits,
                        .cpu_base_us = before->cpu_us,
                        .oom_base = before->oom_kills,
                        .refused_base = before->processes_refused,
                        .storm_refused = before->processes_refused,
        };
}

void watch_start(struct watch *watch, uint64_t now_ms)
{
        watch->started_ms = watch->storm_ms = now_ms;
}

/* Refusals that grew in three checks running: a program that handles a refusal does not go on so. */
static bool is_storm(struct watch *watch, uint64_t refused, uint64_t now_ms)
{
        if (now_ms - watch->storm_ms < STORM_CHECK_MS)
                return false;
        watch->storm_growths = refused > watch->storm_refused ? watch->storm_growths + 1 : 0;
        watch->storm_refused = refused;
        watch->storm_ms = now_ms;
        return watch->storm_growths >= STORM_GROWTHS;
}

static struct termination over(enum cause cause, uint64_t limit, uint64_t observed)
{
        return (struct termination){.cause = cause, .has_limit = true, .limit = limit, .observed = observed};
}

struct termination watch_look(struct watch *watch, const struct cgroup_counters *counters, uint64_t now_ms)
{
        const struct limits *limits = &watch->limits;
        uint64_t wall_ms = now_ms - watch->started_ms;
        uint64_t cpu_ms = watch_cpu_ms(watch, counters);
        if (wall_ms >= limits->timeout_ms)
                return over(CAUSE_WALL_TIMEOUT, limits->timeout_ms, wall_ms);
        if (limits->cpu_ms && cpu_ms > limits->cpu_ms)
                return over(CAUSE_CPU_TIMEOUT, limits->cpu_ms, cpu_ms);
        if (counters->oom_kills > watch->oom_base)
                return over(CAUSE_MEMORY, limits->memory_bytes, counters->peak_memory_bytes);
        if (is_storm(watch, counters->processes_refused, now_ms))
                return over(CAUSE_PROCESSES, limits->processes, counters->processes);
        return (struct termination){.cause = CAUSE_NONE};
}

static uint64_t clamp(uint64_t value)
{
        if (value < PAUSE_MIN_MS)
                return PAUSE_MIN_MS;
        return value < PAUSE_MAX_MS ? value : PAUSE_MAX_MS;
}

uint64_t watch_pause_ms(const struct watch *watch, const struct cgroup_counters *counters, uint64_t now_ms)
{
        const struct limits *limits = &watch->limits;
        uint64_t wall_ms = now_ms - watch->started_ms;
        uint64_t cpu_ms = watch_cpu_ms(watch, counters);
        uint64_t pause_ms = limits->timeout_ms > wall_ms ? clamp(limits->timeout_ms - wall_ms) : PAUSE_MIN_MS;
        if (limits->cpu_ms) { /* the soonest it can be used up */
                uint64_t left_ms = limits->cpu_ms > cpu_ms ? limits->cpu_ms - cpu_ms : 0;
                uint64_t soonest_ms = clamp(left_ms * 1000 / (limits->cpu_millis ? limits->cpu_millis : 1000));
                pause_ms = soonest_ms < pause_ms ? soonest_ms : pause_ms;
        }
        return pause_ms;
}
