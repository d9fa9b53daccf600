#include "worker/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 2000, RETRY_MS = 500 };

static uint64_t now_ms(const struct inbox *inbox)
{
        return clock_boottime_ms(inbox->ports->clock);
}

/* ---- what this worker can run ---- */

static int add_pool(struct inbox *inbox, const char *language, const char *image, const char *named)
{
        size_t index = inbox->name_count;
        int size = named ? asprintf(&inbox->names[index], "%s@%s", language, named) : asprintf(&inbox->names[index], "%s", language);
        if (size < 0)
                return inbox->names[index] = NULL, -1;
        inbox->images[index] = image;
        inbox->name_count++;
        return 0;
}

/* The language's own image goes without a name; any other that the operator allows by its full name goes with it. */
static int add_language(struct inbox *inbox, const struct language *language)
{
        const struct config *config = inbox->ports->config;
        if (add_pool(inbox, language->name, language->image, NULL) < 0)
                return -1;
        for (size_t i = 0; i < config->images_allow_count; i++) {
                const char *image = config->images_allow[i];
                if (!strpbrk(image, "*?[") && strcmp(image, language->image) != 0 && add_pool(inbox, language->name, image, image) < 0)
                        return -1;
        }
        return 0;
}

static size_t offer_pools(struct inbox *inbox)
{
        const struct sandbox_port *sandbox = &inbox->ports->sandbox;
        size_t count = 0;
        for (size_t i = 0; i < inbox->name_count; i++)
                if (sandbox->has_image(sandbox->sandbox, inbox->images[i]))
                        inbox->offered[count++] = inbox->names[i];
        return count;
}

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
        claim->pools = inbox->offered;
        claim->pool_count = can_take(inbox) ? offer_pools(inbox) : 0;
        if (claim->pool_count == 0 || !offer_risks(inbox, claim->risks)) {
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

int inbox_init(struct inbox *inbox, const struct ports *ports, size_t (*room)(void *data),
               void (*claimed)(void *data, const struct gate_claim *claim, uint64_t sent_ms), void *data, struct error *e)
{
        const struct config *config = ports->config;
        size_t pools = config->language_count * (1 + config->images_allow_count);
        *inbox = (struct inbox){.ports = ports, .room = room, .claimed = claimed, .data = data};
        alarm_init(&inbox->alarm, ports->alarms, alarm_rang);
        inbox->names = calloc(pools + 1, sizeof(*inbox->names));
        inbox->images = calloc(pools + 1, sizeof(*inbox->images));
        inbox->offered = calloc(pools + 1, sizeof(*inbox->offered));
        bool failed = !inbox->names || !inbox->images || !inbox->offered;
        for (size_t i = 0; !failed && i < config->language_count; i++)
                failed = add_language(inbox, &config->languages[i]) < 0;
        if (!failed)
                return 0;
        inbox_deinit(inbox);
        return error_set(e, ERROR_MEMORY, "no memory for the inbox");
}

void inbox_deinit(struct inbox *inbox)
{
        for (size_t i = 0; i < inbox->name_count; i++)
                free(inbox->names[i]);
        free(inbox->names);
        free(inbox->images);
        free(inbox->offered);
        *inbox = (struct inbox){0};
}
