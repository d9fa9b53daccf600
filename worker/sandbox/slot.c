#include "worker/sandbox/slot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/code_folder.h"
#include "worker/sandbox/netns.h"

enum {
        REMOVE_RETRY_MS = 20,
        REMOVE_RETRY_MAX_MS = 2000,
        REMOVE_TRIES_CLOSING = 12, /* 20 ms doubled: about 8 s */
        GREETING_MS = 15000,
        SOCKET_MEMORY_PART = 8,
        LEAVE_AFTER_MS = 20,  /* what the engine does for a container's end would slow down the way of its result */
        REMOVE_AFTER_MS = 80, /* by then the engine has seen it end: to remove a running one costs more */
};

#define STATE(s) (1U << (s))

const struct state slot_states[SLOT_STATES] = {
                [SLOT_EMPTY] = {"empty", STATE(SLOT_CREATING)},
                [SLOT_CREATING] = {"creating", STATE(SLOT_ATTACHING) | STATE(SLOT_REMOVING)},
                [SLOT_ATTACHING] = {"attaching", STATE(SLOT_STARTING) | STATE(SLOT_REMOVING)},
                [SLOT_STARTING] = {"starting", STATE(SLOT_CHECKING) | STATE(SLOT_REMOVING)},
                [SLOT_CHECKING] = {"checking", STATE(SLOT_WAITING) | STATE(SLOT_REMOVING)},
                [SLOT_WAITING] = {"waiting", STATE(SLOT_SERVING) | STATE(SLOT_REMOVING)},
                [SLOT_SERVING] = {"serving", STATE(SLOT_REMOVING)},
                [SLOT_REMOVING] = {"removing", STATE(SLOT_EMPTY)},
};

static void remove_step(struct slot *slot);

static void move(struct slot *slot, enum slot_state to)
{
        const char *from = state_name(&slot->state);
        if (state_move(&slot->state, to))
                log_event(slot->host->log, LOG_DEBUG, "slot moved", LOG_NUMBER("slot", slot->number), LOG_TEXT("from", from),
                          LOG_TEXT("to", state_name(&slot->state)), LOG_TEXT("container", slot->name));
}

int slot_init(struct slot *slot, struct slot_host *host, uv_loop_t *loop, unsigned number)
{
        memset(slot, 0, sizeof(*slot));
        slot->host = host;
        slot->number = number;
        slot->code_folder = -1;
        slot->state = (struct state_machine){slot_states, SLOT_STATES, SLOT_EMPTY};
        slot->timer.data = slot->call.data = slot->attach.data = slot;
        return uv_timer_init(loop, &slot->timer);
}

static void timer_closed(uv_handle_t *handle)
{
        struct slot *slot = handle->data;
        slot->host->closed(slot);
}

void slot_close(struct slot *slot)
{
        uv_close((uv_handle_t *)&slot->timer, timer_closed);
}

/* What goes wrong before a job is served: said once, then the slot cleans up behind itself. */
static void slot_fail(struct slot *slot, const struct error *e)
{
        if (slot_state(slot) == SLOT_REMOVING)
                return;
        slot->host->lost(slot, e);
        if (slot_state(slot) != SLOT_SERVING)
                slot_remove(slot);
}

/* Every answer of the engine comes through here first. False: the slot is being removed, and this answer was only waited for. */
static bool answered(struct slot *slot, const struct error *e)
{
        slot->called = false;
        if (slot_state(slot) == SLOT_REMOVING) {
                remove_step(slot);
                return false;
        }
        if (e)
                slot_fail(slot, e);
        return !e;
}

static void waiting_or_failed(struct slot *slot, int result, const struct error *e)
{
        if (result < 0) {
                slot_fail(slot, e);
                return;
        }
        move(slot, SLOT_WAITING);
        slot->host->ready(slot);
}

static int check_walls(struct slot *slot, struct error *e)
{
        const struct slot_host *host = slot->host;
        if (cgroup_open_process(&slot->cgroup, host->cgroups, slot->pid, e) < 0 ||
            readback_check(&slot->walls, slot->pid, &slot->cgroup, e) < 0)
                return -1;
        if (slot->has_parent && host->cgroups->driver == CGROUP_DRIVER_SYSTEMD &&
            cgroup_parent_limit(&slot->parent, slot->want.limits.memory_bytes, e) < 0)
                return -1;
        if (host->root && cgroup_limit_sockets(&slot->cgroup, slot->want.limits.memory_bytes / SOCKET_MEMORY_PART, e) < 0)
                return -1;
        if (slot->walls.profile->network == NETWORK_LOOPBACK && host->root)
                return netns_raise_loopback(slot->pid, e);
        return 0;
}

static void inspected(struct docker_call *call, const struct error *e)
{
        struct slot *slot = call->data;
        struct error failure = {0};
        if (!answered(slot, e))
                return;
        slot->pid = (pid_t)json_integer_value(json_object_get(json_object_get(call->answer, "State"), "Pid"));
        if (slot->pid <= 0) {
                error_set(&failure, ERROR_DOCKER, "the container ended while it was being started");
                slot_fail(slot, &failure);
                return;
        }
        int result = readback_check_inspection(&slot->walls, call->answer, &failure);
        waiting_or_failed(slot, result < 0 ? -1 : check_walls(slot, &failure), &failure);
}

