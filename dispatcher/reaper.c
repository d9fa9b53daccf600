#include "dispatcher/reaper.h"

#include "dispatcher/dispatcher.h"

enum { REAP_INTERVAL_MS = 500, REAP_MAX = 100 };

static void reap_done(struct gate_reap *op, const struct error *e)
{
        struct reaper *r = op->base.data;
        struct dispatcher *d = r->dispatcher;
        r->busy = false;
        if (!dispatcher_heard(d, &op->base, e))
                return;
        d->counters.gate_queued = op->queued;
        d->counters.gate_deferred = op->deferred;
        d->counters.gate_leased = op->leased;
        for (size_t n = 0; n < op->dead_count; n++) {
                struct partition *p = dispatcher_partition(d, op->dead[n].partition);
                if (p)
                        reread_bury(p, &op->dead[n]);
        }
        if (op->dead_count >= REAP_MAX)
                r->due_at_ms = 0;
}

void reaper_tick(struct reaper *r)
{
        struct error e;
        struct dispatcher *d = r->dispatcher;
        uint64_t now_ms = dispatcher_now_ms(d);
        if (!d->ready || r->busy || d->stopping || now_ms < r->due_at_ms)
                return;
        r->due_at_ms = now_ms + REAP_INTERVAL_MS;
        r->reap = (struct gate_reap){.base.data = r, .done = reap_done, .limit = REAP_MAX};
        r->busy = gate_reap_start(d->options.gate, &r->reap, &e) == 0;
}
