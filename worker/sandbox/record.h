/* The record of a run: what it was, what it wrote, what ended it. */
#ifndef BRIG_SANDBOX_RECORD_H
#define BRIG_SANDBOX_RECORD_H

#include "common/clock.h"
#include "worker/init/frame.h"
#include "worker/sandbox/evidence.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/watch.h"

/* Who, where and at what level. 0 or -1 (ERROR_MEMORY). */
int record_begin(struct result *result, const struct sandbox_run *run, const char *worker, struct error *e);

/* Keeps what fits into the budget. */
int record_output(struct result *result, enum sandbox_stream stream, struct span data, uint64_t output_bytes);

/* What is known at the end. */
struct record_end {
        const struct watch *watch;
        const struct cgroup_counters *counters; /* the last reading */
        const struct frame_ended *ended;        /* NULL: init never said */
        const struct termination *ordered;      /* what brig ordered the kill for; CAUSE_NONE: nothing */
        bool out_of_memory;
        uint64_t duration_ms; /* where init never said */
};
void record_end(struct result *result, const struct record_end *end);

/* The program could not be executed at all. 0, or -1: nobody can read why. */
int record_failed(struct result *result, const struct frame *failed, struct error *e);

/* Cancelled before there was a program. */
void record_cancelled(struct result *result);

#endif
