/* Containers that nobody owns any more: of workers that died, of this one before it was restarted, or that a lost answer left behind. */
#ifndef BRIG_SANDBOX_LEFTOVERS_H
#define BRIG_SANDBOX_LEFTOVERS_H

#include "worker/sandbox/docker/container.h"
#include "worker/sandbox/instance.h"

/* One sweep; the caller's memory until `done`. */
struct leftovers {
        bool (*owned)(struct leftovers *leftovers, const char *name); /* is a container of this instance in use? */
        void (*done)(struct leftovers *leftovers, const struct error *e);
        void *data;
        size_t removed; /* how many, at `done` */

        /* private */
        const struct engine *engine;
        const struct instance *instance;
        json_t *names; /* still to remove */
        struct docker_call call;
};

int leftovers_sweep_start(struct leftovers *leftovers, const struct engine *engine, const struct instance *instance, struct error *e);

#endif
