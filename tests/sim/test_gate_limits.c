/* Windows, budgets and caps: who is refused, for how long, and that waiting so long helps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/gate_rig.h"

/* A job with an id of its own. */
static struct gate_admit fresh_job(struct gate_rig *rig, const char *agent_id)
{
        static char id[32];
        snprintf(id, sizeof id, "job-%llu", (unsigned long long)rig->offset);
        return gate_rig_job(agent_id, id);
}

static enum gate_admission admit_fresh(struct gate_rig *rig, const char *agent_id)
{
        return gate_rig_admit_op(rig, fresh_job(rig, agent_id)).verdict;
}

static void admit_many(struct gate_rig *rig, const char *agent_id, unsigned count)
{
        for (unsigned i = 0; i < count; i++)
                assert_int_equal(admit_fresh(rig, agent_id), GATE_QUEUED);
}

static struct gate_admit refused(struct gate_rig *rig, const char *agent_id, enum rejection_reason reason, const char *limit)
{
        struct gate_admit op = gate_rig_admit_op(rig, fresh_job(rig, agent_id));
        assert_int_equal(op.verdict, GATE_REJECTED);
        assert_int_equal(op.rejection.reason, reason);
        assert_string_equal(op.rejection.limit, limit);
        return op;
}

/* The promise of retry_after_ms, to the millisecond. */
static void assert_waiting_helps(struct gate_rig *rig, const struct gate_admit *op)
{
        assert_true(op->rejection.retry_after_ms > 0);
        gate_rig_pass(rig, op->rejection.retry_after_ms - 1);
        assert_int_equal(admit_fresh(rig, op->key.agent_id), GATE_REJECTED);
        gate_rig_pass(rig, 1);
        assert_int_equal(admit_fresh(rig, op->key.agent_id), GATE_QUEUED);
}

static void run_one(struct gate_rig *rig, uint64_t cpu_ms)
{
        struct rig_claim claim = gate_rig_claim(rig);
        assert_true(claim.found);
        gate_rig_complete(rig, &claim, 0, claim.offset);
        gate_rig_settle(rig, (struct gate_settle){.key = {claim.agent_id, claim.job_id},
                                                  .offset = claim.offset,
                                                  .first = true,
                                                  .status = STATUS_CANCELLED, /* leaves trust alone */
                                                  .has_risk = true,
                                                  .risk = claim.level,
                                                  .cpu_ms = cpu_ms});
}

static void test_an_agent_has_so_many_executions_an_hour_at_its_level(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 1);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        admit_many(rig, "agent", 99);
        struct gate_admit op = refused(rig, "agent", REJECTION_RATE_LIMITED, "executions_per_hour");
        assert_string_equal(op.rejection.value, "100");
        assert_string_equal(op.rejection.observed, "100");
        assert_int_equal(op.rejection.retry_after_ms, 59 * RIG_MINUTE_MS);
        assert_int_equal(admit_fresh(rig, "other"), GATE_QUEUED);
        assert_waiting_helps(rig, &op);
        assert_int_equal(admit_fresh(rig, "agent"), GATE_REJECTED);
}

static void test_a_refused_job_is_not_charged(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 100);
        for (int i = 0; i < 50; i++)
                refused(rig, "agent", REJECTION_RATE_LIMITED, "executions_per_hour");
        gate_rig_pass(rig, RIG_HOUR_MS);
        admit_many(rig, "agent", 100);
}

static void test_windows_of_levels_are_apart(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 100);
        for (int i = 0; i < 20; i++) {
                struct gate_admit job = fresh_job(rig, "agent");
                job.risk = RISK_HIGH;
                assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_QUEUED);
        }
        struct gate_admit job = fresh_job(rig, "agent");
        job.risk = RISK_HIGH;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_REJECTED);
}

static void test_the_last_fifth_of_the_global_window_is_for_agents_that_used_little(void **state)
{
        struct gate_rig *rig = *state;
        char agent[16];
        for (int i = 0; i < 8; i++) {
                snprintf(agent, sizeof agent, "agent-%d", i);
                admit_many(rig, agent, i == 7 ? 51 : 99);
                if (i == 6)
                        admit_many(rig, "small", 49);
        }
        admit_many(rig, "small-2", 7); /* 693 + 49 + 51 + 7 = 800 */
        struct gate_admit op = refused(rig, "agent-7", REJECTION_RATE_LIMITED, "global_executions_per_hour");
        assert_string_equal(op.rejection.value, "800");
        admit_many(rig, "small", 1); /* its fiftieth */
        refused(rig, "small", REJECTION_RATE_LIMITED, "global_executions_per_hour");
        admit_many(rig, "new", 49);
}

