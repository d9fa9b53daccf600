#include "worker/worker.h"

#include <string.h>

enum {
        PAUSE_MS = 1000,         /* after a job that could not be started */
        GRACE_MS = 5000,         /* after the bound of a drain */
        UNFINISHED_PER_SLOT = 4, /* that run or wait for their acknowledgement */
};

static struct assignment *assignment_of(struct list *link)
{
        return list_entry(link, struct assignment, link);
}

static size_t slots_promised(const struct worker *worker)
{
        size_t promised = 0;
        list_for_each (link, &worker->assignments)
                promised += assignment_awaits_slot(assignment_of(link)) ? 1 : 0;
        return promised;
}

static size_t room(void *data)
{
        const struct worker *worker = data;
        size_t slots = worker->ports.config->worker_slots;
        size_t free_slots = worker->ports.sandbox.free_slots(worker->ports.sandbox.sandbox);
        size_t promised = slots_promised(worker);
        if (worker->count >= slots * UNFINISHED_PER_SLOT || free_slots <= promised)
                return 0;
        return free_slots - promised;
}

static void end_drain(struct worker *worker)
{
        if (worker->over)
                return;
        worker->over = true;
        alarm_stop(&worker->bound);
        worker->drained(worker->data);
}

static void look_drained(struct worker *worker)
{
        if (worker->inbox_closed && worker->count == 0)
                end_drain(worker);
}

static void assignment_ran(struct assignment *assignment, bool healthy)
{
        struct worker *worker = assignment->data;
        if (healthy)
                worker_wake(worker);
        else
                inbox_pause(&worker->inbox, PAUSE_MS);
}

static void assignment_done(struct assignment *assignment)
{
        struct worker *worker = assignment->data;
        assignment_free(assignment);
        worker->count--;
        worker_wake(worker);
        look_drained(worker);
}

static void claimed(void *data, const struct gate_claim *claim, uint64_t sent_ms)
{
        struct worker *worker = data;
        struct assignment *assignment = assignment_new(&worker->ports, claim, sent_ms, assignment_ran, assignment_done, worker);
        if (!assignment) {
                log_event(worker->ports.log, LOG_ERROR, "no memory for a claimed job");
                return;
        }
        list_append(&worker->assignments, &assignment->link);
        worker->count++;
        if (worker->drained)
                assignment_abandon(assignment);
        assignment_start(assignment);
}

void worker_wake(struct worker *worker)
{
        if (!worker->drained)
                inbox_ask(&worker->inbox);
}

void worker_hint_cancelled(struct worker *worker, struct span message)
{
        list_for_each (link, &worker->assignments) {
                struct assignment *assignment = assignment_of(link);
                if (memmem(message.data, message.size, assignment->job_id, strlen(assignment->job_id)))
                        assignment_check(assignment);
        }
}

static void bound_reached(struct alarm *alarm)
{
        struct worker *worker = list_entry(alarm, struct worker, bound);
        if (worker->bound_reached) {
                end_drain(worker);
                return;
        }
        worker->bound_reached = true;
        alarm_set(alarm, alarm->due_ms + GRACE_MS);
        list_for_each (link, &worker->assignments)
                assignment_abandon(assignment_of(link));
}

static void inbox_closed(void *data)
{
        struct worker *worker = data;
        worker->inbox_closed = true;
        look_drained(worker);
}

void worker_drain(struct worker *worker, uint64_t bound_ms, void (*drained)(void *data), void *data)
{
        bool again = worker->drained != NULL;
        worker->drained = drained;
        worker->data = data;
        if (!worker->over && !worker->bound_reached)
                alarm_set(&worker->bound, clock_boottime_ms(worker->ports.clock) + bound_ms);
        if (!again)
                inbox_close(&worker->inbox, inbox_closed);
}

bool worker_runs(const struct worker *worker)
{
        list_for_each (link, &worker->assignments) {
                if (assignment_of(link)->state.now == ASSIGNMENT_RUNNING)
                        return true;
        }
        return false;
}

void worker_init(struct worker *worker, const struct ports *ports)
{
        *worker = (struct worker){.ports = *ports};
        list_init(&worker->assignments);
        alarm_init(&worker->bound, ports->alarms, bound_reached);
        inbox_init(&worker->inbox, &worker->ports, room, claimed, worker);
}

void worker_deinit(struct worker *worker)
{
        alarm_stop(&worker->bound);
        for (struct list *link = list_pop(&worker->assignments); link; link = list_pop(&worker->assignments))
                assignment_free(assignment_of(link));
        inbox_deinit(&worker->inbox);
}
