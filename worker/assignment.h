/* An assignment: one claimed job's whole life on this worker, from the claim to `complete`, `release` or the loss of its lease.
 *
 * The program may live as long as the lease says (lease.h). A lost lease ends it without a record; a record is published only after a
 * renewal said OK, with time for it left. */
#ifndef BRIG_WORKER_ASSIGNMENT_H
#define BRIG_WORKER_ASSIGNMENT_H

#include "common/state.h"
#include "worker/lease.h"
#include "worker/report.h"

enum assignment_state {
        ASSIGNMENT_CLAIMED,
        ASSIGNMENT_FETCHING, /* its record was too large for Redis */
        ASSIGNMENT_PARSED,
        ASSIGNMENT_RUNNING,
        ASSIGNMENT_FINISHED,   /* there is a record to publish */
        ASSIGNMENT_CONFIRMING, /* waits for the renewal that allows it */
        ASSIGNMENT_REPORTING,
        ASSIGNMENT_COMPLETING,
        ASSIGNMENT_RETURNING, /* goes back to its queue */
        ASSIGNMENT_DONE,
};

struct assignment {
        struct list link; /* the owner's */
        const struct ports *ports;
        void (*ran)(struct assignment *assignment, bool healthy);
        void (*done)(struct assignment *assignment);
        void *data;

        char job_id[UUID_TEXT_SIZE];
        char *agent_id;
        struct report_origin origin;
        enum risk risk;
        uint32_t attempt;
        uint64_t queued_ms;
        struct lease lease;

        struct state_machine state;
        bool lost;      /* the lease is somebody else's */
        bool cancelled; /* a request wants it ended */
        bool abandoned; /* the worker leaves */
        bool started;   /* the program ran: giving it back counts the attempt */
        bool trimmed;   /* its record was too large: it goes without output */

        struct bytes record;
        struct fetch fetch;
        struct job job;
        struct finding *findings;
        size_t finding_count;
        struct sandbox_run run;
        struct result result;
        struct report report;
};

/* A new assignment from a claim that was sent at `sent_ms`, or NULL: no memory. `ran` tells, at most once, that it needs a slot no longer;
 * not healthy: the engine could not run it. `done` runs once, last; there the owner frees it. */
struct assignment *assignment_new(const struct ports *ports, const struct gate_claim *claim, uint64_t sent_ms,
                                  void (*ran)(struct assignment *assignment, bool healthy), void (*done)(struct assignment *assignment),
                                  void *data);
void assignment_free(struct assignment *assignment);

void assignment_start(struct assignment *assignment);

/* Asks at once whether the lease still stands: a hint says that the job was cancelled. */
void assignment_check(struct assignment *assignment);

/* The worker leaves: what has not ended is killed and given back. What is being published still is. */
void assignment_abandon(struct assignment *assignment);

bool assignment_awaits_slot(const struct assignment *assignment); /* it was claimed, and its run has not started */

#endif