static void test_the_global_window_ends_at_its_size(void **state)
{
        struct gate_rig *rig = *state;
        char agent[16];
        for (int i = 0; i < 40; i++) {
                snprintf(agent, sizeof agent, "agent-%d", i);
                admit_many(rig, agent, 25);
                gate_rig_pass(rig, RIG_SECOND_MS);
        }
        struct gate_admit op = refused(rig, "new", REJECTION_RATE_LIMITED, "global_executions_per_hour");
        assert_string_equal(op.rejection.value, "1000");
        assert_waiting_helps(rig, &op);
}

static void test_cpu_time_used_within_the_hour_counts(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 3);
        run_one(rig, 300000);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        run_one(rig, 299001);
        struct gate_admit op = refused(rig, "agent", REJECTION_CPU_BUDGET, "cpu_ms_per_hour");
        assert_string_equal(op.rejection.value, "600000");
        assert_string_equal(op.rejection.observed, "599001");
        assert_int_equal(op.rejection.retry_after_ms, 59 * RIG_MINUTE_MS);
        assert_waiting_helps(rig, &op);
}

static void test_cpu_time_may_be_used_to_the_last_millisecond(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 1);
        run_one(rig, 599000);
        admit_many(rig, "agent", 1);
}

static void test_waiting_for_a_part_of_the_cpu_time_is_enough(void **state)
{
        struct gate_rig *rig = *state;
        for (int i = 0; i < 10; i++) {
                admit_many(rig, "agent", 1);
                run_one(rig, 59950);
                gate_rig_pass(rig, RIG_MINUTE_MS);
        }
        struct gate_admit job = fresh_job(rig, "agent");
        job.cpu_reserve_ms[RISK_MEDIUM] = 100000;
        job = gate_rig_admit_op(rig, job);
        assert_int_equal(job.verdict, GATE_REJECTED);
        assert_int_equal(job.rejection.retry_after_ms, 51 * RIG_MINUTE_MS); /* two of ten must go */
}

static void test_a_job_larger_than_the_budget_fits_an_untouched_one(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = fresh_job(rig, "agent");
        job.cpu_reserve_ms[RISK_MEDIUM] = 9000000;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_QUEUED);
        run_one(rig, 1);
        job = fresh_job(rig, "agent");
        job.cpu_reserve_ms[RISK_MEDIUM] = 9000000;
        job = gate_rig_admit_op(rig, job);
        assert_int_equal(job.verdict, GATE_REJECTED);
        assert_int_equal(job.rejection.retry_after_ms, RIG_HOUR_MS);
}

static void test_cpu_time_reserved_by_running_jobs_counts(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = fresh_job(rig, "agent");
        job.cpu_reserve_ms[RISK_MEDIUM] = 600000;
        gate_rig_admit_op(rig, job);
        struct rig_claim claim = gate_rig_claim(rig);
        struct gate_admit op = refused(rig, "agent", REJECTION_CPU_BUDGET, "cpu_ms_per_hour");
        assert_string_equal(op.rejection.observed, "600000");
        assert_int_equal(op.rejection.retry_after_ms, rig->config.maximum.timeout_ms);
        gate_rig_complete(rig, &claim, 0, 0);
        assert_int_equal(admit_fresh(rig, "agent"), GATE_QUEUED);
}

static void test_jobs_whose_cpu_time_does_not_fit_wait_and_others_go_on(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job;
        for (int i = 0; i < 2; i++) {
                job = gate_rig_job("greedy", i ? "g2" : "g1");
                job.cpu_reserve_ms[RISK_MEDIUM] = 400000;
                assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_QUEUED);
        }
        gate_rig_admit(rig, "modest", "m1");
        struct rig_claim greedy = gate_rig_claim(rig);
        assert_string_equal(greedy.job_id, "g1");
        assert_string_equal(gate_rig_claim(rig).job_id, "m1");
        assert_false(gate_rig_claim(rig).found);
        gate_rig_complete(rig, &greedy, 0, 0);
        assert_string_equal(gate_rig_claim(rig).job_id, "g2");
}

static void test_a_waiting_agent_is_looked_at_again_when_its_cpu_time_is_back(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.expires_default_ms = 2ULL * RIG_HOUR_MS;
        gate_rig_reconfigure(rig);
        gate_rig_admit(rig, "agent", "first");
        struct gate_admit job = gate_rig_job("agent", "second");
        job.cpu_reserve_ms[RISK_MEDIUM] = 500000;
        gate_rig_admit_op(rig, job);
        run_one(rig, 500000);
        assert_false(gate_rig_claim(rig).found);
        gate_rig_pass(rig, RIG_HOUR_MS - 1);
        assert_false(gate_rig_claim(rig).found);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        unsigned wakes = rig->wakes;
        gate_rig_reap(rig, 10);
        assert_int_equal(rig->wakes, wakes + 1);
        assert_string_equal(gate_rig_claim(rig).job_id, "second");
}

