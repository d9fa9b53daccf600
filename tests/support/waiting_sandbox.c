#include "tests/support/waiting_sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PULL_MS = 30 /* from run_start to the program's start */ };

static struct world_run *run_of(struct world_worker *w, const struct sandbox_run *run)
{
        for (size_t i = 0; i < WORLD_RUNS_MAX; i++)
                if (w->runs[i].run == run)
                        return &w->runs[i];
        return NULL;
}

static bool engine_ready(void *sandbox)
{
        return !((struct world_worker *)sandbox)->engine_down;
}

static bool engine_offers(void *sandbox, enum risk risk)
{
        (void)sandbox, (void)risk;
        return true;
}

static size_t engine_free_slots(void *sandbox)
{
        struct world_worker *w = sandbox;
        size_t taken = 0;
        for (size_t i = 0; i < WORLD_RUNS_MAX; i++)
                taken += w->runs[i].run != NULL;
        return w->config.worker_slots - taken;
}

static bool engine_has_image(void *sandbox, const char *image)
{
        (void)sandbox;
        return strcmp(image, "brig/python") == 0;
}

static void engine_each_image(void *sandbox, void (*each)(void *data, const char *image), void *data)
{
        (void)sandbox;
        each(data, "brig/python");
        each(data, "local/other:latest");
        each(data, "local/other");
}

static void engine_want(void *sandbox, const char *image, enum risk risk)
{
        (void)sandbox, (void)image, (void)risk;
}

static int engine_run_start(void *sandbox, struct sandbox_run *run, struct error *e)
{
        struct world_worker *w = sandbox;
        const char *code = (const char *)run->job->code.data;
        const char *space = strchr(code, ' ');
        struct world_run *slot = run_of(w, NULL);
        assert_non_null(slot);
        assert_true(engine_free_slots(w) > 0);
        if (w->engine_down)
                return error_set(e, ERROR_DOCKER, "no engine");
        *slot = (struct world_run){.run = run, .starts_ms = w->world->clock.virtual_ms + PULL_MS};
        slot->ends_ms = slot->starts_ms + (space ? strtoul(space, NULL, 10) : 0);
        slot->outcome = strncmp(code, "break", 5) == 0    ? SANDBOX_INTERRUPTED
                        : strncmp(code, "refuse", 6) == 0 ? SANDBOX_NOT_STARTED
                                                          : SANDBOX_FINISHED;
        return 0;
}

static void engine_run_extend(void *sandbox, struct sandbox_run *run, uint64_t deadline_ms)
{
        assert_non_null(run_of(sandbox, run));
        assert_true(deadline_ms >= run->deadline_ms);
        run->deadline_ms = deadline_ms;
}

static void engine_run_cancel(void *sandbox, struct sandbox_run *run, enum sandbox_cancel why)
{
        struct world_run *slot = run_of(sandbox, run);
        assert_non_null(slot);
        slot->cancelled |= why == SANDBOX_CANCEL_REQUEST;
        slot->killed |= why == SANDBOX_CANCEL_LEASE;
}

static void run_end(struct world_run *slot, enum sandbox_outcome outcome, bool cancelled)
{
        struct sandbox_run *run = slot->run;
        struct error e;
        struct result result = {0};
        slot->run = NULL;
        error_set(&e, ERROR_DOCKER, "interrupted");
        if (outcome == SANDBOX_FINISHED) {
                result_init_ended(&result, run->job->job_id, run->job->agent_id, cancelled ? STATUS_CANCELLED : STATUS_SUCCEEDED,
                                  cancelled ? CAUSE_CANCELLED : CAUSE_EXIT, NULL, run->job->metadata);
                bytes_append_string(&result.stdout_data, "ran\n");
        }
        run->done(run, outcome, outcome == SANDBOX_FINISHED ? &result : NULL, outcome == SANDBOX_FINISHED ? NULL : &e);
        result_deinit(&result);
}

static void run_start(struct worker_world *world, struct world_run *slot)
{
        slot->started = true;
        world->started++;
        if (slot->run->started)
                slot->run->started(slot->run);
}

/* brig-init's deadline counts although the worker is stopped. */
static void run_look(struct world_worker *w, struct world_run *slot)
{
        struct worker_world *world = w->world;
        uint64_t now_ms = world->clock.virtual_ms;
        bool dead = slot->killed || w->engine_down || now_ms >= slot->run->deadline_ms;
        if (!slot->started && !dead && slot->outcome != SANDBOX_NOT_STARTED && now_ms >= slot->starts_ms)
                run_start(world, slot);
        if (dead && slot->started && now_ms < slot->ends_ms && !slot->killed)
                slot->killed = true;
        if (w->paused)
                return;
        if (dead || slot->killed) {
                world->killed += slot->started;
                run_end(slot, slot->started ? SANDBOX_INTERRUPTED : SANDBOX_NOT_STARTED, false);
        } else if (slot->cancelled || now_ms >= slot->ends_ms) {
                run_end(slot, slot->cancelled ? SANDBOX_FINISHED : slot->outcome, slot->cancelled);
        }
}

void waiting_sandbox_step(struct world_worker *w)
{
        for (size_t i = 0; i < WORLD_RUNS_MAX; i++)
                if (w->runs[i].run)
                        run_look(w, &w->runs[i]);
}

struct sandbox_port waiting_sandbox_port(struct world_worker *w)
{
        return (struct sandbox_port){engine_ready, engine_offers,    engine_free_slots, engine_has_image,  engine_each_image,
                                     engine_want,  engine_run_start, engine_run_extend, engine_run_cancel, w};
}
