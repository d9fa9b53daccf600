#include "worker/sandbox/evidence.h"

#include <signal.h>
#include <stdio.h>

static struct termination limit_cause(enum cause cause, uint64_t limit, uint64_t observed)
{
        return (struct termination){.cause = cause, .has_limit = true, .limit = limit, .observed = observed};
}

static struct termination violation_cause(const char *rule)
{
        struct termination t = {.cause = CAUSE_VIOLATION};
        snprintf(t.rule, sizeof(t.rule), "%s", rule);
        return t;
}

/* The first line that holds is the cause. */
static struct termination termination_of(const struct evidence *ev)
{
        if (ev->cancelled)
                return (struct termination){.cause = CAUSE_CANCELLED};
        if (ev->own.cause != CAUSE_NONE)
                return ev->own;
        if (ev->out_of_memory)
                return limit_cause(CAUSE_MEMORY, ev->memory_limit_bytes, ev->memory_peak_bytes);
        if (!ev->leader_ended)
                return violation_cause("init");
        if (ev->seccomp_death)
                return violation_cause("seccomp");
        if (ev->exit_signal == SIGXFSZ)
                return limit_cause(CAUSE_DISK, ev->disk_limit_bytes, ev->disk_used_bytes);
        if (ev->exit_signal)
                return (struct termination){.cause = CAUSE_SIGNAL, .signal = ev->exit_signal};
        return (struct termination){.cause = CAUSE_EXIT, .code = ev->exit_code};
}

static enum status status_of(const struct termination *t)
{
        switch (t->cause) {
        case CAUSE_EXIT:
                return t->code == 0 ? STATUS_SUCCEEDED : STATUS_FAILED;
        case CAUSE_SIGNAL:
                return STATUS_FAILED;
        case CAUSE_CANCELLED:
                return STATUS_CANCELLED;
        default:
                return STATUS_KILLED;
        }
}

void evidence_judge(const struct evidence *evidence, enum status *ret_status, struct termination *ret_termination)
{
        *ret_termination = termination_of(evidence);
        *ret_status = status_of(ret_termination);
}
