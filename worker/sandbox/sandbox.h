/* The engine: a job and a profile in, a result out. Knows neither Kafka nor Redis, so brig run and brig-worker cannot differ.
 *
 * Slots keep started containers waiting, one for each (image, profile) in demand; a container serves one job and is removed; when none
 * fits, the same path starts one cold. What a job finds, what ends it, what its record says: sandbox.md.
 *
 * A job of a compiled language has two containers, one after the other: its compiler's, with limits of its own, and the program's. Its
 * wall time, memory peak and duration are the run's alone; its cpu_ms holds what the compiler took, which is nothing where the same agent's
 * same source was compiled before. What ends the compiler ends the job, in phase `compile`; `started` is the program's start. */
#ifndef BRIG_SANDBOX_H
#define BRIG_SANDBOX_H

#include <uv.h>

#include "common/config.h"
#include "common/job.h"
#include "common/log.h"
#include "common/result.h"

struct sandbox; /* heap */

struct sandbox_options {
        const struct config *config; /* borrowed: profiles, languages, docker_host, directories, worker_slots, worker_warm */
        const struct log *log;
        const struct clock *clock;
        const char *worker;        /* label brig.worker, `worker` in results */
        const char *init_path;     /* brig-init; NULL: beside the running program, or ../libexec/brig */
        unsigned levels;           /* 1 << enum risk of those that will be asked for; 0: all. What the others need is not looked at */
        bool attacked;             /* brig attacks each level itself, and offers it only after that (selfattack.h) */
        bool one_shot;             /* brig run: no warm containers, no leftovers looked for */
        void (*ready)(void *data); /* engine answers, leftovers are removed, slots may run; also after a recovery, and after an attack */
        void (*trouble)(void *data, const struct error *e); /* engine unreachable or a level not offered; once a loss */
        void *data;
};

int sandbox_open(struct sandbox **ret_sandbox, uv_loop_t *loop, const struct sandbox_options *options, struct error *e);

/* Kills and removes every container it made, then frees; `closed` runs last. Call when no run is pending. */
void sandbox_close(struct sandbox *sandbox, void (*closed)(void *data), void *data);

bool sandbox_ready(const struct sandbox *sandbox);
bool sandbox_offers(const struct sandbox *sandbox, enum risk risk);                      /* every wall of the level holds on this host */
int sandbox_check_level(const struct sandbox *sandbox, enum risk risk, struct error *e); /* the same: 0, or -1 and which does not */
bool sandbox_withstood(const struct sandbox *sandbox, enum risk risk);                   /* brig's own attack on the level */
bool sandbox_is_attacked(const struct sandbox *sandbox);                                 /* by itself, now */
size_t sandbox_free_slots(const struct sandbox *sandbox);

/* Says that jobs of this (image, level) are wanted, so that a container is kept started for them. */
void sandbox_want(struct sandbox *sandbox, const char *image, enum risk risk);

/* 0 and the image's id when the engine has it locally and it is allowed; else -1 (ERROR_NOT_FOUND, ERROR_DENIED). From memory, no I/O. */
int sandbox_find_image(const struct sandbox *sandbox, const char *image, const char **ret_id, struct error *e);

/* Tells each name under which an image may be used now: as the engine lists it, what ends with `:latest` also without that, and its id. */
void sandbox_each_image(const struct sandbox *sandbox, void (*each)(void *data, const char *image), void *data);

enum sandbox_stream { SANDBOX_STDOUT, SANDBOX_STDERR };

/* How a run ended, beyond its result. */
enum sandbox_outcome {
        SANDBOX_FINISHED,    /* `result` is the job's record */
        SANDBOX_NOT_STARTED, /* the engine failed before the program started: give the job back uncounted */
        SANDBOX_INTERRUPTED, /* engine, stream or lease was lost after the start: the job runs again, attempt counted */
};

enum sandbox_cancel {
        SANDBOX_CANCEL_REQUEST, /* a request: the result is `cancelled` with the output so far (if the program had not ended) */
        SANDBOX_CANCEL_LEASE,   /* lease lost or draining: no result; outcome INTERRUPTED or NOT_STARTED */
};

/* One job. The caller owns it until `done`, which runs exactly once, later, when its container is out of the way of others. */
struct sandbox_run {
        const struct job *job; /* borrowed until done */
        enum risk risk;
        const struct finding *findings; /* go into the result; borrowed */
        size_t finding_count;
        uint32_t attempt;
        uint64_t fence;
        uint64_t deadline_ms; /* CLOCK_BOOTTIME: init kills the job then, unless sandbox_run_extend moves it on; 0: none (brig run) */
        void (*started)(struct sandbox_run *run);                                              /* may be NULL */
        void (*output)(struct sandbox_run *run, enum sandbox_stream stream, struct span data); /* as it arrives; may be NULL */
        void (*done)(struct sandbox_run *run, enum sandbox_outcome outcome, struct result *result, const struct error *e);
        /* `result` is set for FINISHED; the callee takes its content (copies the struct and zeroes it) or leaves it to be deinited. `e`
           says why for the others */
        void *data;
        void *private; /* the engine's, as what follows */
        bool cancel_asked;
        enum sandbox_cancel cancel;
};

/* 0: `done` will run. -1: no slot is free, or the engine is not ready, or the level is not offered. */
int sandbox_run_start(struct sandbox *sandbox, struct sandbox_run *run, struct error *e);

/* A renewal was confirmed: the job may live until then. */
void sandbox_run_extend(struct sandbox_run *run, uint64_t deadline_ms);

void sandbox_run_cancel(struct sandbox_run *run, enum sandbox_cancel why);

/* The whole container specification that this job would get, as the engine's create call takes it (for --dry-run). New reference. */
json_t *sandbox_describe(const struct config *config, const struct job *job, enum risk risk, struct error *e);

/* The same of the container in which such a job of a language with a compiler is compiled. New reference. */
json_t *sandbox_describe_compiler(const struct config *config, const struct language *language, enum risk risk, struct error *e);

/* Limits in force for this job at this level: the profile's, with what the job named. */
struct limits sandbox_limits(const struct config *config, const struct job *job, enum risk risk);

#endif
