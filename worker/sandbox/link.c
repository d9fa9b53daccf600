#include "worker/sandbox/link.h"

enum { ROUND_MS = 60000, RETRY_MS = 100, RETRY_MAX_MS = 5000 };

static void round_begin(struct engine_link *link);

static void close_when_idle(struct engine_link *link)
{
        if (!link->closing || link->parts_open || !link->timer_closed)
                return;
        images_deinit(&link->images);
        engine_deinit(&link->engine);
        link->closed(link);
}

static void timer_rang(uv_timer_t *timer)
{
        round_begin(timer->data);
}

static uint64_t retry_ms(unsigned failures)
{
        uint64_t wait_ms = (uint64_t)RETRY_MS << (failures < 10 ? failures : 10);
        return wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS;
}

static void round_end(struct engine_link *link)
{
        const struct error *e = link->failure.code ? &link->failure : NULL;
        if (link->closing) {
                close_when_idle(link);
                return;
        }
        uv_timer_start(&link->timer, timer_rang, e ? retry_ms(link->failures) : ROUND_MS, 0);
        link->failures = e ? link->failures + 1 : 0;
        link->up = !e;
        link->changed(link, e);
}

static void part_end(struct engine_link *link, const struct error *e)
{
        if (e)
                link->failure = *e;
        if (--link->parts_open == 0)
                round_end(link);
}

static void egress_known(struct egress_check *check, const struct error *e)
{
        struct engine_link *link = check->data;
        link->egress = e ? *e : (struct error){.code = ERROR_NONE};
        part_end(link, NULL);
}

static void ask_egress(struct engine_link *link)
{
        if (!link->egress_script)
                return;
        link->parts_open++;
        link->egress_check.done = egress_known;
        link->egress_check.data = link;
        egress_check_start(&link->egress_check, link->engine.loop, link->egress_script);
}

static void images_known(struct images *images, const struct error *e)
{
        part_end(images->data, e);
}

static void learn_images(struct engine_link *link)
{
        struct error e;
        link->images.refreshed = images_known;
        link->images.data = link;
        if (images_refresh_start(&link->images, &e) < 0)
                part_end(link, &e);
}

static void swept(struct leftovers *leftovers, const struct error *e)
{
        struct engine_link *link = leftovers->data;
        if (leftovers->removed)
                log_event(link->log, LOG_INFO, "leftover containers removed", LOG_NUMBER("count", leftovers->removed));
        if (e)
                part_end(link, e);
        else
                learn_images(link);
}

static bool is_owned(struct leftovers *leftovers, const char *name)
{
        struct engine_link *link = leftovers->data;
        return link->owned(link, name);
}

static void probed(struct engine_probe *probe, const struct error *e)
{
        struct engine_link *link = probe->data;
        struct error failure;
        link->leftovers.owned = is_owned;
        link->leftovers.done = swept;
        link->leftovers.data = link;
        if (e)
                part_end(link, e);
        else if (link->check(link, &failure) < 0)
                part_end(link, &failure);
        else if (!link->sweep)
                learn_images(link);
        else if (leftovers_sweep_start(&link->leftovers, &link->engine, link->instance, &failure) < 0)
                part_end(link, &failure);
}

static void round_begin(struct engine_link *link)
{
        struct error e;
        if (link->parts_open || link->closing)
                return;
        uv_timer_stop(&link->timer);
        link->parts_open = 1;
        link->failure = (struct error){.code = ERROR_NONE};
        ask_egress(link);
        link->probe.done = probed;
        link->probe.data = link;
        if (engine_probe_start(&link->probe, &link->engine, &e) < 0)
                part_end(link, &e);
}

int engine_link_open(struct engine_link *link, uv_loop_t *loop, const struct config *config, struct error *e)
{
        if (engine_init(&link->engine, loop, config->docker_host, e) < 0)
                return -1;
        images_init(&link->images, &link->engine, config);
        error_set(&link->egress, ERROR_SANDBOX, "egress: not asked for");
        uv_timer_init(loop, &link->timer);
        link->timer.data = link;
        uv_timer_start(&link->timer, timer_rang, 0, 0);
        return 0;
}

static void timer_closed(uv_handle_t *handle)
{
        struct engine_link *link = handle->data;
        link->timer_closed = true;
        close_when_idle(link);
}

void engine_link_close(struct engine_link *link)
{
        link->closing = true;
        uv_close((uv_handle_t *)&link->timer, timer_closed);
}

void engine_link_doubt(struct engine_link *link)
{
        round_begin(link);
}
