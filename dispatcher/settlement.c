#include "dispatcher/settlement.h"

#include <stdlib.h>
#include <string.h>

#include "common/audit.h"
#include "common/json.h"
#include "dispatcher/dispatcher.h"

struct settlement {
        struct gate_settle op;
        struct list link;
        struct partition *partition;
        uint64_t generation;
        int64_t result; /* offset of the record */
        int64_t job;    /* offset of the job's record */
        struct ledger_key key;
        char job_id[UUID_TEXT_SIZE];
        char agent_id[]; /* NUL-terminated */
};

void settlements_init(struct settlements *s)
{
        *s = (struct settlements){0};
        list_init(&s->waiting);
}

void settlements_reset(struct settlements *s, int64_t next)
{
        list_for_each (link, &s->waiting) {
                list_remove(link);
                if (s->busy) /* the first one frees itself when its answer comes */
                        s->busy = false;
                else
                        free(list_entry(link, struct settlement, link));
        }
        settlements_init(s);
        s->next = s->settled = next;
}

static bool header_number(const struct kafka_record *record, const char *name, int64_t *ret_number)
{
        struct span value;
        return kafka_record_header(record, name, &value) && span_to_i64(value, ret_number);
}

/* Those of the classes that count toward quarantine. */
static unsigned violations_of(const struct result *result, const char *classes)
{
        uint64_t count = 0;
        for (size_t n = 0; n < result->violation_count; n++)
                if (strstr(classes, violation_class_names[result->violations[n].class]))
                        count += result->violations[n].count;
        return count < 1000 ? (unsigned)count : 1000;
}

static struct settlement *settlement_new(struct partition *p, int64_t job, const struct kafka_record *record, const struct result *result)
{
        size_t size = strlen(result->agent_id) + 1;
        struct settlement *s = calloc(1, sizeof *s + size);
        if (!s)
                return NULL;
        memcpy(s->agent_id, result->agent_id, size);
        memcpy(s->job_id, result->job_id, sizeof s->job_id);
        list_init(&s->link);
        s->partition = p;
        s->generation = p->generation;
        s->result = record->offset;
        s->job = job;
        s->key = ledger_key_of(span_of(s->agent_id), span_of(s->job_id));
        s->op.key = (struct gate_job_key){s->agent_id, s->job_id};
        s->op.partition = p->number;
        s->op.offset = record->offset;
        s->op.status = result->status;
        s->op.has_risk = result->has_risk;
        s->op.risk = result->risk;
        s->op.cpu_ms = result->cpu_ms;
        s->op.violations = violations_of(result, p->dispatcher->options.config->trust.quarantine_classes);
        return s;
}

/* Reads the record; 0 with NULL when it is none of brig's, -1: no memory. */
static int settlement_parse(struct partition *p, const struct kafka_record *record, struct settlement **ret_settlement)
{
        struct error e;
        struct result result = {0};
        int64_t partition, job;
        int outcome = 0;
        *ret_settlement = NULL;
        if (!header_number(record, "req_partition", &partition) || partition != p->number || !header_number(record, "req_offset", &job))
                return 0;
        json_t *value = json_document_parse(record->value, &e);
        bool read = value && result_from_json(&result, value, &e) == 0;
        if (!read)
                outcome = e.code == ERROR_MEMORY ? -1 : 0;
        else if (result.agent_id && result.job_id[0])
                outcome = (*ret_settlement = settlement_new(p, job, record, &result)) ? 0 : -1;
        result_deinit(&result);
        json_decref(value);
        return outcome;
}

/* Everything up to the first one that waits, or to where the tail stands, is settled. */
static void advance(struct partition *p)
{
        struct settlements *s = &p->settlements;
        s->settled = list_empty(&s->waiting) ? s->next : list_entry(s->waiting.next, struct settlement, link)->result;
        if (s->end_reached && list_empty(&s->waiting) && p->phase.now == PHASE_REPLAYING)
                partition_replayed(p);
}

static void foreign(struct partition *p, const struct kafka_record *record)
{
        const struct dispatcher *d = p->dispatcher;
        p->dispatcher->counters.results_foreign++;
        log_event(d->options.log, LOG_WARNING, "a record in the results topic is none of brig's", LOG_NUMBER("partition", p->number),
                  LOG_NUMBER("offset", record->offset));
}

static bool expected(const struct partition *p, const struct kafka_record *record)
{
        bool reading = p->phase.now == PHASE_REPLAYING || p->phase.now == PHASE_ADMITTING;
        return reading && record->offset >= p->settlements.next;
}

