/* Trust, violations, quarantine; and what a Redis that lost its memory answers until it is restored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/gate_rig.h"

static struct rig_settle violate(struct gate_rig *rig, int64_t offset, unsigned violations)
{
        return gate_rig_settle(rig, (struct gate_settle){.key = {"agent", "v"}, .offset = offset, .first = true, .violations = violations});
}

static void assert_not_ready(struct gate_rig *rig)
{
        gate_rig_admit(rig, "agent", "any");
        assert_int_equal(rig->error.code, ERROR_NOT_READY);
        assert_int_equal(rig->epoch, 0);
}

static void test_an_unknown_agent_has_the_first_trust(void **state)
{
        struct gate_rig *rig = *state;
        struct rig_agent agent = gate_rig_agent(rig, "new");
        assert_int_equal(agent.trust, 500);
        assert_int_equal(agent.version, 0);
        assert_int_equal(agent.violations, 0);
        assert_false(agent.quarantined);
        assert_int_equal(agent.last_count, 0);
}

static void test_trust_follows_the_outcome(void **state)
{
        static const unsigned after[STATUS_COUNT] = {[STATUS_SUCCEEDED] = 550, [STATUS_FAILED] = 450,    [STATUS_KILLED] = 350,
                                                     [STATUS_REJECTED] = 350,  [STATUS_CANCELLED] = 350, [STATUS_ERROR] = 350};
        struct gate_rig *rig = *state;
        for (int status = 0; status < STATUS_COUNT; status++)
                assert_int_equal(gate_rig_end(rig, "agent", "j", status, (enum status)status).agent.trust, after[status]);
}

static void test_trust_stays_between_none_and_full(void **state)
{
        struct gate_rig *rig = *state;
        int64_t offset = 0;
        for (int i = 0; i < 12; i++)
                gate_rig_end(rig, "agent", "j", offset++, STATUS_SUCCEEDED);
        assert_int_equal(gate_rig_agent(rig, "agent").trust, 1000);
        for (int i = 0; i < 12; i++)
                gate_rig_end(rig, "agent", "j", offset++, STATUS_KILLED);
        assert_int_equal(gate_rig_agent(rig, "agent").trust, 0);
}

static void test_a_record_is_settled_once(void **state)
{
        struct gate_rig *rig = *state;
        assert_true(gate_rig_end(rig, "agent", "j", 7, STATUS_FAILED).changed);
        struct rig_settle again = gate_rig_end(rig, "agent", "j", 7, STATUS_FAILED);
        assert_false(again.changed);
        assert_int_equal(again.agent.trust, 400);
        assert_false(gate_rig_end(rig, "agent", "earlier", 6, STATUS_FAILED).changed);
}

static void test_partitions_are_settled_apart(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_settle op = {.key = {"agent", "j"}, .partition = 0, .offset = 7, .first = true, .status = STATUS_SUCCEEDED};
        gate_rig_settle(rig, op);
        op.partition = 1;
        op.offset = 3;
        struct rig_settle settled = gate_rig_settle(rig, op);
        assert_true(settled.changed);
        assert_int_equal(settled.agent.trust, 600);
        assert_int_equal(settled.agent.last_count, 2);
}

static void test_a_second_record_only_clears_up(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j");
        struct rig_settle settled = gate_rig_settle(
                        rig, (struct gate_settle){.key = {"agent", "j"}, .offset = 9, .first = false, .status = STATUS_FAILED});
        assert_false(settled.changed);
        assert_int_equal(settled.agent.trust, 500);
        assert_false(gate_rig_claim(rig).found);
}

static void test_versions_only_grow(void **state)
{
        struct gate_rig *rig = *state;
        uint64_t version = gate_rig_end(rig, "agent", "j", 0, STATUS_SUCCEEDED).agent.version;
        assert_true(version >= rig->clock.virtual_ms * 1000);
        rig->clock.virtual_ms -= RIG_HOUR_MS;
        assert_int_equal(gate_rig_end(rig, "agent", "j", 1, STATUS_SUCCEEDED).agent.version, version + 1);
}

static void test_the_third_violation_is_quarantine(void **state)
{
        struct gate_rig *rig = *state;
        assert_false(violate(rig, 0, 1).newly_quarantined);
        assert_false(violate(rig, 1, 1).newly_quarantined);
        struct rig_settle third = violate(rig, 2, 1);
        assert_true(third.newly_quarantined);
        assert_true(third.agent.quarantined);
        assert_int_equal(third.agent.violations, 3);
        assert_false(violate(rig, 3, 1).newly_quarantined);
        struct gate_admit refused = gate_rig_admit(rig, "agent", "j");
        assert_int_equal(refused.verdict, GATE_REJECTED);
        assert_int_equal(refused.rejection.reason, REJECTION_QUARANTINED);
}

static void test_old_violations_do_not_count(void **state)
{
        struct gate_rig *rig = *state;
        violate(rig, 0, 2);
        gate_rig_pass(rig, rig->config.trust.quarantine_window_ms);
        struct rig_settle third = violate(rig, 1, 1);
        assert_false(third.newly_quarantined);
        assert_int_equal(third.agent.violations, 1);
}

static void test_the_memory_of_violations_is_bounded(void **state)
{
        struct gate_rig *rig = *state;
        violate(rig, 0, 1000000);
        assert_int_equal(violate(rig, 1, 50).agent.violations, 100);
}

static void test_quarantine_ends_what_waits_and_lets_run_what_runs(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "running");
        struct rig_claim claim = gate_rig_claim(rig);
        gate_rig_admit(rig, "agent", "queued");
        rig->config.rates[RISK_MEDIUM].executions_per_hour = 2;
        gate_rig_reconfigure(rig);
        struct gate_admit job = gate_rig_job("agent", "deferred");
        job.defer = true;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_DEFERRED);
        violate(rig, 0, 3);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count, 2);
        assert_int_equal(reap.dead[0].reason, GATE_DEAD_QUARANTINED);
        assert_int_equal(reap.dead[1].reason, GATE_DEAD_QUARANTINED);
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_OK);
        gate_rig_release(rig, &claim, false);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 3);
        assert_false(gate_rig_claim(rig).found);
}

static void test_an_operator_lifts_a_quarantine(void **state)
{
        struct gate_rig *rig = *state;
        uint64_t version = violate(rig, 0, 3).agent.version;
        struct rig_agent agent = gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_quarantined = true});
        assert_false(agent.quarantined);
        assert_int_equal(agent.violations, 0);
        assert_int_equal(agent.trust, 550);
        assert_true(agent.version > version);
        assert_int_equal(gate_rig_admit(rig, "agent", "j").verdict, GATE_QUEUED);
        assert_false(violate(rig, 1, 1).newly_quarantined);
}

static void test_an_operator_sets_a_quarantine(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j");
        gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_quarantined = true, .quarantined = true});
        assert_int_equal(gate_rig_reap(rig, 10).dead[0].reason, GATE_DEAD_QUARANTINED);
        assert_int_equal(gate_rig_admit(rig, "agent", "k").verdict, GATE_REJECTED);
}

/* Restoring */