static void check_when_started(struct slot *slot)
{
        struct error e;
        if (slot_state(slot) != SLOT_STARTING || !slot->started || !slot->greeted)
                return;
        move(slot, SLOT_CHECKING);
        uv_timer_stop(&slot->timer);
        slot->call.done = inspected;
        slot->called = container_inspect(&slot->call, slot->host->engine, slot->name, &e) == 0;
        if (!slot->called)
                slot_fail(slot, &e);
}

static void greeting_missed(uv_timer_t *timer)
{
        struct slot *slot = timer->data;
        struct error e;
        error_set(&e, ERROR_TIMEOUT, "brig-init said nothing within %d ms of the container's start", GREETING_MS);
        slot_fail(slot, &e);
}

static void end_unserved(struct slot *slot)
{
        struct error e;
        error_set(&e, ERROR_DOCKER, "the container ended before it served");
        slot_fail(slot, &e);
}

static void started(struct docker_call *call, const struct error *e)
{
        struct slot *slot = call->data;
        if (!answered(slot, e))
                return;
        slot->started = true;
        if (slot->attached)
                check_when_started(slot);
        else
                end_unserved(slot);
}

static void attached(struct attach *attach)
{
        struct slot *slot = attach->data;
        struct error e;
        if (slot_state(slot) != SLOT_ATTACHING)
                return;
        move(slot, SLOT_STARTING);
        slot->call.done = started;
        slot->called = container_start(&slot->call, slot->host->engine, slot->name, &e) == 0;
        if (!slot->called)
                slot_fail(slot, &e);
        else
                uv_timer_start(&slot->timer, greeting_missed, GREETING_MS, 0);
}

static void frame_arrived(struct slot *slot, const struct frame *frame)
{
        struct error e;
        if (slot_state(slot) == SLOT_SERVING) {
                slot->host->frame(slot, frame);
        } else if (readback_check_hello(&slot->walls, frame, &e) < 0) {
                slot_fail(slot, &e);
        } else {
                slot->greeted = true;
                check_when_started(slot);
        }
}

static void take_frames(struct slot *slot, struct span bytes)
{
        struct frame frame;
        enum frame_step step = FRAME_WHOLE;
        while (step == FRAME_WHOLE && slot_state(slot) != SLOT_REMOVING) {
                step = frame_parser_take(&slot->parser, &bytes.data, &bytes.size, &frame);
                if (step == FRAME_WHOLE)
                        frame_arrived(slot, &frame);
        }
        if (step == FRAME_BROKEN)
                attach_cancel(&slot->attach);
}

/* brig-init writes frames on stdout; what comes on stderr can only be the runtime's own complaint. */
static void received(struct attach *attach, enum attach_stream stream, struct span bytes)
{
        struct slot *slot = attach->data;
        char text[160];
        if (slot_state(slot) == SLOT_REMOVING)
                return;
        if (stream == ATTACH_STDOUT) {
                take_frames(slot, bytes);
                return;
        }
        snprintf(text, sizeof(text), "%.*s", (int)bytes.size, (const char *)bytes.data);
        log_event(slot->host->log, LOG_WARNING, "a container wrote beside the frames", LOG_TEXT("container", slot->name),
                  LOG_TEXT("text", text));
}

static void detached(struct attach *attach, const struct error *e)
{
        struct slot *slot = attach->data;
        slot->attached = false;
        switch (slot_state(slot)) {
        case SLOT_REMOVING:
                if (!slot->retiring)
                        remove_step(slot);
                break;
        case SLOT_SERVING:
                slot->host->lost(slot, e);
                break;
        case SLOT_STARTING:
                if (slot->called)
                        break; /* the engine's answer says why */
                end_unserved(slot);
                break;
        default:
                if (e)
                        slot_fail(slot, e);
                else
                        end_unserved(slot);
        }
}

static void created(struct docker_call *call, const struct error *e)
{
        struct slot *slot = call->data;
        struct error failure;
        slot->created = !e || call->status == 0; /* without an answer nobody knows */
        if (!answered(slot, e))
                return;
        move(slot, SLOT_ATTACHING);
        slot->attach.attached = attached;
        slot->attach.received = received;
        slot->attach.done = detached;
        slot->attached = attach_start(&slot->attach, slot->host->engine, slot->name, &failure) == 0;
        if (!slot->attached)
                slot_fail(slot, &failure);
}

/* The name of its folder, container and control group alike. */
static void name_next(struct slot *slot)
{
        slot->generation++;
        snprintf(slot->name, sizeof(slot->name), "%s-%u-%" PRIu64, slot->host->instance->name, slot->number, slot->generation);
}

static int make_places(struct slot *slot, struct error *e)
{
        const struct slot_host *host = slot->host;
        slot->code_folder = code_folder_make(host->instance->folder, slot->name, e);
        if (slot->code_folder < 0)
                return -1;
        if (!host->root)
                return 0;
        if (cgroup_parent_make(&slot->parent, host->cgroups, instance_token(slot->name), slot->want.limits.memory_bytes, e) < 0)
                return -1;
        slot->has_parent = true;
        return 0;
}