static void test_a_waiting_agent_goes_on_the_moment_its_cpu_time_is_back(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.expires_default_ms = 2ULL * RIG_HOUR_MS;
        gate_rig_reconfigure(rig);
        gate_rig_admit(rig, "agent", "first");
        struct gate_admit job = gate_rig_job("agent", "second");
        job.cpu_reserve_ms[RISK_MEDIUM] = 500000;
        gate_rig_admit_op(rig, job);
        run_one(rig, 500000);
        gate_rig_pass(rig, RIG_HOUR_MS - 10ULL * RIG_SECOND_MS);
        assert_false(gate_rig_claim(rig).found);
        gate_rig_pass(rig, 10ULL * RIG_SECOND_MS);
        assert_string_equal(gate_rig_claim(rig).job_id, "second");
}

static void test_no_more_run_at_once_than_the_global_cap(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.global_concurrent = 2;
        gate_rig_reconfigure(rig);
        admit_many(rig, "a", 1);
        admit_many(rig, "b", 1);
        admit_many(rig, "c", 1);
        struct rig_claim first = gate_rig_claim(rig);
        assert_true(gate_rig_claim(rig).found);
        struct rig_claim none = gate_rig_claim(rig);
        assert_false(none.found);
        assert_true(none.wait_ms > 0);
        unsigned wakes = rig->wakes;
        gate_rig_complete(rig, &first, 0, 0);
        assert_int_equal(rig->wakes, wakes + 1);
        assert_true(gate_rig_claim(rig).found);
}

static void test_no_more_of_an_agent_run_at_once_than_its_cap(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.agent_concurrent_max = 2;
        gate_rig_reconfigure(rig);
        admit_many(rig, "a", 4);
        admit_many(rig, "b", 1);
        struct rig_claim first = gate_rig_claim(rig);
        assert_string_equal(gate_rig_claim(rig).agent_id, "b");
        assert_string_equal(gate_rig_claim(rig).agent_id, "a");
        assert_false(gate_rig_claim(rig).found);
        gate_rig_complete(rig, &first, 0, 0);
        assert_string_equal(gate_rig_claim(rig).agent_id, "a");
        assert_false(gate_rig_claim(rig).found);
}

static void test_an_agent_holds_at_most_so_many_unfinished_jobs(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.agent_unfinished_max = 3;
        gate_rig_reconfigure(rig);
        admit_many(rig, "agent", 2);
        rig->config.rates[RISK_MEDIUM].executions_per_hour = 2;
        gate_rig_reconfigure(rig);
        struct gate_admit job = fresh_job(rig, "agent");
        job.defer = true;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_DEFERRED);
        gate_rig_claim(rig); /* running jobs count, and so do deferred ones */
        struct gate_admit op = refused(rig, "agent", REJECTION_RATE_LIMITED, "queued");
        assert_string_equal(op.rejection.value, "3");
        job = fresh_job(rig, "agent");
        job.defer = true;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_REJECTED);
}

static void test_a_deferred_job_is_charged_and_queued_when_it_is_due(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.expires_default_ms = 2ULL * RIG_HOUR_MS;
        gate_rig_reconfigure(rig);
        admit_many(rig, "agent", 100);
        for (int i = 0; i < 100; i++)
                run_one(rig, 0);
        struct gate_admit job = gate_rig_job("agent", "late");
        job.defer = true;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_DEFERRED);
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_KNOWN);
        gate_rig_pass(rig, RIG_HOUR_MS - 1);
        assert_int_equal(gate_rig_reap(rig, 10).deferred, 1);
        assert_false(gate_rig_claim(rig).found);
        gate_rig_pass(rig, 1);
        assert_int_equal(gate_rig_reap(rig, 10).deferred, 0);
        admit_many(rig, "agent", 99);
        assert_int_equal(admit_fresh(rig, "agent"), GATE_REJECTED);
        assert_string_equal(gate_rig_claim(rig).job_id, "late");
}

