/* A random life at the gate: a few agents, workers and operators, by one seed. What was answered is written down, but for times. */
#ifndef BRIG_TESTS_SUPPORT_GATE_DRIVER_H
#define BRIG_TESTS_SUPPORT_GATE_DRIVER_H

#include "tests/support/gate_rig.h"

enum { DRIVER_HELD_MAX = 32 };

struct gate_driver {
        struct gate_rig *rig;
        uint64_t random;
        struct rig_claim held[DRIVER_HELD_MAX]; /* leases that its workers believe to hold */
        size_t held_count;
        unsigned jobs;   /* ids given so far */
        int64_t results; /* next offset of the results */
        struct bytes log;
};

void gate_driver_init(struct gate_driver *driver, struct gate_rig *rig, uint64_t seed);
void gate_driver_deinit(struct gate_driver *driver);

uint64_t gate_driver_random(struct gate_driver *driver, uint64_t below);

/* One random operation. An answer may be an error when the test made a fault. */
void gate_driver_step(struct gate_driver *driver);

/* Runs every job to its end; with a fake Redis time passes meanwhile. False: something does not end. */
bool gate_driver_finish(struct gate_driver *driver);

#endif
