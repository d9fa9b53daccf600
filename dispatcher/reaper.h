/* The reaper: asks the gate every half second what has expired, come due or died, and sees to it that the dead get their terminal record. */
#ifndef BRIG_DISPATCHER_REAPER_H
#define BRIG_DISPATCHER_REAPER_H

#include "common/transport/gate.h"

struct dispatcher;

struct reaper {
        struct dispatcher *dispatcher; /* borrowed */
        struct gate_reap reap;
        bool busy;
        uint64_t due_at_ms;
};

void reaper_tick(struct reaper *r);

#endif