static void test_a_deferred_job_that_still_may_not_run_waits_on(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.expires_default_ms = 2ULL * RIG_HOUR_MS;
        rig->config.rates[RISK_MEDIUM].executions_per_hour = 1;
        gate_rig_reconfigure(rig);
        admit_many(rig, "agent", 1);
        struct gate_admit job = gate_rig_job("agent", "one");
        job.defer = true;
        gate_rig_admit_op(rig, job);
        job = gate_rig_job("agent", "two");
        job.defer = true;
        gate_rig_admit_op(rig, job);
        gate_rig_pass(rig, RIG_HOUR_MS);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.deferred, 1);
        assert_int_equal(reap.queued, 2);
}

/* What a running job held may be free long before the wait that is promised is over. */
static void test_a_deferred_job_comes_soon_after_cpu_time_is_free(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = fresh_job(rig, "agent");
        job.cpu_reserve_ms[RISK_MEDIUM] = 600000;
        gate_rig_admit_op(rig, job);
        struct rig_claim claim = gate_rig_claim(rig);
        job = gate_rig_job("agent", "late");
        job.defer = true;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_DEFERRED);
        gate_rig_complete(rig, &claim, 0, 0);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        gate_rig_reap(rig, 10);
        assert_string_equal(gate_rig_claim(rig).job_id, "late");
}

static void test_a_deferred_job_ends_at_its_expiry(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 100);
        struct gate_admit job = gate_rig_job("agent", "late");
        job.defer = true;
        job.expires_at_ms = rig->clock.virtual_ms + RIG_MINUTE_MS;
        assert_int_equal(gate_rig_admit_op(rig, job).verdict, GATE_DEFERRED);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count, 1);
        assert_int_equal(reap.dead[0].reason, GATE_DEAD_EXPIRED);
        assert_int_equal(reap.deferred, 0);
}

static void test_a_deferred_job_can_be_cancelled(void **state)
{
        struct gate_rig *rig = *state;
        admit_many(rig, "agent", 100);
        struct gate_admit job = gate_rig_job("agent", "late");
        job.defer = true;
        gate_rig_admit_op(rig, job);
        assert_int_equal(gate_rig_cancel(rig, "agent", "late"), GATE_CANCEL_CANCELLED);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.deferred, 0);
        assert_int_equal(reap.dead_count, 1);
}

/* Of several limits the wait is the longest, and the first is named. */
static void test_waiting_helps_against_all_limits_at_once(void **state)
{
        struct gate_rig *rig = *state;
        rig->config.rates[RISK_MEDIUM].executions_per_hour = 2;
        gate_rig_reconfigure(rig);
        admit_many(rig, "agent", 1);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        admit_many(rig, "agent", 1);
        gate_rig_pass(rig, RIG_MINUTE_MS);
        run_one(rig, 600000);
        struct gate_admit op = refused(rig, "agent", REJECTION_RATE_LIMITED, "executions_per_hour");
        assert_int_equal(op.rejection.retry_after_ms, RIG_HOUR_MS);
        gate_rig_claim(rig);
        gate_rig_pass(rig, op.rejection.retry_after_ms);
        assert_int_equal(admit_fresh(rig, "agent"), GATE_QUEUED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_rig_setup, gate_rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_an_agent_has_so_many_executions_an_hour_at_its_level),
                        TEST(test_a_refused_job_is_not_charged),
                        TEST(test_windows_of_levels_are_apart),
                        TEST(test_the_last_fifth_of_the_global_window_is_for_agents_that_used_little),
                        TEST(test_the_global_window_ends_at_its_size),
                        TEST(test_cpu_time_used_within_the_hour_counts),
                        TEST(test_cpu_time_may_be_used_to_the_last_millisecond),
                        TEST(test_waiting_for_a_part_of_the_cpu_time_is_enough),
                        TEST(test_a_job_larger_than_the_budget_fits_an_untouched_one),
                        TEST(test_cpu_time_reserved_by_running_jobs_counts),
                        TEST(test_jobs_whose_cpu_time_does_not_fit_wait_and_others_go_on),
                        TEST(test_a_waiting_agent_is_looked_at_again_when_its_cpu_time_is_back),
                        TEST(test_a_waiting_agent_goes_on_the_moment_its_cpu_time_is_back),
                        TEST(test_no_more_run_at_once_than_the_global_cap),
                        TEST(test_no_more_of_an_agent_run_at_once_than_its_cap),
                        TEST(test_an_agent_holds_at_most_so_many_unfinished_jobs),
                        TEST(test_a_deferred_job_is_charged_and_queued_when_it_is_due),
                        TEST(test_a_deferred_job_that_still_may_not_run_waits_on),
                        TEST(test_a_deferred_job_comes_soon_after_cpu_time_is_free),
                        TEST(test_a_deferred_job_ends_at_its_expiry),
                        TEST(test_a_deferred_job_can_be_cancelled),
                        TEST(test_waiting_helps_against_all_limits_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