bool settlement_record(struct partition *p, const struct kafka_record *record)
{
        struct settlements *s = &p->settlements;
        struct settlement *settlement;
        if (!expected(p, record))
                return true;
        if (s->count >= SETTLEMENTS_MAX || settlement_parse(p, record, &settlement) < 0) {
                s->held = true;
                return false;
        }
        s->next = record->offset + 1;
        if (settlement) {
                list_append(&s->waiting, &settlement->link);
                s->count++;
        } else {
                foreign(p, record);
        }
        advance(p);
        settlement_pump(p);
        return true;
}

void settlement_end(struct partition *p, int64_t offset)
{
        struct settlements *s = &p->settlements;
        if ((p->phase.now != PHASE_REPLAYING && p->phase.now != PHASE_ADMITTING) || s->held || offset < s->next)
                return;
        s->next = offset;
        s->end_reached = true;
        advance(p);
}

static void post_audit(struct dispatcher *d, const char *agent_id, json_t *event_take)
{
        struct letter *letter = letter_new(d->topics.audit, -1, "brig.audit", span_of(agent_id), event_take);
        json_decref(event_take);
        if (letter)
                outbox_post_take(&d->outbox, letter);
}

static void tell_quarantine(struct dispatcher *d, const struct gate_agent *agent)
{
        d->counters.quarantines++;
        post_audit(d, agent->agent_id,
                   audit_agent_quarantined(agent->agent_id, agent->violations, d->options.log->program,
                                           clock_realtime_ms(d->options.clock)));
        alert_raise(d, "agent.quarantined", agent->agent_id, "the agent is quarantined after %u violations", agent->violations);
}

/* Also when this record was settled before, by whoever may have died before telling: rather twice than never. */
static bool quarantines(const struct settlement *s)
{
        bool again = s->op.first && !s->op.changed && s->op.violations && s->op.agent.quarantined;
        return s->op.newly_quarantined || again;
}

static void tell_changes(struct dispatcher *d, const struct settlement *s)
{
        const struct gate_agent *agent = &s->op.agent;
        if (s->op.changed && s->op.trust_before != agent->trust)
                post_audit(d, s->agent_id,
                           audit_trust_changed(s->agent_id, s->op.trust_before, agent->trust, s->job_id, d->options.log->program,
                                               clock_realtime_ms(d->options.clock)));
        if (quarantines(s))
                tell_quarantine(d, agent);
}

/* The record is settled in Redis; 0, or -1: no memory, and it is to be settled again, which changes nothing there. */
static int settled(struct partition *p, const struct settlement *s)
{
        struct dispatcher *d = p->dispatcher;
        if (s->op.first && watermark_add(&p->watermark, &s->op.agent) < 0)
                return -1;
        if (ledger_settle(&p->ledger, s->job, s->key, s->result) < 0)
                return -1;
        if (s->op.first)
                d->counters.results[s->op.status]++;
        else
                d->counters.results_second++;
        tell_changes(d, s);
        return 0;
}

static void remove_first(struct partition *p, struct settlement *settlement)
{
        list_remove(&settlement->link);
        p->settlements.count--;
        free(settlement);
}

/* Lets a refused record come again, once there is room; one that was refused for lack of memory finds nothing in its way. */
static void release(struct partition *p)
{
        struct settlements *s = &p->settlements;
        const struct dispatch_ports *ports = p->dispatcher->options.ports;
        if (!s->held || s->count > SETTLEMENTS_MAX / 2)
                return;
        s->held = false;
        ports->release(ports->data, STREAM_RESULTS, p->number);
}

static void settle_done(struct gate_settle *op, const struct error *e)
{
        struct settlement *settlement = op->base.data;
        struct partition *p = settlement->partition;
        bool heard = dispatcher_heard(p->dispatcher, &op->base, e);
        if (settlement->generation != p->generation) {
                free(settlement);
                return;
        }
        p->settlements.busy = false;
        if (!heard || settled(p, settlement) < 0)
                return;
        remove_first(p, settlement);
        advance(p);
        settlement_pump(p);
}

void settlement_pump(struct partition *p)
{
        struct error e;
        struct settlements *s = &p->settlements;
        release(p);
        if (s->busy || list_empty(&s->waiting) || !p->dispatcher->ready)
                return;
        struct settlement *settlement = list_entry(s->waiting.next, struct settlement, link);
        settlement->op.base.data = settlement;
        settlement->op.done = settle_done;
        settlement->op.first = ledger_is_first(&p->ledger, settlement->job, settlement->key);
        s->busy = gate_settle_start(p->dispatcher->options.gate, &settlement->op, &e) == 0;
}
