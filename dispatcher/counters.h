/* What a dispatcher has done since it started, for metrics and tests. */
#ifndef BRIG_DISPATCHER_COUNTERS_H
#define BRIG_DISPATCHER_COUNTERS_H

#include <stdint.h>

#include "common/result.h"
#include "common/transport/gate.h"

struct counters {
        uint64_t jobs_read;
        uint64_t jobs_refused; /* by intake: invalid, denied */
        uint64_t dead_letters;
        uint64_t admissions[GATE_CANCELLED + 1]; /* by verdict */
        uint64_t asked_again;
        uint64_t results[STATUS_COUNT]; /* first records, by status */
        uint64_t results_second;
        uint64_t results_foreign; /* records in brig.results that are none of brig's */
        uint64_t dead;
        uint64_t lost;
        uint64_t take_overs;
        uint64_t snapshots;
        uint64_t commits;
        uint64_t commit_failures;
        uint64_t restores;
        uint64_t cancels;
        uint64_t quarantines;
        uint64_t gate_queued, gate_deferred, gate_leased; /* in Redis at the last look */
};

#endif
