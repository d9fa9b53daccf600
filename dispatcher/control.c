#include "dispatcher/control.h"

#include <string.h>

#include "common/encoding.h"
#include "common/json.h"
#include "dispatcher/dispatcher.h"

void control_deinit(struct control *c)
{
        json_decref(c->request);
        c->request = NULL;
}

static const char *text_of(const json_t *request, const char *key)
{
        return json_string_value(json_object_get(request, key));
}

static void commit_past(struct letter *letter, int64_t offset)
{
        struct error e;
        struct dispatcher *d = letter->owner;
        const struct dispatch_ports *ports = d->options.ports;
        (void)offset;
        ports->commit(ports->data, STREAM_CONTROL, (int32_t)letter->generation, letter->subject + 1, "", &e);
}

static json_t *reply_to_json(const json_t *request, const char *outcome, const char *message)
{
        return json_pack("{s:s, s:O?, s:O?, s:O?, s:s, s:s*}", "type", "reply", "request_id", json_object_get(request, "request_id"),
                         "agent_id", json_object_get(request, "agent_id"), "job_id", json_object_get(request, "job_id"), "outcome", outcome,
                         "message", message);
}

/* The request is read past once its reply is safe. */
static void reply(struct control *c, const char *outcome, const char *message)
{
        struct dispatcher *d = c->dispatcher;
        json_t *value = reply_to_json(c->request, outcome, message);
        struct letter *letter =
                        letter_new(d->topics.control, c->partition, "brig.control", span_of(text_of(c->request, "agent_id")), value);
        json_decref(value);
        control_deinit(c);
        if (!letter)
                return;
        letter->owner = d;
        letter->generation = (uint64_t)c->partition;
        letter->subject = c->offset;
        letter->done = commit_past;
        outbox_post_take(&d->outbox, letter);
}

/* Without an answer from Redis the request is applied once more. */
static bool answered(struct control *c, const struct gate_call *call, const struct error *e)
{
        bool heard = dispatcher_heard(c->dispatcher, call, e);
        if (!heard)
                c->again = true;
        return heard && c->request;
}

static void cancel_done(struct gate_cancel *op, const struct error *e)
{
        static const char *const outcomes[] = {
                        [GATE_CANCEL_CANCELLED] = "cancelled",
                        [GATE_CANCEL_CANCELLING] = "cancelling",
                        [GATE_CANCEL_DONE] = "done",
                        [GATE_CANCEL_NOTED] = "noted",
        };
        struct control *c = op->base.data;
        if (!answered(c, &op->base, e))
                return;
        c->dispatcher->counters.cancels++;
        reply(c, outcomes[op->verdict], NULL);
}

/* An operator's change outlives Redis too: its snapshot goes out before the reply. */
static void change_done(struct gate_agent_op *op, const struct error *e)
{
        struct control *c = op->base.data;
        if (!answered(c, &op->base, e))
                return;
        if (watermark_publish(c->dispatcher, &op->agent) < 0)
                c->again = true;
        else
                reply(c, "changed", NULL);
}

static int start_cancel(struct control *c)
{
        struct error e;
        c->cancel = (struct gate_cancel){
                        .base.data = c, .done = cancel_done, .key = {text_of(c->request, "agent_id"), text_of(c->request, "job_id")}};
        return gate_cancel_start(c->dispatcher->options.gate, &c->cancel, &e);
}

static int start_change(struct control *c)
{
        struct error e;
        const json_t *trust = json_object_get(c->request, "trust");
        const json_t *quarantined = json_object_get(c->request, "quarantined");
        c->change = (struct gate_agent_op){.base.data = c,
                                           .done = change_done,
                                           .agent_id = text_of(c->request, "agent_id"),
                                           .set_trust = json_is_number(trust),
                                           .set_quarantined = json_is_boolean(quarantined),
                                           .trust = (unsigned)(json_number_value(trust) * 1000 + 0.5),
                                           .quarantined = json_is_true(quarantined)};
        return gate_agent_set_start(c->dispatcher->options.gate, &c->change, &e);
}

static bool is_type(const json_t *request, const char *type)
{
        const char *found = text_of(request, "type");
        return found && strcmp(found, type) == 0;
}

/* They name keys in Redis: there is no job of any other name, and a long one would fill its memory. */
static const char *fault_of_ids(const json_t *request)
{
        const char *agent_id = text_of(request, "agent_id"), *job_id = text_of(request, "job_id");
        if (!agent_id || !agent_id[0])
                return "agent_id is missing";
        if (strlen(agent_id) > (size_t)4 * JOB_AGENT_ID_MAX)
                return "agent_id has more than 128 characters";
        if (is_type(request, "cancel") && !job_id)
                return "job_id is missing";
        return is_type(request, "cancel") && !uuid_valid(span_of(job_id)) ? "job_id is no UUID" : NULL;
}

/* What is wrong with the request; NULL: nothing. */
static const char *fault_of(const json_t *request)
{
        const json_t *trust = json_object_get(request, "trust");
        const char *fault = fault_of_ids(request);
        if (fault || is_type(request, "cancel"))
                return fault;
        if (!is_type(request, "agent"))
                return "type is neither cancel nor agent";
        if (trust && (!json_is_number(trust) || json_number_value(trust) < 0 || json_number_value(trust) > 1))
                return "trust is no number from 0 to 1";
        return NULL;
}

static void start(struct control *c)
{
        c->again = (is_type(c->request, "cancel") ? start_cancel(c) : start_change(c)) < 0;
}

bool control_record(struct control *c, const struct kafka_record *record)
{
        struct error e;
        if (c->request || !c->dispatcher->ready || c->dispatcher->stopping)
                return false;
        json_t *request = json_document_parse(record->value, &e);
        if (!json_is_object(request) || is_type(request, "reply")) {
                json_decref(request);
                return true;
        }
        c->request = request;
        c->partition = record->partition;
        c->offset = record->offset;
        const char *fault = fault_of(request);
        if (fault)
                reply(c, "invalid", fault);
        else
                start(c);
        return true;
}

void control_tick(struct control *c)
{
        const struct dispatcher_options *options = &c->dispatcher->options;
        if (!c->dispatcher->ready)
                return;
        if (c->again && c->request)
                start(c);
        for (int32_t n = 0; !c->request && n < options->partitions; n++)
                options->ports->release(options->ports->data, STREAM_CONTROL, n);
}
