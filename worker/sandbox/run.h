/* One job's way through a sandbox: it gets a slot, is served by its container, and ends as a record. */
#ifndef BRIG_SANDBOX_RUN_H
#define BRIG_SANDBOX_RUN_H

#include "common/list.h"
#include "worker/sandbox/autopsy.h"
#include "worker/sandbox/dialogue.h"
#include "worker/sandbox/record.h"
#include "worker/sandbox/slot.h"

enum run_state {
        RUN_QUEUED,     /* for a slot */
        RUN_PREPARING,  /* its slot's container is being started */
        RUN_STARTING,   /* files are written, init was told the command */
        RUN_RUNNING,    /* the program runs */
        RUN_COLLECTING, /* it has ended; artifacts come, or an autopsy is made */
        RUN_REMOVING,   /* the container is let go; waited for only if something may still live in it */
        RUN_REPORTED,
        RUN_STATES,
};

extern const struct state run_states[RUN_STATES]; /* the moves allowed */

struct run;

/* What the runs of one sandbox share; borrowed. */
struct run_host {
        const struct slot_host *slots;
        const struct clock *clock;
        uv_loop_t *loop;
        void (*reported)(struct run *run); /* it is out of the way; `done` follows, and the run is freed after it */
        void *data;
};

struct run {
        struct run_host *host;
        struct sandbox_run *request;
        const struct language *language;
        struct bytes program; /* what was compiled, until it is written; empty: nothing was */
        struct slot_want want;
        struct state_machine state;
        struct slot *slot; /* NULL: none yet, or let go */
        struct list link;  /* among the sandbox's runs */

        /* private */
        uv_timer_t timer;
        struct watch watch;
        struct cgroup_counters counters;
        struct termination ordered; /* what the kill was ordered for */
        uint64_t obey_by_ms;        /* a kill was ordered, and must have been obeyed by then; 0: none was */
        int oom_fd;                 /* of the container itself, where it has no parent of ours */
        bool wait_until_removed;
        bool under_autopsy, revoked; /* its lease was lost meanwhile */
        uint64_t oom_rings;          /* heard after PID 1 died */
        struct dialogue dialogue;
        struct autopsy autopsy;
        struct result result;
        enum sandbox_outcome outcome;
        struct error error;
};

/* QUEUED. 0 or -1 (ERROR_MEMORY). */
int run_new(struct run **ret_run, struct run_host *host, struct sandbox_run *request, const struct slot_want *want,
            const struct language *language, struct error *e);

void run_assign(struct run *run, struct slot *slot); /* QUEUED → PREPARING: this slot's container will serve it */
void run_serve(struct run *run);                     /* that container waits now */
void run_take_frame(struct run *run, const struct frame *frame);
void run_slot_lost(struct run *run, const struct error *e);
void run_slot_emptied(struct run *run);
void run_cancel(struct run *run, enum sandbox_cancel why);
void run_extend(struct run *run, uint64_t deadline_ms);

/* There will be no slot for it: NOT_STARTED. Only in QUEUED. */
void run_refuse(struct run *run, const struct error *e);

static inline enum run_state run_state(const struct run *run)
{
        return (enum run_state)run->state.now;
}

#endif
