#include "worker/lease.h"

enum { RETRY_MS = 500 };

static uint64_t now_ms(const struct lease *lease)
{
        return clock_boottime_ms(lease->ports->clock);
}

static uint64_t length_ms(const struct lease *lease)
{
        return lease->ports->config->lease_ms;
}

uint64_t lease_deadline_ms(const struct lease *lease)
{
        return lease->confirmed_ms + length_ms(lease) * 8 / 10;
}

/* Whatever is unanswered then has been decided without us. */
static bool is_hopeless(const struct lease *lease)
{
        return now_ms(lease) >= lease->confirmed_ms + 2 * length_ms(lease);
}

static void retry(struct lease *lease)
{
        alarm_set(&lease->alarm, now_ms(lease) + RETRY_MS);
}

/* ---- renewing ---- */

static bool is_kept(const struct lease *lease)
{
        return !lease->gone && !lease->quit && !lease->end;
}

static void lose(struct lease *lease)
{
        alarm_stop(&lease->alarm);
        lease->gone = true;
        lease->lost(lease);
}

static void no_answer(struct lease *lease)
{
        if (is_hopeless(lease))
                lose(lease);
        else
                retry(lease);
}

static void confirmed(struct lease *lease, bool cancel)
{
        lease->confirmed_ms = lease->sent_ms;
        alarm_set(&lease->alarm, lease->hinted ? now_ms(lease) : lease->sent_ms + length_ms(lease) / 3);
        lease->hinted = false;
        lease->held(lease, cancel);
}

static void renewed(struct gate_lease_op *op, const struct error *e)
{
        struct lease *lease = op->base.data;
        lease->renewing = false;
        if (lease->quit)
                lease->over(lease);
        else if (!is_kept(lease))
                return;
        else if (e)
                no_answer(lease);
        else if (op->verdict == GATE_LEASE_LOST)
                lose(lease);
        else
                confirmed(lease, op->verdict == GATE_LEASE_CANCEL);
}

void lease_renew(struct lease *lease)
{
        struct error e;
        if (lease->renewing)
                return;
        lease->renewal = (struct gate_lease_op){.base.data = lease, .done = renewed, .key = lease->key, .fence = lease->fence};
        lease->sent_ms = now_ms(lease);
        lease->renewing = gate_renew_start(lease->ports->gate, &lease->renewal, &e) == 0;
        if (!lease->renewing)
                retry(lease);
}

void lease_check(struct lease *lease)
{
        lease->hinted = lease->renewing;
        if (is_kept(lease))
                lease_renew(lease);
}

/* ---- giving it up ---- */

static void quit(struct lease *lease)
{
        alarm_stop(&lease->alarm);
        lease->quit = true;
        if (!lease->renewing)
                lease->over(lease);
}

static void ended(struct gate_lease_op *op, const struct error *e)
{
        struct lease *lease = op->base.data;
        if (e && !is_hopeless(lease))
                retry(lease);
        else
                quit(lease);
}

static void try_to_end(struct lease *lease)
{
        struct error e;
        if (is_hopeless(lease))
                quit(lease);
        else if (lease->end(lease->ports->gate, &lease->ending, &e) < 0)
                retry(lease);
}

static void end(struct lease *lease, int (*how)(struct gate *gate, struct gate_lease_op *op, struct error *e))
{
        alarm_stop(&lease->alarm);
        lease->end = how;
        lease->ending.base.data = lease;
        lease->ending.done = ended;
        lease->ending.key = lease->key;
        lease->ending.fence = lease->fence;
        try_to_end(lease);
}

void lease_complete(struct lease *lease, int32_t partition, int64_t offset)
{
        lease->ending.partition = partition;
        lease->ending.offset = offset;
        end(lease, gate_complete_start);
}

void lease_release(struct lease *lease, bool started)
{
        lease->ending.started = started;
        end(lease, gate_release_start);
}

void lease_quit(struct lease *lease)
{
        quit(lease);
}

static void alarm_rang(struct alarm *alarm)
{
        struct lease *lease = list_entry(alarm, struct lease, alarm);
        if (lease->end)
                try_to_end(lease);
        else if (is_hopeless(lease))
                lose(lease);
        else
                lease_renew(lease);
}

void lease_start(struct lease *lease, uint64_t sent_ms)
{
        lease->sent_ms = lease->confirmed_ms = sent_ms;
        alarm_init(&lease->alarm, lease->ports->alarms, alarm_rang);
        alarm_set(&lease->alarm, sent_ms + length_ms(lease) / 3);
}
