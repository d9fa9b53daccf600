#include "worker/sandbox/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/sandbox/command.h"

enum {
        START_MS = 30000,   /* from the command to the program */
        OBEY_MS = 3000,     /* init kills within milliseconds; after this the engine does it */
        COLLECT_MS = 60000, /* for the artifacts */
        REMOVE_WAIT_MS = 10000,
};

#define STATE(s) (1U << (s))

const struct state run_states[RUN_STATES] = {
                [RUN_QUEUED] = {"queued", STATE(RUN_PREPARING) | STATE(RUN_REMOVING)},
                [RUN_PREPARING] = {"preparing", STATE(RUN_STARTING) | STATE(RUN_REMOVING)},
                [RUN_STARTING] = {"starting", STATE(RUN_RUNNING) | STATE(RUN_COLLECTING) | STATE(RUN_REMOVING)},
                [RUN_RUNNING] = {"running", STATE(RUN_COLLECTING) | STATE(RUN_REMOVING)},
                [RUN_COLLECTING] = {"collecting", STATE(RUN_REMOVING)},
                [RUN_REMOVING] = {"removing", STATE(RUN_REPORTED)},
                [RUN_REPORTED] = {"reported", 0},
};

static void move(struct run *run, enum run_state to)
{
        const char *from = state_name(&run->state);
        if (state_move(&run->state, to))
                log_event(run->host->slots->log, LOG_DEBUG, "run moved", LOG_TEXT("job_id", run->request->job->job_id),
                          LOG_TEXT("from", from), LOG_TEXT("to", state_name(&run->state)));
}

static uint64_t now_ms(const struct run *run)
{
        return clock_boottime_ms(run->host->clock);
}

int run_new(struct run **ret_run, struct run_host *host, struct sandbox_run *request, const struct slot_want *want,
            const struct language *language, struct error *e)
{
        struct run *run = calloc(1, sizeof(*run));
        if (!run)
                return error_set(e, ERROR_MEMORY, "no memory for a run");
        if (record_begin(&run->result, request, host->slots->worker, e) < 0) {
                free(run);
                return -1;
        }
        snprintf(run->result.image, sizeof(run->result.image), "%s", want->image_id);
        run->host = host;
        run->request = request;
        run->want = *want;
        run->language = language;
        run->oom_fd = -1;
        run->state = (struct state_machine){run_states, RUN_STATES, RUN_QUEUED};
        run->dialogue.request = request;
        run->dialogue.result = &run->result;
        run->dialogue.limits = &run->want.limits;
        uv_timer_init(host->loop, &run->timer);
        run->timer.data = run;
        list_init(&run->link);
        *ret_run = run;
        return 0;
}

/* --- the end --- */

static void run_free(struct run *run)
{
        dialogue_deinit(&run->dialogue);
        result_deinit(&run->result);
        bytes_deinit(&run->program);
        if (run->oom_fd >= 0)
                close(run->oom_fd);
        free(run);
}

static void timer_closed(uv_handle_t *handle)
{
        struct run *run = handle->data;
        bool finished = run->outcome == SANDBOX_FINISHED;
        run->host->reported(run);
        run->request->private = NULL;
        run->request->done(run->request, run->outcome, finished ? &run->result : NULL, finished ? NULL : &run->error);
        run_free(run);
}

static void report(struct run *run)
{
        move(run, RUN_REPORTED);
        if (run->slot)
                run->slot->server = NULL;
        run->slot = NULL;
        uv_close((uv_handle_t *)&run->timer, timer_closed);
}

static void removal_missed(uv_timer_t *timer)
{
        report(timer->data);
}

static void let_go(struct run *run)
{
        if (run->dialogue.has_ended && !run->wait_until_removed) {
                slot_retire(run->slot);
                return;
        }
        dialogue_leave(&run->dialogue);
        slot_remove(run->slot);
}

/* Lets the container go. Where init has said that nothing runs any more, nobody waits for its removal. */
static void leave(struct run *run)
{
        move(run, RUN_REMOVING);
        uv_timer_stop(&run->timer);
        if (run->slot && slot_state(run->slot) == SLOT_SERVING)
                let_go(run);
        if (run->slot && run->wait_until_removed)
                uv_timer_start(&run->timer, removal_missed, REMOVE_WAIT_MS, 0);
        else
                report(run);
}

static void end_without_result(struct run *run, enum sandbox_outcome outcome, const struct error *e)
{
        run->outcome = outcome;
        run->error = *e;
        leave(run);
}

/* Whether PID 1 died of an OOM. The bell of our parent rings for nothing else; the container's own rings at its removal too. */
static bool oom_rang(struct run *run)
{
        const struct slot *slot = run->slot;
        run->oom_rings += cgroup_oom_rang(slot->host->cgroups, slot->has_parent ? slot->parent.oom_fd : run->oom_fd);
        return run->oom_rings > (slot->has_parent ? 0U : 1U);
}