static int create_container(struct slot *slot, struct error *e)
{
        char code_path[PATH_MAX];
        char number[16];
        snprintf(code_path, sizeof(code_path), "%s/%s", slot->host->instance->path, slot->name);
        snprintf(number, sizeof(number), "%u", slot->number);
        json_t *body = slot_host_describe(slot->host, &slot->want, code_path, slot->has_parent ? slot->parent.name : NULL, number);
        slot->call.done = created;
        int result = container_create(&slot->call, slot->host->engine, slot->name, body, e);
        json_decref(body);
        slot->called = result == 0;
        return result;
}

static void forget(struct slot *slot)
{
        slot->called = slot->attached = slot->created = slot->started = slot->greeted = slot->gone = slot->retiring = false;
        slot->tries = 0;
        slot->pid = 0;
        slot->server = NULL;
}

/* True when no folder and no control group of it is left. */
static bool places_removed(struct slot *slot)
{
        struct error e = {0};
        if (slot->code_folder >= 0)
                close(slot->code_folder);
        slot->code_folder = -1;
        if (code_folder_remove(slot->host->instance->folder, slot->name, &e) < 0)
                return false;
        if (slot->has_parent && cgroup_parent_remove(&slot->parent, &e) < 0)
                return false;
        slot->has_parent = false;
        return true;
}

int slot_prepare(struct slot *slot, const struct slot_want *want, struct error *e)
{
        slot->want = *want;
        name_next(slot);
        forget(slot);
        slot->walls = readback_of(&slot->want.profile, &want->limits, want->runtime_processes);
        frame_parser_init(&slot->parser, slot->payload, sizeof(slot->payload));
        if (make_places(slot, e) < 0 || create_container(slot, e) < 0) {
                places_removed(slot);
                return -1;
        }
        move(slot, SLOT_CREATING);
        return 0;
}

void slot_serve(struct slot *slot, void *server)
{
        slot->server = server;
        move(slot, SLOT_SERVING);
}

int slot_send(struct slot *slot, struct span frames, struct error *e)
{
        return attach_send(&slot->attach, frames, e);
}

static void try_again(uv_timer_t *timer)
{
        remove_step(timer->data);
}

static void remove_later(struct slot *slot)
{
        unsigned doublings = slot->tries < 7 ? slot->tries : 7;
        uint64_t wait_ms = (uint64_t)REMOVE_RETRY_MS << doublings;
        slot->tries++;
        uv_timer_start(&slot->timer, try_again, wait_ms < REMOVE_RETRY_MAX_MS ? wait_ms : REMOVE_RETRY_MAX_MS, 0);
}

static bool given_up(const struct slot *slot)
{
        return slot->host->closing && slot->tries > REMOVE_TRIES_CLOSING;
}

static void removed(struct docker_call *call, const struct error *e)
{
        struct slot *slot = call->data;
        (void)e; /* a refusal and a silence are one: ask again */
        slot->called = false;
        slot->gone = container_is_gone(call);
        if (slot->gone || given_up(slot))
                remove_step(slot);
        else
                remove_later(slot);
}

static void remove_container_now(struct slot *slot)
{
        struct error e;
        slot->call.done = removed;
        slot->called = container_remove(&slot->call, slot->host->engine, slot->name, &e) == 0;
        if (!slot->called)
                remove_later(slot);
}

/* Called again after each answer, until nothing is left: first the container, then its stream, then its places. */
static void remove_step(struct slot *slot)
{
        uv_timer_stop(&slot->timer);
        slot->retiring = false;
        if (slot->called)
                return;
        if (slot->created && !slot->gone && !given_up(slot)) {
                remove_container_now(slot);
        } else if (slot->attached) {
                attach_cancel(&slot->attach);
        } else if (!places_removed(slot) && !given_up(slot)) {
                remove_later(slot);
        } else {
                move(slot, SLOT_EMPTY);
                slot->host->emptied(slot);
        }
}

/* From the timer, never from inside the caller, who may still be at work with the slot. */
void slot_remove(struct slot *slot)
{
        if (slot_state(slot) == SLOT_EMPTY || (slot_state(slot) == SLOT_REMOVING && !slot->retiring))
                return;
        if (!slot->retiring)
                move(slot, SLOT_REMOVING);
        slot->tries = 0;
        uv_timer_start(&slot->timer, try_again, 0, 0);
}

static void dismiss(uv_timer_t *timer)
{
        struct slot *slot = timer->data;
        uint8_t frame[FRAME_FIXED_MAX];
        struct error ignored;
        (void)slot_send(slot, (struct span){frame, frame_encode_empty(frame, FRAME_LEAVE)}, &ignored);
        uv_timer_start(timer, try_again, REMOVE_AFTER_MS, 0);
}

void slot_retire(struct slot *slot)
{
        move(slot, SLOT_REMOVING);
        slot->retiring = true;
        slot->tries = 0;
        uv_timer_start(&slot->timer, dismiss, LEAVE_AFTER_MS, 0);
}
