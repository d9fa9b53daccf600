#include "worker/inbox.h"

#include <string.h>

enum { POLL_MS = 2000, RETRY_MS = 500 };

static uint64_t now_ms(const struct inbox *inbox)
{
        return clock_boottime_ms(inbox->ports->clock);
}

/* ---- what this worker can run ---- */

static bool offer_risks(const struct inbox *inbox, bool ret_risks[static RISK_COUNT])
{
        const struct sandbox_port *sandbox = &inbox->ports->sandbox;
        bool any = false;
        for (int risk = RISK_LOW; risk < RISK_COUNT; risk++) {
                bool wanted = strstr(inbox->ports->config->worker_risks, risk_name((enum risk)risk)) != NULL;
                ret_risks[risk] = wanted && sandbox->offers(sandbox->sandbox, (enum risk)risk);
                any |= ret_risks[risk];
        }
        return any;
}

/* ---- asking ---- */

static bool can_take(const struct inbox *inbox)
{
        const struct ports *ports = inbox->ports;
        return now_ms(inbox) >= inbox->paused_until_ms && inbox->room(inbox->data) > 0 && ports->sandbox.ready(ports->sandbox.sandbox) &&
               ports->sink.ready(ports->sink.sink);
}

static void ask_later(struct inbox *inbox, uint64_t wait_ms)
{
        alarm_set(&inbox->alarm, now_ms(inbox) + (wait_ms < POLL_MS ? wait_ms : POLL_MS));
}

static void look_further(struct inbox *inbox, bool now)
{
        if (inbox->closed)
                inbox->closed(inbox->data);
        else if (now)
                inbox_ask(inbox);
        else
                ask_later(inbox, inbox->claim.wait_ms);
}

static void answered(struct gate_claim *claim, const struct error *e)
{
        struct inbox *inbox = claim->base.data;
        bool hinted = inbox->hinted;
        inbox->asking = inbox->hinted = false;
        if (e)
                claim->wait_ms = RETRY_MS;
        else if (claim->found)
                inbox->claimed(inbox->data, claim, inbox->sent_ms);
        look_further(inbox, !e && (claim->found || hinted));
}

void inbox_ask(struct inbox *inbox)
{
        struct gate_claim *claim = &inbox->claim;
        struct error e;
        inbox->hinted = inbox->asking;
        if (inbox->asking || inbox->closed)
                return;
        *claim = (struct gate_claim){.base.data = inbox, .done = answered, .worker = inbox->ports->config->worker_name};
        pools_refresh(&inbox->pools, inbox->ports);
        claim->pools = (const char *const *)inbox->pools.names;
        claim->pool_count = inbox->pools.count;
        if (!can_take(inbox) || claim->pool_count == 0 || !offer_risks(inbox, claim->risks)) {
                ask_later(inbox, POLL_MS);
                return;
        }
        inbox->sent_ms = now_ms(inbox);
        inbox->asking = gate_claim_start(inbox->ports->gate, claim, &e) == 0;
        if (inbox->asking)
                alarm_stop(&inbox->alarm);
        else
                ask_later(inbox, RETRY_MS);
}

static void alarm_rang(struct alarm *alarm)
{
        inbox_ask(list_entry(alarm, struct inbox, alarm));
}

void inbox_pause(struct inbox *inbox, uint64_t pause_ms)
{
        inbox->paused_until_ms = now_ms(inbox) + pause_ms;
        if (!inbox->closed)
                ask_later(inbox, pause_ms);
}

void inbox_close(struct inbox *inbox, void (*closed)(void *data))
{
        inbox->closed = closed;
        alarm_stop(&inbox->alarm);
        if (!inbox->asking)
                closed(inbox->data);
}

void inbox_init(struct inbox *inbox, const struct ports *ports, size_t (*room)(void *data),
                void (*claimed)(void *data, const struct gate_claim *claim, uint64_t sent_ms), void *data)
{
        *inbox = (struct inbox){.ports = ports, .room = room, .claimed = claimed, .data = data};
        alarm_init(&inbox->alarm, ports->alarms, alarm_rang);
}

void inbox_deinit(struct inbox *inbox)
{
        alarm_stop(&inbox->alarm);
        pools_deinit(&inbox->pools);
}
