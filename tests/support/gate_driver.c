#include "tests/support/gate_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGENTS = 5, REAP_LIMIT = 200, FINISH_ROUNDS = 400, NAME_SIZE = 32 };

void gate_driver_init(struct gate_driver *d, struct gate_rig *rig, uint64_t seed)
{
        *d = (struct gate_driver){.rig = rig, .random = seed * 2654435761u + 88172645463325252u};
}

void gate_driver_deinit(struct gate_driver *d)
{
        bytes_deinit(&d->log);
}

/* xorshift64 */
uint64_t gate_driver_random(struct gate_driver *d, uint64_t below)
{
        d->random ^= d->random << 13;
        d->random ^= d->random >> 7;
        d->random ^= d->random << 17;
        return (d->random >> 11) % below;
}

#define note(d, ...) ((void)bytes_append_format(&(d)->log, __VA_ARGS__))

static const char *random_agent(struct gate_driver *d)
{
        static char name[NAME_SIZE];
        snprintf(name, sizeof name, "agent %llu:x", (unsigned long long)gate_driver_random(d, AGENTS));
        return name;
}

/* Ids go up with each new job; now and then an old one comes again. */
static const char *random_job(struct gate_driver *d, unsigned old_percent)
{
        static char name[NAME_SIZE];
        bool old = d->jobs && gate_driver_random(d, 100) < old_percent;
        unsigned long long number = old ? gate_driver_random(d, d->jobs) : d->jobs++;
        snprintf(name, sizeof name, "job-%llu", number);
        return name;
}

static const char *const pools[] = {"python", "node", "python@image:1"};

static void step_admit(struct gate_driver *d)
{
        struct gate_admit job = gate_rig_job(random_agent(d), random_job(d, 10));
        job.risk = (enum risk)gate_driver_random(d, RISK_COUNT);
        job.pool = pools[gate_driver_random(d, 3)];
        job.defer = gate_driver_random(d, 2);
        for (int i = 0; i < RISK_COUNT; i++)
                job.cpu_reserve_ms[i] = 100 + gate_driver_random(d, 60000);
        job = gate_rig_admit_op(d->rig, job);
        note(d, "admit %s %s: %d level %d %s %s %s\n", job.key.agent_id, job.key.job_id, job.verdict, job.level, job.rejection.limit,
             job.rejection.value, job.rejection.observed);
}

static void step_claim(struct gate_driver *d)
{
        static const char *const levels[] = {"012", "12", "2", "01"};
        const char *offered = levels[gate_driver_random(d, 4)], *pool = pools[gate_driver_random(d, 3)];
        struct rig_claim claim = gate_rig_claim_of(d->rig, offered, pool);
        note(d, "claim %s %s: %d", offered, pool, claim.found);
        if (claim.found)
                note(d, " %s %s level %d attempt %u", claim.agent_id, claim.job_id, claim.level, claim.attempt);
        note(d, "\n");
        if (claim.found && d->held_count < DRIVER_HELD_MAX)
                d->held[d->held_count++] = claim;
}

static void settle(struct gate_driver *d, const char *agent_id, const char *job_id, struct gate_settle outcome)
{
        outcome.key = (struct gate_job_key){agent_id, job_id};
        outcome.offset = d->results++;
        struct rig_settle s = gate_rig_settle(d->rig, outcome);
        note(d, "settle %s %s: changed %d newly %d trust %u->%u violations %u quarantined %d\n", agent_id, job_id, s.changed,
             s.newly_quarantined, s.trust_before, s.agent.trust, s.agent.violations, s.agent.quarantined);
}

static void held_finish(struct gate_driver *d, size_t i)
{
        struct rig_claim claim = d->held[i];
        d->held[i] = d->held[--d->held_count];
        enum gate_lease verdict = gate_rig_complete(d->rig, &claim, 0, d->results);
        note(d, "complete %s %s: %d\n", claim.agent_id, claim.job_id, verdict);
        if (verdict == GATE_LEASE_OK)
                settle(d, claim.agent_id, claim.job_id,
                       (struct gate_settle){.first = true,
                                            .status = (enum status)gate_driver_random(d, 3),
                                            .has_risk = true,
                                            .risk = claim.level,
                                            .cpu_ms = gate_driver_random(d, 20000),
                                            .violations = gate_driver_random(d, 40) == 0});
}

