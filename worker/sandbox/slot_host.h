/* What the slots of one sandbox share, and the container that a want comes to on this host. */
#ifndef BRIG_SANDBOX_SLOT_HOST_H
#define BRIG_SANDBOX_SLOT_HOST_H

#include "common/log.h"
#include "worker/init/frame.h"
#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/images.h"
#include "worker/sandbox/instance.h"

struct slot;

/* Borrowed, but for the lists. */
struct slot_host {
        const struct config *config;
        const struct log *log;
        const struct engine *engine;
        const struct images *images;
        const struct instance *instance;
        const struct cgroup_layout *cgroups;
        bool root; /* parents are made, loopback is raised */
        const char *worker;
        const char *init_path;
        const char *fence_path;
        char *seccomp[RISK_COUNT];                                   /* lists, as text */
        bool closing;                                                /* what cannot be removed soon is left to others */
        void (*ready)(struct slot *slot);                            /* now WAITING */
        void (*frame)(struct slot *slot, const struct frame *frame); /* while SERVING */
        void (*lost)(struct slot *slot, const struct error *e);      /* before SERVING: it removes itself. SERVING: the stream ended,
                                                                        `e` NULL: cleanly; the server removes it */
        void (*emptied)(struct slot *slot);                          /* EMPTY again */
        void (*closed)(struct slot *slot);
        void *data;
};

/* What a container is made for. */
struct slot_want {
        char image_id[96];
        struct profile profile; /* the level's walls; its texts are the configuration's */
        struct limits limits;
        uint32_t runtime_processes;
};

/* Does one container serve both? What only the run needs (time, output) does not count. */
bool slot_want_equal(const struct slot_want *a, const struct slot_want *b);

/* The whole specification of a container for `want`, wherever it would lie. New reference. */
json_t *slot_host_describe(const struct slot_host *host, const struct slot_want *want, const char *code_path, const char *cgroup_parent,
                           const char *slot);

#endif
