/* The way of a job whose language has a compiler: its program is found, or the compiler makes it in a container of its own; then it runs.
 *
 * The compiler's part is an ordinary run of another job, whose program is the compiler and whose one artifact is the program. That run ended
 * in any other way ends the job; else the job's own run follows, with the program among its files. */
#ifndef BRIG_SANDBOX_COMPILE_H
#define BRIG_SANDBOX_COMPILE_H

#include "worker/sandbox/compile_cache.h"
#include "worker/sandbox/run.h"

/* Borrowed. */
struct compile_host {
        const struct config *config;
        const struct images *images;
        struct run_host *runs;
        struct compile_cache cache;
        void (*enqueue)(struct compile_host *host, struct run *run); /* it waits for a slot */
        void *data;
};

/* `want`: of the job's own run. 0: the request's `done` will run. -1: as want_of_compiler, or ERROR_MEMORY. */
int compile_start(struct compile_host *host, struct sandbox_run *request, const struct slot_want *want, struct error *e);

/* Is it a program that the kernel can execute? */
bool compile_made_program(struct span program);

/* Makes the record of a compiler that made no program, however it ended, the job's. `why` goes to stderr where the compiler itself was
 * content. 0 or -1: no memory. */
int compile_conclude(struct result *result, const char *why);

#endif
