/* What ended a job: facts in, status and termination out, by the fixed order of the sandbox contract. Pure. */
#ifndef BRIG_SANDBOX_EVIDENCE_H
#define BRIG_SANDBOX_EVIDENCE_H

#include "common/result.h"

struct evidence {
        bool cancelled;         /* by a request, before the leader ended */
        struct termination own; /* the first of brig's own timers, budgets and switches that fired; CAUSE_NONE: none did */
        bool out_of_memory;     /* the OOM count of the job's container grew */
        bool leader_ended;      /* init said how; else PID 1 died before its report while the engine lived */
        bool seccomp_death;     /* a process that init reaped died by SIGSYS */
        int exit_code;          /* of the leader, when `exit_signal` is 0 */
        int exit_signal;
        uint64_t memory_limit_bytes, memory_peak_bytes;
        uint64_t disk_limit_bytes, disk_used_bytes;
};

void evidence_judge(const struct evidence *evidence, enum status *ret_status, struct termination *ret_termination);

#endif
