/* Alarms on a libuv loop: one timer, set before each wait to the earliest of them. */
#ifndef BRIG_WORKER_ALARM_LOOP_H
#define BRIG_WORKER_ALARM_LOOP_H

#include <uv.h>

#include "common/clock.h"
#include "worker/alarm.h"

struct alarm_loop {
        struct alarms alarms;
        const struct clock *clock;
        uv_timer_t timer;
        uv_prepare_t before_wait;
};

/* Its handles do not keep the loop alive. */
void alarm_loop_open(struct alarm_loop *pump, uv_loop_t *loop, const struct clock *clock);
void alarm_loop_close(struct alarm_loop *pump); /* the memory is free once the loop has run out */

#endif