static void step_held(struct gate_driver *d)
{
        if (!d->held_count)
                return;
        size_t i = gate_driver_random(d, d->held_count);
        struct rig_claim claim = d->held[i];
        switch (gate_driver_random(d, 5)) {
        case 0:
                note(d, "renew %s %s: %d\n", claim.agent_id, claim.job_id, gate_rig_renew(d->rig, &claim));
                break;
        case 1:
                note(d, "release %s %s: %d\n", claim.agent_id, claim.job_id, gate_rig_release(d->rig, &claim, gate_driver_random(d, 2)));
                d->held[i] = d->held[--d->held_count];
                break;
        default:
                held_finish(d, i);
        }
}

static int dead_order(const void *a, const void *b)
{
        const struct rig_dead *left = a, *right = b;
        int order = strcmp(left->job_id, right->job_id);
        return order ? order : strcmp(left->agent_id, right->agent_id);
}

/* Dead jobs are settled at once; their order is a matter of time, so they are sorted. */
static struct rig_reap step_reap(struct gate_driver *d)
{
        struct rig_reap reap = gate_rig_reap(d->rig, REAP_LIMIT);
        qsort(reap.dead, reap.dead_count, sizeof *reap.dead, dead_order);
        note(d, "reap: queued %d deferred %d leased %d\n", (int)reap.queued, (int)reap.deferred, (int)reap.leased);
        for (size_t i = 0; i < reap.dead_count; i++) {
                const struct rig_dead *dead = &reap.dead[i];
                note(d, "dead %s %s: %d attempt %u pool %s\n", dead->agent_id, dead->job_id, dead->reason, dead->attempt, dead->pool);
                settle(d, dead->agent_id, dead->job_id, (struct gate_settle){.first = true, .status = STATUS_ERROR});
        }
        return reap;
}

static void step_cancel(struct gate_driver *d)
{
        const char *agent = random_agent(d), *job = random_job(d, 90);
        note(d, "cancel %s %s: %d\n", agent, job, gate_rig_cancel(d->rig, agent, job));
}

static void step_operator(struct gate_driver *d)
{
        struct gate_agent_op op = {.agent_id = random_agent(d),
                                   .set_trust = gate_driver_random(d, 2),
                                   .set_quarantined = gate_driver_random(d, 2),
                                   .trust = (unsigned)gate_driver_random(d, 1001),
                                   .quarantined = gate_driver_random(d, 10) == 0};
        struct rig_agent agent = gate_rig_agent_set(d->rig, op);
        note(d, "set %s: trust %u violations %u quarantined %d\n", op.agent_id, agent.trust, agent.violations, agent.quarantined);
}

void gate_driver_step(struct gate_driver *d)
{
        uint64_t dice = gate_driver_random(d, 100);
        if (dice < 35)
                step_admit(d);
        else if (dice < 60)
                step_claim(d);
        else if (dice < 85)
                step_held(d);
        else if (dice < 91)
                step_cancel(d);
        else if (dice < 97)
                step_reap(d);
        else if (dice < 98)
                settle(d, random_agent(d), random_job(d, 90), (struct gate_settle){.first = gate_driver_random(d, 2)});
        else
                step_operator(d);
}

static void finish_round(struct gate_driver *d)
{
        while (d->held_count)
                held_finish(d, 0);
        for (int i = 0; i < 3; i++) {
                struct rig_claim claim = gate_rig_claim_of(d->rig, "012", pools[i]);
                if (claim.found)
                        d->held[d->held_count++] = claim;
        }
        if (d->rig->fake)
                gate_rig_pass(d->rig, RIG_MINUTE_MS);
}

bool gate_driver_finish(struct gate_driver *d)
{
        for (int i = 0; i < FINISH_ROUNDS; i++) {
                finish_round(d);
                struct rig_reap reap = step_reap(d);
                if (reap.queued + reap.deferred + reap.leased + reap.dead_count + d->held_count == 0)
                        return true;
        }
        return false;
}