static void test_an_emptied_redis_is_not_ready_until_restored(void **state)
{
        struct gate_rig *rig = *state;
        uint64_t epoch = rig->epoch;
        fake_redis_flush(rig->fake);
        assert_not_ready(rig);
        gate_rig_pass(rig, 1);
        gate_rig_restore(rig);
        gate_rig_admit(rig, "agent", "j");
        assert_int_equal(rig->error.code, ERROR_NONE);
        assert_true(rig->epoch > epoch);
}

static void test_a_restarted_redis_is_not_ready_though_it_kept_all(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j");
        uint64_t epoch = rig->epoch;
        fake_redis_restart(rig->fake);
        assert_not_ready(rig);
        gate_rig_restore(rig);
        assert_int_equal(gate_rig_admit(rig, "agent", "j").verdict, GATE_KNOWN);
        assert_true(rig->epoch > epoch);
}

static void test_claims_are_closed_for_a_lease_after_a_restore(void **state)
{
        struct gate_rig *rig = *state;
        fake_redis_flush(rig->fake);
        gate_rig_restore(rig);
        gate_rig_admit(rig, "agent", "j");
        struct rig_claim claim = gate_rig_claim(rig);
        assert_false(claim.found);
        assert_int_equal(claim.wait_ms, rig->config.lease_ms);
        gate_rig_pass(rig, claim.wait_ms);
        assert_true(gate_rig_claim(rig).found);
}

static void test_one_restores_at_a_time(void **state)
{
        struct gate_rig *rig = *state;
        assert_true(gate_rig_lock(rig, "late").ready);
        fake_redis_flush(rig->fake);
        assert_true(gate_rig_lock(rig, "one").taken);
        assert_true(gate_rig_lock(rig, "one").taken);
        struct gate_lock other = gate_rig_lock(rig, "two");
        assert_false(other.taken || other.ready);
        gate_rig_ready(rig, "two");
        assert_int_equal(rig->error.code, ERROR_NOT_READY);
        gate_rig_restore_agents(rig, "two", NULL, 0);
        assert_int_equal(rig->error.code, ERROR_NOT_READY);
        gate_rig_pass(rig, RIG_MINUTE_MS); /* the first died */
        assert_true(gate_rig_lock(rig, "two").taken);
        gate_rig_ready(rig, "one");
        assert_int_equal(rig->error.code, ERROR_NOT_READY);
        gate_rig_ready(rig, "two");
        assert_int_equal(rig->error.code, ERROR_NONE);
}

