/* brig's own attack on a level of this host: the bundled escapes (attack/attack.c) run as a job of that level, by the ordinary way.
 *
 * The attack ends well when no escape went through and the kernel ended it at its memory limit. A level that lets one through is not
 * offered; nor is one that has not been attacked yet, though it may be once it can: with no image at hand the walls that the kernel was
 * asked about at each start have to do. */
#ifndef BRIG_SANDBOX_SELFATTACK_H
#define BRIG_SANDBOX_SELFATTACK_H

#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/slot_host.h"

enum selfattack_verdict {
        SELFATTACK_DUE, /* to be tried; `error` says what came between, if anything did */
        SELFATTACK_RUNNING,
        SELFATTACK_NOT_TRIED, /* no image */
        SELFATTACK_HELD,
        SELFATTACK_FAILED, /* `error` names the escapes */
};

/* The attack on one level. Zero-initialised it is DUE. */
struct selfattack {
        enum selfattack_verdict verdict;
        struct error error;

        /* while RUNNING */
        struct job job;
        struct job_file file;
        char *arguments[1];
        struct sandbox_run run;
};

extern const struct language selfattack_language;

/* Reads the program, which lies beside brig-init, and which the caller frees. 0 or -1 (ERROR_CONFIG). */
int selfattack_read_program(const char *init_path, struct bytes *ret_program, struct error *e);

/* Makes the job and what its container must be; `run.done` and `run.data` are the caller's. The program is borrowed while it runs. */
void selfattack_prepare(struct selfattack *attack, const struct config *config, enum risk risk, const char *image_id,
                        const struct bytes *program, struct slot_want *ret_want);

/* How it went: the record, or NULL and what came between. Pure. */
void selfattack_judge(struct selfattack *attack, const struct result *result, const struct error *between);

#endif
