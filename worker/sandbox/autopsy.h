/* A container's stream ended before brig-init reported: did its PID 1 die while the engine lived, or is the engine gone?
 *
 * An engine that shuts down kills its containers while it still answers, so it is asked twice, half a second apart. */
#ifndef BRIG_SANDBOX_AUTOPSY_H
#define BRIG_SANDBOX_AUTOPSY_H

#include "worker/sandbox/docker/container.h"

enum autopsy_verdict {
        AUTOPSY_DIED, /* PID 1 died, the engine lives */
        AUTOPSY_LOST, /* engine, container or stream is lost: nobody knows */
};

/* The caller's memory until `done`. */
struct autopsy {
        void (*done)(struct autopsy *autopsy, enum autopsy_verdict verdict);
        void *data;

        /* private */
        const struct engine *engine;
        char container[CONTAINER_NAME_SIZE];
        struct docker_call call;
        uv_timer_t timer;
        unsigned looks;
        enum autopsy_verdict verdict;
};

void autopsy_start(struct autopsy *autopsy, const struct engine *engine, const char *container);

#endif
