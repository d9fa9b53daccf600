#include "worker/sandbox/autopsy.h"

#include <stdio.h>

enum { LOOKS = 2, LOOK_AGAIN_MS = 500 };

static void look(struct autopsy *autopsy);

static void timer_closed(uv_handle_t *handle)
{
        struct autopsy *autopsy = handle->data;
        autopsy->done(autopsy, autopsy->verdict);
}

static void conclude(struct autopsy *autopsy, enum autopsy_verdict verdict)
{
        autopsy->verdict = verdict;
        uv_close((uv_handle_t *)&autopsy->timer, timer_closed);
}

static void look_again(uv_timer_t *timer)
{
        look(timer->data);
}

static void looked(struct docker_call *call, const struct error *e)
{
        struct autopsy *autopsy = call->data;
        bool running = json_is_true(json_object_get(json_object_get(call->answer, "State"), "Running"));
        if (e || running)
                conclude(autopsy, AUTOPSY_LOST);
        else if (++autopsy->looks < LOOKS)
                uv_timer_start(&autopsy->timer, look_again, LOOK_AGAIN_MS, 0);
        else
                conclude(autopsy, AUTOPSY_DIED);
}

static void look(struct autopsy *autopsy)
{
        struct error e;
        autopsy->call.done = looked;
        autopsy->call.data = autopsy;
        if (container_inspect(&autopsy->call, autopsy->engine, autopsy->container, &e) < 0)
                conclude(autopsy, AUTOPSY_LOST);
}

void autopsy_start(struct autopsy *autopsy, const struct engine *engine, const char *container)
{
        autopsy->engine = engine;
        autopsy->looks = 0;
        snprintf(autopsy->container, sizeof(autopsy->container), "%s", container);
        uv_timer_init(engine->loop, &autopsy->timer);
        autopsy->timer.data = autopsy;
        look(autopsy);
}
