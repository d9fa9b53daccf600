/* The pools this worker offers: "LANGUAGE" for a language whose own image the engine has, and "LANGUAGE@IMAGE" for every other image that it
 * has and the operator allows, by each of its names. */
#ifndef BRIG_WORKER_POOLS_H
#define BRIG_WORKER_POOLS_H

#include "worker/ports.h"

enum { POOLS_MAX = 1024 };

struct pools {
        char **names; /* owned; what a claim offers */
        size_t count;
        uint64_t known_until_ms;
};

/* Asks the engine's memory again when the answer is some seconds old. Without memory fewer are offered. Zero-initialised it is empty. */
void pools_refresh(struct pools *pools, const struct ports *ports);
void pools_deinit(struct pools *pools);

#endif