/* The parent's counters outlive the container. */
static void read_last_counters(struct run *run)
{
        struct error ignored;
        struct cgroup_counters last;
        if (cgroup_read_counters(&run->slot->cgroup, &last, &ignored) == 0) {
                run->counters = last;
        } else if (run->slot->has_parent && cgroup_read_counters(&run->slot->parent.cgroup, &last, &ignored) == 0) {
                run->counters.cpu_us = last.cpu_us;
                run->counters.peak_memory_bytes = last.peak_memory_bytes;
        }
}

static void finish(struct run *run)
{
        read_last_counters(run);
        struct record_end end = {
                        .watch = &run->watch,
                        .counters = &run->counters,
                        .ended = run->dialogue.has_ended ? &run->dialogue.ended : NULL,
                        .ordered = &run->ordered,
                        .out_of_memory = run->counters.oom_kills > run->watch.oom_base || (!run->dialogue.has_ended && oom_rang(run)),
                        .duration_ms = run->watch.started_ms ? now_ms(run) - run->watch.started_ms : 0,
        };
        record_end(&run->result, &end);
        run->result.finished_at_ms = clock_realtime_ms(run->host->clock);
        run->outcome = SANDBOX_FINISHED;
        leave(run);
}

/* --- while it runs --- */

static void look(uv_timer_t *timer);

static void look_in(struct run *run, uint64_t pause_ms)
{
        uv_timer_start(&run->timer, look, pause_ms, 0);
}

/* The first order is the reason. */
static void order_kill(struct run *run, const struct termination *reason)
{
        if (run->obey_by_ms)
                return;
        run->obey_by_ms = now_ms(run) + OBEY_MS;
        if (reason->cause != CAUSE_MEMORY)
                run->ordered = *reason;
        dialogue_kill(&run->dialogue);
        look_in(run, OBEY_MS);
}

static void look(uv_timer_t *timer)
{
        struct run *run = timer->data;
        struct error ignored;
        uint64_t now = now_ms(run);
        if (run->obey_by_ms && now >= run->obey_by_ms) {
                run->wait_until_removed = true;
                finish(run);
                return;
        }
        (void)cgroup_read_counters(&run->slot->cgroup, &run->counters, &ignored); /* gone: the stream's end will say more */
        struct termination reason = watch_look(&run->watch, &run->counters, now);
        if (reason.cause != CAUSE_NONE)
                order_kill(run, &reason);
        else
                look_in(run, watch_pause_ms(&run->watch, &run->counters, now));
}

static void collection_missed(uv_timer_t *timer)
{
        struct run *run = timer->data;
        run->wait_until_removed = true;
        finish(run);
}

/* --- frames --- */

static void take_started(struct run *run)
{
        move(run, RUN_RUNNING);
        watch_start(&run->watch, now_ms(run));
        run->result.started_at_ms = clock_realtime_ms(run->host->clock);
        look_in(run, watch_pause_ms(&run->watch, &run->counters, run->watch.started_ms));
        if (run->request->started)
                run->request->started(run->request);
}

static void take_ended(struct run *run)
{
        move(run, RUN_COLLECTING);
        uv_timer_start(&run->timer, collection_missed, COLLECT_MS, 0);
}

static void take_report(struct run *run)
{
        struct error e;
        if (run->dialogue.ended.end != FRAME_END_DEADLINE) {
                finish(run);
                return;
        }
        error_set(&e, ERROR_TIMEOUT, "the lease ran out and brig-init ended the job");
        end_without_result(run, SANDBOX_INTERRUPTED, &e);
}

static void take_failed(struct run *run)
{
        run->outcome = SANDBOX_FINISHED;
        run->result.finished_at_ms = clock_realtime_ms(run->host->clock);
        leave(run);
}

void run_take_frame(struct run *run, const struct frame *frame)
{
        struct error e;
        enum dialogue_event event;
        if (dialogue_take(&run->dialogue, frame, &event, &e) < 0) {
                run->wait_until_removed = true;
                end_without_result(run, SANDBOX_INTERRUPTED, &e);
                return;
        }
        switch (event) {
        case DIALOGUE_NOTHING:
                break;
        case DIALOGUE_STARTED:
                take_started(run);
                break;
        case DIALOGUE_FAILED:
                take_failed(run);
                break;
        case DIALOGUE_ENDED:
                take_ended(run);
                break;
        case DIALOGUE_REPORTED:
                take_report(run);
                break;
        }
}

/* --- slots --- */

void run_assign(struct run *run, struct slot *slot)
{
        run->slot = slot;
        slot->server = run;
        move(run, RUN_PREPARING);
}

/* CPU, peak and refusals count from here. */
static int begin_counting(struct run *run, struct error *e)
{
        const struct slot *slot = run->slot;
        struct readback walls = slot->walls;
        walls.limits = run->want.limits;
        if (readback_limits(&walls, &slot->cgroup, &run->result.limits, e) < 0)
                return -1;
        run->result.has_limits = true;
        if (!slot->has_parent)
                run->oom_fd = cgroup_watch_oom(&slot->cgroup, e);
        cgroup_reset_peak(&slot->cgroup);
        if (slot->has_parent)
                cgroup_reset_peak(&slot->parent.cgroup);
        if (cgroup_read_counters(&slot->cgroup, &run->counters, e) < 0)
                return -1;
        watch_init(&run->watch, &run->want.limits, &run->counters);
        return 0;
}

