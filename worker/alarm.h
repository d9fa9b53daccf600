/* Alarms: what shall happen at a time of CLOCK_BOOTTIME. The caller moves time on: main by one libuv timer, simulations by hand. */
#ifndef BRIG_WORKER_ALARM_H
#define BRIG_WORKER_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"

struct alarms {
        struct list set; /* few: a handful for each job at hand */
};

struct alarm {
        struct list link;
        struct alarms *alarms; /* borrowed */
        uint64_t due_ms;
        void (*rang)(struct alarm *alarm);
};

void alarms_init(struct alarms *alarms);

/* True and the earliest time set, or false: none is. */
bool alarms_next(const struct alarms *alarms, uint64_t *ret_due_ms);

/* Rings, once each, those due at `now_ms`. What they set anew waits for the next call. */
void alarms_ring(struct alarms *alarms, uint64_t now_ms);

void alarm_init(struct alarm *alarm, struct alarms *alarms, void (*rang)(struct alarm *alarm));
void alarm_set(struct alarm *alarm, uint64_t due_ms); /* instead of an earlier setting */
void alarm_stop(struct alarm *alarm);                 /* also when it is not set */

#endif
