#include "clients/cli/health.h"

#include <uv.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/sandbox/sandbox.h"

enum { ANSWER_MS = 45000 };

struct level_question {
        struct health *health;
        struct sandbox *sandbox;
        uv_timer_t patience;
        bool over;
};

static void on_closed(void *data)
{
        struct level_question *q = data;
        uv_close((uv_handle_t *)&q->patience, NULL);
}

static void finish(struct level_question *q)
{
        if (q->over)
                return;
        q->over = true;
        sandbox_close(q->sandbox, on_closed, q);
}

static void note_level(struct level_question *q, enum risk risk)
{
        char subject[40];
        struct error e;
        snprintf(subject, sizeof subject, "level %s", risk_name(risk));
        if (sandbox_check_level(q->sandbox, risk, &e) < 0)
                health_note(q->health, subject, HEALTH_MISSING, "do what it says, or leave the level out of worker.risks", "%s", e.text);
        else if (sandbox_withstood(q->sandbox, risk))
                health_note(q->health, subject, HEALTH_OK, NULL, "jobs of this level can run here; it withstood brig's own attack");
        else
                health_note(q->health, subject, HEALTH_NOTICE, "make or pull an image that images.allow allows",
                            "jobs of this level can run here; brig's own attack was not tried: no image");
}

static void on_ready(void *data)
{
        struct level_question *q = data;
        if (sandbox_is_attacked(q->sandbox))
                return;
        for (int risk = RISK_LOW; !q->over && risk < RISK_COUNT; risk++)
                note_level(q, (enum risk)risk);
        finish(q);
}

static void on_trouble(void *data, const struct error *e)
{
        struct level_question *q = data;
        if (!q->over)
                health_note(q->health, "sandboxes", HEALTH_BROKEN, "see what it says", "%s", e->text);
        finish(q);
}

static void on_patience_over(uv_timer_t *timer)
{
        struct error e;
        error_set(&e, ERROR_TIMEOUT, "the engine did not answer in time");
        on_trouble(timer->data, &e);
}

void health_check_levels(struct health *health)
{
        struct error e = {0};
        struct log log = {.program = "brig", .clock = &clock_system, .fd = -1};
        struct level_question q = {.health = health};
        struct sandbox_options options = {.config = health->config,
                                          .log = &log,
                                          .clock = &clock_system,
                                          .worker = "doctor",
                                          .attacked = true,
                                          .one_shot = true,
                                          .ready = on_ready,
                                          .trouble = on_trouble,
                                          .data = &q};
        uv_loop_t loop;
        uv_loop_init(&loop);
        uv_timer_init(&loop, &q.patience);
        q.patience.data = &q;
        uv_timer_start(&q.patience, on_patience_over, ANSWER_MS, 0);
        if (sandbox_open(&q.sandbox, &loop, &options, &e) < 0) {
                health_note(health, "sandboxes", HEALTH_BROKEN, "see what it says", "%s", e.text);
                on_closed(&q);
        }
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
}
