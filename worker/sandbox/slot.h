/* A slot: a code folder, a parent control group and at most one container, from its making until the last trace of it is gone.
 *
 * A container serves one job. The slot brings it to WAITING, its walls read back; hands on the frames of its brig-init; removes it. */
#ifndef BRIG_SANDBOX_SLOT_H
#define BRIG_SANDBOX_SLOT_H

#include "common/state.h"
#include "worker/sandbox/docker/attach.h"
#include "worker/sandbox/docker/container.h"
#include "worker/sandbox/readback.h"
#include "worker/sandbox/slot_host.h"

enum slot_state {
        SLOT_EMPTY,
        SLOT_CREATING,  /* folder and control group are made, the engine creates */
        SLOT_ATTACHING, /* streams are attached before the start */
        SLOT_STARTING,  /* until the engine says so and init has said hello */
        SLOT_CHECKING,  /* its process is looked up, its walls read back */
        SLOT_WAITING,   /* started, for a job to come */
        SLOT_SERVING,   /* a job's, for good */
        SLOT_REMOVING,  /* until the engine says it is gone */
        SLOT_STATES,
};

extern const struct state slot_states[SLOT_STATES]; /* the moves allowed */

struct slot {
        struct slot_host *host;
        struct state_machine state;
        unsigned number;
        struct slot_want want;
        void *server; /* whoever it serves or is made for; NULL: it is kept warm */
        uint64_t waiting_since_ms;
        int code_folder; /* descriptor, for the job's files */
        struct readback walls;
        struct cgroup cgroup;        /* the container's own */
        struct cgroup_parent parent; /* as root */
        bool has_parent;

        /* private */
        uint64_t generation;
        char name[CONTAINER_NAME_SIZE];
        uv_timer_t timer;
        struct docker_call call;
        struct attach attach;
        struct frame_parser parser;
        uint8_t payload[FRAME_DATA_MAX + 1024];
        bool called, attached, created, started, greeted, gone, retiring;
        unsigned tries;
        pid_t pid;
};

int slot_init(struct slot *slot, struct slot_host *host, uv_loop_t *loop, unsigned number);

/* Only when EMPTY; `closed` follows. */
void slot_close(struct slot *slot);

/* EMPTY → … → WAITING, then `ready`, or `lost`. -1: nothing was begun. */
int slot_prepare(struct slot *slot, const struct slot_want *want, struct error *e);

/* WAITING → SERVING. */
void slot_serve(struct slot *slot, void *server);

int slot_send(struct slot *slot, struct span frames, struct error *e);

/* Kills whatever is left and removes; `emptied` follows. Removing already or EMPTY: nothing; retiring: at once now. */
void slot_remove(struct slot *slot);

/* SERVING → REMOVING when brig-init has said that nothing runs any more: out of the way of the result, and without haste. */
void slot_retire(struct slot *slot);

static inline enum slot_state slot_state(const struct slot *slot)
{
        return (enum slot_state)slot->state.now;
}

#endif