static void start_missed(uv_timer_t *timer)
{
        struct run *run = timer->data;
        struct error e;
        run->wait_until_removed = true;
        error_set(&e, ERROR_TIMEOUT, "brig-init did not start the program within %d ms", START_MS);
        end_without_result(run, run->dialogue.start_sent ? SANDBOX_INTERRUPTED : SANDBOX_NOT_STARTED, &e);
}

static int write_files(struct run *run, struct error *e)
{
        const struct job *job = run->request->job;
        int result = command_write_files(run->slot->code_folder, job, run->language, bytes_span(&run->program), e);
        bytes_deinit(&run->program);
        return result;
}

void run_serve(struct run *run)
{
        struct error e;
        slot_serve(run->slot, run);
        run->dialogue.slot = run->slot;
        move(run, RUN_STARTING);
        uv_timer_start(&run->timer, start_missed, START_MS, 0);
        if (write_files(run, &e) < 0 || begin_counting(run, &e) < 0 || dialogue_begin(&run->dialogue, run->language, &e) < 0)
                end_without_result(run, SANDBOX_NOT_STARTED, &e);
}

static void autopsy_done(struct autopsy *autopsy, enum autopsy_verdict verdict)
{
        struct run *run = autopsy->data;
        run->under_autopsy = false;
        if (verdict == AUTOPSY_DIED && !run->revoked)
                finish(run);
        else
                end_without_result(run, SANDBOX_INTERRUPTED, &run->error);
}

/* PID 1 did not report. What brig ordered, or the OOM's own bell, explains it; else the engine is asked. */
static void stream_lost(struct run *run, const struct error *e)
{
        if (e)
                run->error = *e;
        else
                error_set(&run->error, ERROR_DOCKER, "the container ended before brig-init reported");
        if (!run->dialogue.start_sent) {
                end_without_result(run, SANDBOX_NOT_STARTED, &run->error);
                return;
        }
        if (run->obey_by_ms || (run->slot->has_parent && oom_rang(run))) {
                finish(run);
                return;
        }
        if (run_state(run) != RUN_COLLECTING)
                move(run, RUN_COLLECTING);
        uv_timer_stop(&run->timer);
        run->under_autopsy = true;
        run->autopsy.done = autopsy_done;
        run->autopsy.data = run;
        autopsy_start(&run->autopsy, run->slot->host->engine, run->slot->name);
}

void run_slot_lost(struct run *run, const struct error *e)
{
        switch (run_state(run)) {
        case RUN_PREPARING:
                end_without_result(run, SANDBOX_NOT_STARTED, e);
                break;
        case RUN_STARTING:
        case RUN_RUNNING:
        case RUN_COLLECTING:
                stream_lost(run, e);
                break;
        default:
                break;
        }
}

void run_slot_emptied(struct run *run)
{
        run->slot = NULL;
        if (run_state(run) == RUN_REMOVING)
                report(run);
}

void run_refuse(struct run *run, const struct error *e)
{
        end_without_result(run, SANDBOX_NOT_STARTED, e);
}

/* --- from outside --- */

static void cancel_before_start(struct run *run, enum sandbox_cancel why)
{
        struct error e;
        if (run->slot)
                run->slot->server = NULL; /* it will wait for another */
        run->slot = NULL;
        if (why == SANDBOX_CANCEL_REQUEST) {
                record_cancelled(&run->result);
                run->result.finished_at_ms = clock_realtime_ms(run->host->clock);
                run->outcome = SANDBOX_FINISHED;
                leave(run);
                return;
        }
        error_set(&e, ERROR_CANCELLED, "taken back before it started");
        end_without_result(run, SANDBOX_NOT_STARTED, &e);
}

void run_cancel(struct run *run, enum sandbox_cancel why)
{
        struct error e;
        if (run_state(run) < RUN_STARTING) {
                cancel_before_start(run, why);
        } else if (run_state(run) < RUN_COLLECTING && why == SANDBOX_CANCEL_REQUEST) {
                order_kill(run, &(struct termination){.cause = CAUSE_CANCELLED});
        } else if (run->under_autopsy) {
                run->revoked = why == SANDBOX_CANCEL_LEASE;
        } else if (run_state(run) <= RUN_COLLECTING && why == SANDBOX_CANCEL_LEASE) {
                dialogue_kill(&run->dialogue);
                run->wait_until_removed = true;
                error_set(&e, ERROR_CANCELLED, "taken back while it ran");
                end_without_result(run, SANDBOX_INTERRUPTED, &e);
        }
}

void run_extend(struct run *run, uint64_t deadline_ms)
{
        run->request->deadline_ms = deadline_ms;
        if (run->slot && slot_state(run->slot) == SLOT_SERVING)
                dialogue_extend(&run->dialogue, deadline_ms);
}
