/* Whose turn it is: one share for each agent, whatever the others do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/gate_rig.h"

static int setup(void **state)
{
        gate_rig_setup(state);
        struct gate_rig *rig = *state;
        rig->config.rates[RISK_MEDIUM].executions_per_hour = 100000;
        rig->config.rates[RISK_MEDIUM].cpu_ms_per_hour = 100000000;
        rig->config.global_executions_per_hour = 1000000;
        rig->config.global_concurrent = 100000;
        gate_rig_reconfigure(rig);
        return 0;
}

static void admit_pool(struct gate_rig *rig, const char *agent_id, const char *job_id, const char *pool)
{
        struct gate_admit job = gate_rig_job(agent_id, job_id);
        job.pool = pool;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_QUEUED);
}

static void admit_many(struct gate_rig *rig, const char *agent_id, unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                char id[32];
                snprintf(id, sizeof id, "job-%llu", (unsigned long long)rig->offset);
                admit_pool(rig, agent_id, id, "python");
        }
}

static void assert_next_is(struct gate_rig *rig, const char *agent_id)
{
        struct rig_claim claim = gate_rig_claim(rig);
        assert_true(claim.found);
        assert_string_equal(claim.agent_id, agent_id);
        gate_rig_complete(rig, &claim, 0, claim.offset);
}

static void test_agents_take_turns(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "b", 3);
        admit_many(rig, "a", 2);
        admit_many(rig, "c", 1);
        static const char *const order[] = {"b", "a", "c", "b", "a", "b"};
        for (size_t i = 0; i < sizeof order / sizeof *order; i++)
                assert_next_is(rig, order[i]);
}

static void test_an_agents_jobs_run_in_the_order_they_came(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "a", "z");
        gate_rig_admit(rig, "a", "y");
        gate_rig_admit(rig, "a", "x");
        assert_string_equal(gate_rig_claim(rig).job_id, "z");
        assert_string_equal(gate_rig_claim(rig).job_id, "y");
        assert_string_equal(gate_rig_claim(rig).job_id, "x");
}

static void test_a_flood_does_not_delay_a_late_comer(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "flood", 500);
        assert_next_is(rig, "flood");
        assert_next_is(rig, "flood");
        admit_many(rig, "late", 1);
        assert_next_is(rig, "flood"); /* its turn was given before */
        assert_next_is(rig, "late");
}

static void test_a_stream_of_new_agents_does_not_keep_others_waiting(void **state)
{
        struct gate_rig *rig = *state;
        char agent[32];
        admit_many(rig, "old", 2);
        assert_next_is(rig, "old");
        unsigned waited = 0;
        struct rig_claim claim;
        do {
                snprintf(agent, sizeof agent, "new-%u", waited++);
                admit_many(rig, agent, 1);
                claim = gate_rig_claim(rig);
        } while (strcmp(claim.agent_id, "old") != 0 && waited < 100);
        assert_in_range(waited, 1, 3);
}

/* An agent that spreads over many pools has one share, not one for each. */
static void test_many_pools_give_no_more_turns(void **state)
{
        struct gate_rig *rig = *state;
        char id[32];
        for (int i = 0; i < 20; i++) {
                snprintf(id, sizeof id, "n%d", i);
                admit_pool(rig, "wide", id, "node");
                snprintf(id, sizeof id, "p%d", i);
                admit_pool(rig, "wide", id, "python");
        }
        admit_many(rig, "plain", 10);
        unsigned plain = 0;
        for (int i = 0; i < 20; i++)
                plain += strcmp(gate_rig_claim(rig).agent_id, "plain") == 0;
        assert_in_range(plain, 9, 10);
}

/* What an agent is served in one pool does not make its job in another wait for ever. */
static void test_service_in_one_pool_does_not_starve_another(void **state)
{
        struct gate_rig *rig = *state;
        char id[32];
        for (int i = 0; i < 50; i++) {
                snprintf(id, sizeof id, "a%d", i);
                admit_pool(rig, "a", id, "python");
                snprintf(id, sizeof id, "b%d", i);
                admit_pool(rig, "b", id, "node");
        }
        admit_pool(rig, "a", "waits", "node");
        for (int i = 0; i < 20; i++)
                assert_true(gate_rig_claim_of(rig, "1", "python").found);
        unsigned claims = 1;
        while (strcmp(gate_rig_claim_of(rig, "1", "node").job_id, "waits") != 0 && claims < 50)
                claims++;
        assert_in_range(claims, 1, 4);
}

static void test_a_waiting_agent_keeps_its_turn(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.agent_concurrent_max = 1;
        gate_rig_reconfigure(rig);
        admit_many(rig, "a", 3);
        admit_many(rig, "b", 9);
        struct rig_claim a = gate_rig_claim(rig);
        assert_string_equal(a.agent_id, "a");
        for (int i = 0; i < 5; i++)
                assert_next_is(rig, "b");
        gate_rig_complete(rig, &a, 0, 0);
        assert_next_is(rig, "a");
        assert_next_is(rig, "b");
        assert_next_is(rig, "a");
}

/* Many agents that may not run stand before one that may: a claim looks at a bounded number, and soon comes to it. */
static void test_blocked_agents_do_not_hide_one_that_may_run(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.rates[RISK_MEDIUM].cpu_ms_per_hour = 3000;
        gate_rig_reconfigure(rig);
        char agent[32], id[32];
        for (int i = 0; i < 200; i++) {
                snprintf(agent, sizeof agent, "blocked-%d", i);
                snprintf(id, sizeof id, "j%d", i);
                struct gate_settle used = {.key = {agent, "before"}, .offset = i, .first = true, .has_risk = true, .risk = RISK_MEDIUM};
                gate_rig_admit(rig, agent, id);
                used.cpu_ms = 3000;
                used.status = STATUS_CANCELLED;
                gate_rig_settle(rig, used);
        }
        admit_many(rig, "free", 1);
        unsigned claims = 0;
        struct rig_claim claim;
        do {
                claim = gate_rig_claim(rig);
                assert_true(claim.found || claim.wait_ms == 1);
        } while (!claim.found && ++claims < 10);
        assert_string_equal(claim.agent_id, "free");
        assert_in_range(claims, 1, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, gate_rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_agents_take_turns),
                        TEST(test_an_agents_jobs_run_in_the_order_they_came),
                        TEST(test_a_flood_does_not_delay_a_late_comer),
                        TEST(test_a_stream_of_new_agents_does_not_keep_others_waiting),
                        TEST(test_many_pools_give_no_more_turns),
                        TEST(test_service_in_one_pool_does_not_starve_another),
                        TEST(test_a_waiting_agent_keeps_its_turn),
                        TEST(test_blocked_agents_do_not_hide_one_that_may_run),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
