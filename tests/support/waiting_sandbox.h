/* Sandboxes of a simulated worker that only wait: a run takes as long as its code says, and ends at its deadline whatever the worker does. */
#ifndef BRIG_TESTS_WAITING_SANDBOX_H
#define BRIG_TESTS_WAITING_SANDBOX_H

#include "tests/support/worker_world.h"

struct sandbox_port waiting_sandbox_port(struct world_worker *worker);

/* Starts and ends what is due. */
void waiting_sandbox_step(struct world_worker *worker);

#endif
