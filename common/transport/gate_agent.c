#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/gate_call.h"

/* An empty argument says nothing. */
static void add_optional(struct gate_arguments *a, bool given, uint64_t number)
{
        if (given)
                gate_arguments_add_u64(a, number);
        else
                gate_arguments_add_text(a, "");
}

/* settle */

/* Outcomes first, then the agent's record. */
static int settle_read(struct gate_settle *op, struct gate_reader *r, void **ret_memory, struct error *e)
{
        op->changed = gate_reader_u64(r, 1);
        op->newly_quarantined = gate_reader_u64(r, 1);
        op->trust_before = (unsigned)gate_reader_u64(r, 1000);
        if (gate_reader_agent(r, op->key.agent_id, &op->agent, ret_memory, e))
                return -1;
        return gate_reader_close(r, &op->base, e);
}

static void settle_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_settle *op = list_entry(call, struct gate_settle, base.call);
        struct gate_reader r;
        struct error e;
        unsigned verdict;
        void *memory = NULL;
        int failed = gate_reader_open(&r, &op->base, reply, sent, GATE_VERDICTS("OK"), &verdict, &e) || settle_read(op, &r, &memory, &e);
        op->done(op, failed ? &e : NULL);
        free(memory);
}

int gate_settle_start(struct gate *gate, struct gate_settle *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_settle");
        gate_arguments_add_key(&a, &op->key);
        gate_arguments_add_i64(&a, op->partition);
        gate_arguments_add_i64(&a, op->offset);
        gate_arguments_add_u64(&a, op->first);
        gate_arguments_add_text(&a, status_name(op->status));
        add_optional(&a, op->has_risk, op->risk);
        gate_arguments_add_u64(&a, op->cpu_ms);
        gate_arguments_add_u64(&a, op->violations);
        return gate_call_start(gate, &op->base, settle_done, &a, e);
}

/* agent_get, agent_set */

static void agent_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_agent_op *op = list_entry(call, struct gate_agent_op, base.call);
        struct gate_reader r;
        struct error e;
        unsigned verdict;
        void *memory = NULL;
        int failed = gate_reader_open(&r, &op->base, reply, sent, GATE_VERDICTS("OK"), &verdict, &e) ||
                     gate_reader_agent(&r, op->agent_id, &op->agent, &memory, &e) || gate_reader_close(&r, &op->base, &e);
        op->done(op, failed ? &e : NULL);
        free(memory);
}

int gate_agent_get_start(struct gate *gate, struct gate_agent_op *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_agent_get");
        gate_arguments_add_text(&a, op->agent_id);
        return gate_call_start(gate, &op->base, agent_done, &a, e);
}

int gate_agent_set_start(struct gate *gate, struct gate_agent_op *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_agent_set");
        gate_arguments_add_text(&a, op->agent_id);
        add_optional(&a, op->set_trust, op->trust);
        add_optional(&a, op->set_quarantined, op->quarantined);
        return gate_call_start(gate, &op->base, agent_done, &a, e);
}

/* Restoring */

static void lock_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_lock *op = list_entry(call, struct gate_lock, base.call);
        struct error e;
        unsigned verdict = 0;
        int failed = gate_read_verdict(&op->base, reply, sent, GATE_VERDICTS("HELD", "TAKEN", "READY"), &verdict, &e);
        op->taken = !failed && verdict == 1;
        op->ready = !failed && verdict == 2;
        op->done(op, failed ? &e : NULL);
}

int gate_lock_start(struct gate *gate, struct gate_lock *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_lock");
        gate_arguments_add_text(&a, op->owner);
        return gate_call_start(gate, &op->base, lock_done, &a, e);
}

static void restore_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_restore *op = list_entry(call, struct gate_restore, base.call);
        struct error e;
        unsigned verdict;
        int failed = gate_read_verdict(&op->base, reply, sent, GATE_VERDICTS("OK"), &verdict, &e);
        op->done(op, failed ? &e : NULL);
}

static void add_agent(struct gate_arguments *a, const struct gate_agent *agent)
{
        gate_arguments_add_text(a, agent->agent_id);
        gate_arguments_add_u64(a, agent->version);
        gate_arguments_add_u64(a, agent->trust);
        gate_arguments_add_u64(a, agent->violations);
        gate_arguments_add_u64(a, agent->quarantined);
        gate_arguments_add_u64(a, agent->last_count);
        for (size_t i = 0; i < agent->last_count; i++) {
                gate_arguments_add_i64(a, agent->last_partitions[i]);
                gate_arguments_add_i64(a, agent->last_offsets[i]);
        }
}

int gate_restore_start(struct gate *gate, struct gate_restore *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_restore");
        gate_arguments_add_text(&a, op->owner);
        for (size_t i = 0; i < op->count; i++)
                add_agent(&a, &op->agents[i]);
        return gate_call_start(gate, &op->base, restore_done, &a, e);
}

static void ready_done(struct redis_call *call, const struct redis_reply *reply, const struct error *sent)
{
        struct gate_ready *op = list_entry(call, struct gate_ready, base.call);
        struct error e;
        unsigned verdict;
        int failed = gate_read_verdict(&op->base, reply, sent, GATE_VERDICTS("OK"), &verdict, &e);
        op->done(op, failed ? &e : NULL);
}

int gate_ready_start(struct gate *gate, struct gate_ready *op, struct error *e)
{
        struct gate_arguments a = gate_arguments_begin(gate, "brig_ready");
        gate_arguments_add_text(&a, op->owner);
        return gate_call_start(gate, &op->base, ready_done, &a, e);
}
