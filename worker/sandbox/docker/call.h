/* One call of the Docker Engine API: JSON in, JSON out. */
#ifndef BRIG_SANDBOX_DOCKER_CALL_H
#define BRIG_SANDBOX_DOCKER_CALL_H

#include <jansson.h>

#include "worker/sandbox/docker/http.h"

struct engine;

/* The caller's memory until `done`; used again after it. */
struct docker_call {
        /* Exactly once, from the loop. `e` NULL: the engine did it (2xx). Else why not; `status` is its answer, 0 when there was none:
           then the outcome is unknown. `answer` is borrowed, NULL when the engine said nothing. */
        void (*done)(struct docker_call *call, const struct error *e);
        void *data;
        unsigned status;
        json_t *answer;

        struct http_exchange http; /* private */
};

/* `what` is for errors ("create container"; static). 0: `done` will run. */
int docker_call_start(struct docker_call *call, const struct engine *engine, const char *what, const char *method, const char *path,
                      const json_t *body, struct error *e);

#endif