static const int32_t partitions[] = {0, 5};
static const int64_t offsets[] = {10, 1LL << 52};

static struct gate_agent snapshot(uint64_t version)
{
        return (struct gate_agent){.agent_id = "agent",
                                   .version = version,
                                   .trust = 730,
                                   .violations = 2,
                                   .last_partitions = partitions,
                                   .last_offsets = offsets,
                                   .last_count = 2};
}

static void test_restored_agents_are_as_they_were(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_agent agents[] = {snapshot(1ULL << 51), {.agent_id = "empty", .version = 3, .trust = 10}};
        fake_redis_flush(rig->fake);
        gate_rig_lock(rig, "me");
        gate_rig_restore_agents(rig, "me", agents, 2);
        gate_rig_ready(rig, "me");
        struct rig_agent agent = gate_rig_agent(rig, "agent");
        assert_int_equal(agent.version, 1ULL << 51);
        assert_int_equal(agent.trust, 730);
        assert_int_equal(agent.violations, 2);
        assert_int_equal(agent.last_count, 2);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(agent.last_offsets[i], agent.last_partitions[i] ? 1LL << 52 : 10);
        assert_int_equal(gate_rig_agent(rig, "empty").trust, 10);
        assert_false(gate_rig_end(rig, "agent", "j", 10, STATUS_SUCCEEDED).changed);
        assert_true(violate(rig, 11, 1).newly_quarantined);
}

static void test_a_restore_keeps_the_higher_version(void **state)
{
        struct gate_rig *rig = *state;
        uint64_t version = gate_rig_end(rig, "agent", "j", 0, STATUS_FAILED).agent.version;
        fake_redis_restart(rig->fake);
        gate_rig_lock(rig, "me");
        struct gate_agent older = snapshot(version - 1);
        gate_rig_restore_agents(rig, "me", &older, 1);
        gate_rig_ready(rig, "me");
        assert_int_equal(gate_rig_agent(rig, "agent").trust, 400);
}

static void test_a_quarantine_restored_over_older_memory_ends_what_waits(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j");
        fake_redis_save(rig->fake);
        struct rig_settle settled = violate(rig, 0, 3);
        fake_redis_revert(rig->fake);
        gate_rig_lock(rig, "me");
        struct gate_agent newer = snapshot(settled.agent.version);
        newer.quarantined = true;
        gate_rig_restore_agents(rig, "me", &newer, 1);
        gate_rig_ready(rig, "me");
        gate_rig_pass(rig, rig->config.lease_ms);
        assert_false(gate_rig_claim(rig).found);
        assert_int_equal(gate_rig_reap(rig, 10).dead[0].reason, GATE_DEAD_QUARANTINED);
}

static void test_leases_of_older_memory_end(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j");
        struct rig_claim claim = gate_rig_claim(rig);
        fake_redis_save(rig->fake);
        gate_rig_complete(rig, &claim, 0, 0);
        fake_redis_revert(rig->fake);
        gate_rig_restore(rig);
        gate_rig_pass(rig, rig->config.lease_ms);
        gate_rig_reap(rig, 10);
        struct rig_claim again = gate_rig_claim(rig);
        assert_true(again.found && again.fence > claim.fence);
        assert_int_equal(gate_rig_complete(rig, &again, 0, 1), GATE_LEASE_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_rig_setup, gate_rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_an_unknown_agent_has_the_first_trust),
                        TEST(test_trust_follows_the_outcome),
                        TEST(test_trust_stays_between_none_and_full),
                        TEST(test_a_record_is_settled_once),
                        TEST(test_partitions_are_settled_apart),
                        TEST(test_a_second_record_only_clears_up),
                        TEST(test_versions_only_grow),
                        TEST(test_the_third_violation_is_quarantine),
                        TEST(test_old_violations_do_not_count),
                        TEST(test_the_memory_of_violations_is_bounded),
                        TEST(test_quarantine_ends_what_waits_and_lets_run_what_runs),
                        TEST(test_an_operator_lifts_a_quarantine),
                        TEST(test_an_operator_sets_a_quarantine),
                        TEST(test_an_emptied_redis_is_not_ready_until_restored),
                        TEST(test_a_restarted_redis_is_not_ready_though_it_kept_all),
                        TEST(test_claims_are_closed_for_a_lease_after_a_restore),
                        TEST(test_one_restores_at_a_time),
                        TEST(test_restored_agents_are_as_they_were),
                        TEST(test_a_restore_keeps_the_higher_version),
                        TEST(test_a_quarantine_restored_over_older_memory_ends_what_waits),
                        TEST(test_leases_of_older_memory_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
