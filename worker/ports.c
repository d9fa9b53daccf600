#include "worker/ports.h"

static bool engine_ready(void *sandbox)
{
        return sandbox_ready(sandbox);
}

static bool engine_offers(void *sandbox, enum risk risk)
{
        return sandbox_offers(sandbox, risk);
}

static size_t engine_free_slots(void *sandbox)
{
        return sandbox_free_slots(sandbox);
}

static bool engine_has_image(void *sandbox, const char *image)
{
        const char *id;
        struct error e;
        return sandbox_find_image(sandbox, image, &id, &e) == 0;
}

static void engine_each_image(void *sandbox, void (*each)(void *data, const char *image), void *data)
{
        sandbox_each_image(sandbox, each, data);
}

static void engine_want(void *sandbox, const char *image, enum risk risk)
{
        sandbox_want(sandbox, image, risk);
}

static int engine_run_start(void *sandbox, struct sandbox_run *run, struct error *e)
{
        return sandbox_run_start(sandbox, run, e);
}

static void engine_run_extend(void *sandbox, struct sandbox_run *run, uint64_t deadline_ms)
{
        (void)sandbox;
        sandbox_run_extend(run, deadline_ms);
}

static void engine_run_cancel(void *sandbox, struct sandbox_run *run, enum sandbox_cancel why)
{
        (void)sandbox;
        sandbox_run_cancel(run, why);
}

struct sandbox_port sandbox_port_of(struct sandbox *sandbox)
{
        return (struct sandbox_port){engine_ready, engine_offers,    engine_free_slots, engine_has_image,  engine_each_image,
                                     engine_want,  engine_run_start, engine_run_extend, engine_run_cancel, sandbox};
}

static bool producer_ready(void *sink)
{
        return kafka_sink_ready(sink);
}

static int producer_send(void *sink, struct kafka_send *send, struct error *e)
{
        return kafka_sink_send(sink, send, e);
}

struct sink_port sink_port_of(struct kafka_sink *sink)
{
        return (struct sink_port){producer_ready, producer_send, sink};
}
