#include "worker/alarm_loop.h"

static void timer_fired(uv_timer_t *timer)
{
        struct alarm_loop *pump = timer->data;
        alarms_ring(&pump->alarms, clock_boottime_ms(pump->clock));
}

static void set_timer(uv_prepare_t *before_wait)
{
        struct alarm_loop *pump = before_wait->data;
        uint64_t due_ms;
        uint64_t now_ms = clock_boottime_ms(pump->clock);
        if (!alarms_next(&pump->alarms, &due_ms)) {
                uv_timer_stop(&pump->timer);
                return;
        }
        uv_update_time(pump->timer.loop);
        uv_timer_start(&pump->timer, timer_fired, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

void alarm_loop_open(struct alarm_loop *pump, uv_loop_t *loop, const struct clock *clock)
{
        alarms_init(&pump->alarms);
        pump->clock = clock;
        uv_timer_init(loop, &pump->timer);
        uv_prepare_init(loop, &pump->before_wait);
        pump->timer.data = pump->before_wait.data = pump;
        uv_unref((uv_handle_t *)&pump->timer);
        uv_unref((uv_handle_t *)&pump->before_wait);
        uv_prepare_start(&pump->before_wait, set_timer);
}

void alarm_loop_close(struct alarm_loop *pump)
{
        uv_close((uv_handle_t *)&pump->timer, NULL);
        uv_close((uv_handle_t *)&pump->before_wait, NULL);
}
