#include "tests/support/gate_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/gate_config.h"

enum { START_MS = 1000000000 };

static void rig_check(bool fine, const char *what)
{
        if (fine)
                return;
        fprintf(stderr, "gate rig: %s\n", what);
        abort();
}

static void rig_answered(struct gate_rig *rig, const struct gate_call *base, const struct error *e)
{
        rig->done = true;
        rig->epoch = base->epoch;
        rig->error = e ? *e : (struct error){0};
}

static void rig_message(void *data, struct span channel, struct span message)
{
        struct gate_rig *rig = data;
        if (span_equal(channel, span_of("{brig}:cancel")))
                rig->cancels++;
        else
                rig->wakes++;
        snprintf(rig->message, sizeof rig->message, "%.*s", (int)message.size, (const char *)message.data);
}

/* Starts the operation and pumps until its `done` has run. */
#define rig_run(rig, start, op)                                                                                                            \
        do {                                                                                                                               \
                struct error run_error;                                                                                                    \
                (op)->base.data = (rig);                                                                                                   \
                (rig)->done = false;                                                                                                       \
                rig_check(start(&(rig)->gate, (op), &run_error) == 0, "not started");                                                      \
                while (!(rig)->done)                                                                                                       \
                        rig_check((rig)->turn(rig), "no answer");                                                                          \
        } while (0)

static bool rig_pump(struct gate_rig *rig)
{
        return fake_redis_pump(rig->fake);
}

void gate_rig_init(struct gate_rig *rig)
{
        *rig = (struct gate_rig){.clock = clock_virtual(START_MS), .config = gate_config(), .turn = rig_pump};
        rig->fake = fake_redis_new(&rig->clock);
        fake_redis_on_message(rig->fake, rig_message, rig);
        gate_rig_reconfigure(rig);
        gate_rig_restore(rig);
        gate_rig_pass(rig, rig->config.lease_ms);
}

void gate_rig_init_on(struct gate_rig *rig, struct redis_port *port, bool (*turn)(struct gate_rig *rig))
{
        *rig = (struct gate_rig){.clock = clock_virtual(START_MS), .config = gate_config(), .turn = turn, .gate.port = port};
        gate_rig_reconfigure(rig);
}

void gate_rig_deinit(struct gate_rig *rig)
{
        gate_deinit(&rig->gate);
        fake_redis_free(rig->fake);
}

int gate_rig_setup(void **state)
{
        static struct gate_rig rig;
        gate_rig_init(&rig);
        *state = &rig;
        return 0;
}

int gate_rig_teardown(void **state)
{
        gate_rig_deinit(*state);
        return 0;
}

void gate_rig_reconfigure(struct gate_rig *rig)
{
        struct error e;
        struct redis_port *port = rig->fake ? fake_redis_port(rig->fake) : rig->gate.port;
        gate_deinit(&rig->gate);
        rig_check(gate_init(&rig->gate, port, &rig->config, &e) == 0, "gate_init");
}

void gate_rig_pass(struct gate_rig *rig, uint64_t ms)
{
        rig->clock.virtual_ms += ms;
}

/* admit */

struct gate_admit gate_rig_job(const char *agent_id, const char *job_id)
{
        return (struct gate_admit){.key = {agent_id, job_id},
                                   .record = span_of("{}"),
                                   .risk = RISK_LOW,
                                   .pool = "python",
                                   .cpu_reserve_ms = {1000, 1000, 1000}};
}

static void admit_done(struct gate_admit *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

struct gate_admit gate_rig_admit_op(struct gate_rig *rig, struct gate_admit op)
{
        op.done = admit_done;
        op.offset = (int64_t)rig->offset++;
        rig_run(rig, gate_admit_start, &op);
        return op;
}

struct gate_admit gate_rig_admit(struct gate_rig *rig, const char *agent_id, const char *job_id)
{
        return gate_rig_admit_op(rig, gate_rig_job(agent_id, job_id));
}

/* claim */

struct claiming {
        struct gate_claim op;
        struct rig_claim claim;
};

#define copy_span(text, span) snprintf((text), sizeof(text), "%.*s", (int)(span).size, (const char *)(span).data)

static void claim_done(struct gate_claim *op, const struct error *e)
{
        struct rig_claim *claim = &list_entry(op, struct claiming, op)->claim;
        rig_answered(op->base.data, &op->base, e);
        claim->found = op->found;
        claim->wait_ms = op->wait_ms;
        if (!op->found)
                return;
        claim->fence = op->fence;
        claim->queued_ms = op->queued_ms;
        claim->level = op->level;
        claim->attempt = op->attempt;
        claim->offset = op->offset;
        copy_span(claim->agent_id, op->agent_id);
        copy_span(claim->job_id, op->job_id);
        copy_span(claim->record, op->record);
}

static struct rig_claim claim_pools(struct gate_rig *rig, const char *levels, const char *const *pools, size_t count)
{
        struct claiming c = {.op = {.done = claim_done, .worker = "worker", .pools = pools, .pool_count = count}};
        for (; *levels; levels++)
                c.op.risks[*levels - '0'] = true;
        rig_run(rig, gate_claim_start, &c.op);
        return c.claim;
}

struct rig_claim gate_rig_claim(struct gate_rig *rig)
{
        return claim_pools(rig, "012", (const char *const[]){"python", "node"}, 2);
}

struct rig_claim gate_rig_claim_of(struct gate_rig *rig, const char *levels, const char *pool)
{
        return claim_pools(rig, levels, &pool, 1);
}

/* Leases */

static void lease_done(struct gate_lease_op *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

static struct gate_lease_op lease_of(const struct rig_claim *claim)
{
        return (struct gate_lease_op){.done = lease_done, .key = {claim->agent_id, claim->job_id}, .fence = claim->fence};
}

enum gate_lease gate_rig_renew(struct gate_rig *rig, const struct rig_claim *claim)
{
        struct gate_lease_op op = lease_of(claim);
        rig_run(rig, gate_renew_start, &op);
        return op.verdict;
}

enum gate_lease gate_rig_complete(struct gate_rig *rig, const struct rig_claim *claim, int32_t partition, int64_t offset)
{
        struct gate_lease_op op = lease_of(claim);
        op.partition = partition;
        op.offset = offset;
        rig_run(rig, gate_complete_start, &op);
        return op.verdict;
}

enum gate_lease gate_rig_release(struct gate_rig *rig, const struct rig_claim *claim, bool started)
{
        struct gate_lease_op op = lease_of(claim);
        op.started = started;
        rig_run(rig, gate_release_start, &op);
        return op.verdict;
}

/* Settlement and agents */

static struct rig_agent agent_copy(const struct gate_agent *agent)
{
        struct rig_agent copy = {.version = agent->version,
                                 .trust = agent->trust,
                                 .violations = agent->violations,
                                 .quarantined = agent->quarantined,
                                 .last_count = agent->last_count};
        rig_check(agent->last_count <= RIG_LAST_MAX, "too many partitions");
        for (size_t i = 0; i < agent->last_count; i++) {
                copy.last_partitions[i] = agent->last_partitions[i];
                copy.last_offsets[i] = agent->last_offsets[i];
        }
        return copy;
}

struct settling {
        struct gate_settle op;
        struct rig_settle result;
};

static void settle_done(struct gate_settle *op, const struct error *e)
{
        struct rig_settle *result = &list_entry(op, struct settling, op)->result;
        rig_answered(op->base.data, &op->base, e);
        if (!e)
                *result = (struct rig_settle){op->changed, op->newly_quarantined, op->trust_before, agent_copy(&op->agent)};
}

struct rig_settle gate_rig_settle(struct gate_rig *rig, struct gate_settle op)
{
        struct settling s = {.op = op};
        s.op.done = settle_done;
        rig_run(rig, gate_settle_start, &s.op);
        return s.result;
}

struct rig_settle gate_rig_end(struct gate_rig *rig, const char *agent_id, const char *job_id, int64_t offset, enum status status)
{
        return gate_rig_settle(
                        rig,
                        (struct gate_settle){
                                        .key = {agent_id, job_id}, .offset = offset, .first = true, .status = status, .has_risk = true});
}

struct agent_reading {
        struct gate_agent_op op;
        struct rig_agent agent;
};

static void agent_done(struct gate_agent_op *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
        if (!e)
                list_entry(op, struct agent_reading, op)->agent = agent_copy(&op->agent);
}

struct rig_agent gate_rig_agent(struct gate_rig *rig, const char *agent_id)
{
        struct agent_reading r = {.op = {.done = agent_done, .agent_id = agent_id}};
        rig_run(rig, gate_agent_get_start, &r.op);
        return r.agent;
}

struct rig_agent gate_rig_agent_set(struct gate_rig *rig, struct gate_agent_op op)
{
        struct agent_reading r = {.op = op};
        r.op.done = agent_done;
        rig_run(rig, gate_agent_set_start, &r.op);
        return r.agent;
}

/* reap, cancel */

struct reaping {
        struct gate_reap op;
        struct rig_reap result;
};

static void reap_done(struct gate_reap *op, const struct error *e)
{
        struct rig_reap *result = &list_entry(op, struct reaping, op)->result;
        rig_answered(op->base.data, &op->base, e);
        *result = (struct rig_reap){.dead_count = op->dead_count, .queued = op->queued, .deferred = op->deferred, .leased = op->leased};
        rig_check(op->dead_count <= RIG_DEAD_MAX, "too many dead");
        for (size_t i = 0; i < op->dead_count; i++) {
                struct rig_dead *dead = &result->dead[i];
                copy_span(dead->agent_id, op->dead[i].agent_id);
                copy_span(dead->job_id, op->dead[i].job_id);
                copy_span(dead->pool, op->dead[i].pool);
                dead->reason = op->dead[i].reason;
                dead->attempt = op->dead[i].attempt;
                dead->offset = op->dead[i].offset;
        }
}

struct rig_reap gate_rig_reap(struct gate_rig *rig, unsigned limit)
{
        struct reaping r = {.op = {.done = reap_done, .limit = limit}};
        rig_run(rig, gate_reap_start, &r.op);
        return r.result;
}

static void cancel_done(struct gate_cancel *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

enum gate_cancellation gate_rig_cancel(struct gate_rig *rig, const char *agent_id, const char *job_id)
{
        struct gate_cancel op = {.done = cancel_done, .key = {agent_id, job_id}};
        rig_run(rig, gate_cancel_start, &op);
        return op.verdict;
}

/* Restoring */

static void lock_done(struct gate_lock *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

static void restore_done(struct gate_restore *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

static void ready_done(struct gate_ready *op, const struct error *e)
{
        rig_answered(op->base.data, &op->base, e);
}

struct gate_lock gate_rig_lock(struct gate_rig *rig, const char *owner)
{
        struct gate_lock op = {.done = lock_done, .owner = owner};
        rig_run(rig, gate_lock_start, &op);
        return op;
}

void gate_rig_restore_agents(struct gate_rig *rig, const char *owner, const struct gate_agent *agents, size_t count)
{
        struct gate_restore op = {.done = restore_done, .owner = owner, .agents = agents, .count = count};
        rig_run(rig, gate_restore_start, &op);
}

void gate_rig_ready(struct gate_rig *rig, const char *owner)
{
        struct gate_ready op = {.done = ready_done, .owner = owner};
        rig_run(rig, gate_ready_start, &op);
}

void gate_rig_restore(struct gate_rig *rig)
{
        rig_check(gate_rig_lock(rig, "rig").taken, "lock not taken");
        gate_rig_ready(rig, "rig");
        rig_check(rig->error.code == ERROR_NONE, rig->error.text);
}
