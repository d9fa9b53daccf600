/* A job's way through the gate: admission, claim, lease, end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/gate_rig.h"

static struct rig_claim claim_one(struct gate_rig *rig, const char *job_id)
{
        struct rig_claim claim = gate_rig_claim(rig);
        assert_true(claim.found);
        assert_string_equal(claim.job_id, job_id);
        return claim;
}

static void assert_one_dead(struct gate_rig *rig, const char *job_id, enum gate_dead_reason reason)
{
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count, 1);
        assert_string_equal(reap.dead[0].job_id, job_id);
        assert_int_equal(reap.dead[0].reason, reason);
}

static void test_a_job_goes_from_admission_to_settlement(void **state)
{
        struct gate_rig *rig = *state;
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_QUEUED);
        gate_rig_pass(rig, 70);
        struct rig_claim claim = claim_one(rig, "j1");
        assert_string_equal(claim.agent_id, "agent");
        assert_string_equal(claim.record, "{}");
        assert_int_equal(claim.attempt, 1);
        assert_int_equal(claim.queued_ms, 70);
        assert_int_equal(claim.level, RISK_MEDIUM);
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_OK);
        assert_int_equal(gate_rig_complete(rig, &claim, 0, 5), GATE_LEASE_OK);
        struct rig_settle settled = gate_rig_end(rig, "agent", "j1", 5, STATUS_SUCCEEDED);
        assert_true(settled.changed);
        assert_int_equal(settled.trust_before, 500);
        assert_int_equal(settled.agent.trust, 550);
}

static void test_a_known_job_is_admitted_once(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_KNOWN);
        claim_one(rig, "j1");
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_KNOWN);
        assert_false(gate_rig_claim(rig).found);
}

static void test_two_agents_may_use_one_job_id(void **state)
{
        struct gate_rig *rig = *state;
        assert_int_equal(gate_rig_admit(rig, "a", "j1").verdict, GATE_QUEUED);
        assert_int_equal(gate_rig_admit(rig, "b", "j1").verdict, GATE_QUEUED);
        struct rig_claim a = claim_one(rig, "j1"), b = claim_one(rig, "j1");
        assert_string_not_equal(a.agent_id, b.agent_id);
}

static void test_a_done_job_answers_where_its_result_lies(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        gate_rig_complete(rig, &claim, 3, 77);
        struct gate_admit again = gate_rig_admit(rig, "agent", "j1");
        assert_int_equal(again.verdict, GATE_DONE);
        assert_int_equal(again.done_partition, 3);
        assert_int_equal(again.done_offset, 77);
}

static void test_a_done_marker_lives_as_long_as_a_message_can_be_late(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        gate_rig_complete(rig, &claim, 0, 0);
        gate_rig_pass(rig, rig->config.dedupe_ms - 1);
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_DONE);
        gate_rig_pass(rig, 1);
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_QUEUED);
}

static void test_a_large_record_stays_in_kafka(void **state)
{
        struct gate_rig *rig = *state;
        static uint8_t bytes[GATE_PAYLOAD_MAX + 1];
        struct gate_admit job = gate_rig_job("agent", "j1");
        job.record = (struct span){bytes, sizeof bytes};
        rig->offset = 42;
        gate_rig_admit_op(rig, job);
        struct rig_claim claim = claim_one(rig, "j1");
        assert_string_equal(claim.record, "");
        assert_int_equal(claim.offset, 42);
        assert_string_equal(fake_redis_ask(rig->fake, "EXISTS", "{brig}:record:j1:agent"), "0");
}

static void test_a_job_is_never_run_at_a_looser_level_than_trust_gives(void **state)
{
        struct gate_rig *rig = *state;
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").level, RISK_MEDIUM);
        struct gate_admit strict = gate_rig_job("agent", "j2");
        strict.risk = RISK_HIGH;
        assert_int_equal(gate_rig_admit_op(rig, strict).level, RISK_HIGH);
        gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_trust = true, .trust = 800});
        assert_int_equal(gate_rig_admit(rig, "agent", "j3").level, RISK_LOW);
        gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_trust = true, .trust = 499});
        assert_int_equal(gate_rig_admit(rig, "agent", "j4").level, RISK_HIGH);
}

static void test_trust_lost_since_admission_counts_at_the_claim(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_admit(rig, "agent", "j2");
        struct gate_admit strict = gate_rig_job("agent", "h1");
        strict.risk = RISK_HIGH;
        gate_rig_admit_op(rig, strict);
        gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_trust = true, .trust = 100});
        assert_false(gate_rig_claim_of(rig, "01", "python").found);
        struct rig_claim claim = gate_rig_claim_of(rig, "2", "python");
        assert_true(claim.found);
        assert_int_equal(claim.level, RISK_HIGH);
        assert_string_not_equal(claim.job_id, "h1"); /* those that rose stand at the head */
}

static void test_trust_won_since_admission_does_not_loosen_a_job(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_agent_set(rig, (struct gate_agent_op){.agent_id = "agent", .set_trust = true, .trust = 1000});
        assert_int_equal(claim_one(rig, "j1").level, RISK_MEDIUM);
}

static void test_a_worker_gets_only_levels_and_pools_it_offers(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct gate_admit image = gate_rig_job("agent", "j2");
        image.pool = "python@other:3";
        gate_rig_admit_op(rig, image);
        assert_false(gate_rig_claim_of(rig, "02", "python").found);
        assert_false(gate_rig_claim_of(rig, "012", "node").found);
        assert_false(gate_rig_claim_of(rig, "", "python").found);
        assert_string_equal(gate_rig_claim_of(rig, "1", "python@other:3").job_id, "j2");
        assert_string_equal(gate_rig_claim_of(rig, "1", "python").job_id, "j1");
}

static void test_a_job_that_no_worker_can_run_blocks_nobody(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit alien = gate_rig_job("agent", "j1");
        alien.pool = "cobol";
        gate_rig_admit_op(rig, alien);
        gate_rig_admit(rig, "agent", "j2");
        gate_rig_admit(rig, "other", "j3");
        assert_true(gate_rig_claim(rig).found);
        assert_true(gate_rig_claim(rig).found);
        assert_false(gate_rig_claim(rig).found);
        assert_string_equal(gate_rig_claim_of(rig, "1", "cobol").job_id, "j1");
}

static void test_an_expired_lease_is_given_to_another_worker(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_admit(rig, "agent", "j2");
        struct rig_claim first = claim_one(rig, "j1");
        gate_rig_pass(rig, rig->config.lease_ms - 1);
        gate_rig_reap(rig, 10);
        assert_int_equal(gate_rig_renew(rig, &first), GATE_LEASE_OK);
        gate_rig_pass(rig, rig->config.lease_ms);
        gate_rig_reap(rig, 10);
        struct rig_claim second = claim_one(rig, "j1"); /* before j2: it stands at the head again */
        assert_int_equal(second.attempt, 2);
        assert_true(second.fence > first.fence);
        assert_int_equal(gate_rig_renew(rig, &first), GATE_LEASE_LOST);
        assert_int_equal(gate_rig_complete(rig, &first, 0, 0), GATE_LEASE_LOST);
        assert_int_equal(gate_rig_release(rig, &first, true), GATE_LEASE_LOST);
        assert_int_equal(gate_rig_renew(rig, &second), GATE_LEASE_OK);
}

static void test_a_renewed_lease_lasts(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        for (int i = 0; i < 5; i++) {
                gate_rig_pass(rig, rig->config.lease_ms - 1);
                assert_int_equal(gate_rig_reap(rig, 10).leased, 1);
                assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_OK);
        }
}

static void test_the_fence_grows_though_the_clock_stands_still(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim first = claim_one(rig, "j1");
        gate_rig_release(rig, &first, false);
        struct rig_claim second = claim_one(rig, "j1");
        assert_int_equal(second.fence, first.fence + 1);
}

static void test_after_its_last_attempt_a_job_is_dead(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        for (unsigned i = 1; i <= rig->config.attempts_max; i++) {
                assert_int_equal(claim_one(rig, "j1").attempt, i);
                gate_rig_pass(rig, rig->config.lease_ms);
                if (i < rig->config.attempts_max)
                        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 0);
        }
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count, 1);
        assert_int_equal(reap.dead[0].reason, GATE_DEAD_ATTEMPTS);
        assert_int_equal(reap.dead[0].attempt, 3);
        assert_string_equal(reap.dead[0].agent_id, "agent");
        assert_false(gate_rig_claim(rig).found);
}

static void test_the_dead_are_told_again_until_they_are_settled(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_cancel(rig, "agent", "j1");
        assert_one_dead(rig, "j1", GATE_DEAD_CANCELLED);
        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 0);
        gate_rig_pass(rig, 5ULL * RIG_SECOND_MS);
        assert_one_dead(rig, "j1", GATE_DEAD_CANCELLED);
        gate_rig_end(rig, "agent", "j1", 0, STATUS_CANCELLED);
        gate_rig_pass(rig, 5ULL * RIG_SECOND_MS);
        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 0);
}

static void test_a_release_before_the_start_is_not_counted(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_admit(rig, "agent", "j2");
        struct rig_claim claim = claim_one(rig, "j1");
        assert_int_equal(gate_rig_release(rig, &claim, false), GATE_LEASE_OK);
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_LOST);
        assert_int_equal(claim_one(rig, "j1").attempt, 1);
}

static void test_a_release_after_the_start_is_counted(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        gate_rig_release(rig, &claim, true);
        claim = claim_one(rig, "j1");
        assert_int_equal(claim.attempt, 2);
        gate_rig_release(rig, &claim, true);
        claim = claim_one(rig, "j1");
        gate_rig_release(rig, &claim, true);
        assert_one_dead(rig, "j1", GATE_DEAD_ATTEMPTS);
}

static void test_uncounted_releases_are_bounded(void **state)
{
        struct gate_rig *rig = *state;
        unsigned releases = 0;
        gate_rig_admit(rig, "agent", "j1");
        for (struct rig_claim claim; (claim = gate_rig_claim(rig)).found; releases++)
                gate_rig_release(rig, &claim, false);
        assert_int_equal(releases, 20 + rig->config.attempts_max);
        assert_one_dead(rig, "j1", GATE_DEAD_ATTEMPTS);
}

static void test_a_queued_job_past_its_expiry_is_dead_and_names_its_pool(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = gate_rig_job("agent", "j1");
        job.expires_at_ms = rig->clock.virtual_ms + 500;
        job.pool = "cobol@old";
        gate_rig_admit_op(rig, job);
        gate_rig_pass(rig, 499);
        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 0);
        gate_rig_pass(rig, 1);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count, 1);
        assert_int_equal(reap.dead[0].reason, GATE_DEAD_EXPIRED);
        assert_string_equal(reap.dead[0].pool, "cobol@old");
}

static void test_a_job_without_expiry_has_the_default(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_pass(rig, rig->config.expires_default_ms);
        assert_one_dead(rig, "j1", GATE_DEAD_EXPIRED);
}

static void test_a_running_job_does_not_expire(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = gate_rig_job("agent", "j1");
        job.expires_at_ms = rig->clock.virtual_ms + 500;
        gate_rig_admit_op(rig, job);
        struct rig_claim claim = claim_one(rig, "j1");
        gate_rig_pass(rig, 1000);
        assert_int_equal(gate_rig_reap(rig, 10).dead_count, 0);
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_OK);
}

static void test_a_job_past_its_expiry_is_not_admitted(void **state)
{
        struct gate_rig *rig = *state;
        struct gate_admit job = gate_rig_job("agent", "j1");
        job.expires_at_ms = rig->clock.virtual_ms;
        job = gate_rig_admit_op(rig, job);
        assert_int_equal(job.verdict, GATE_REJECTED);
        assert_int_equal(job.rejection.reason, REJECTION_EXPIRED);
}

static void test_cancelling_a_queued_job_ends_it(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        gate_rig_admit(rig, "agent", "j2");
        assert_int_equal(gate_rig_cancel(rig, "agent", "j1"), GATE_CANCEL_CANCELLED);
        assert_int_equal(gate_rig_cancel(rig, "agent", "j1"), GATE_CANCEL_CANCELLED);
        assert_string_equal(fake_redis_ask(rig->fake, "EXISTS", "{brig}:record:j1:agent", "{brig}:record:j2:agent"), "1"); /* j2's */
        claim_one(rig, "j2");
        assert_one_dead(rig, "j1", GATE_DEAD_CANCELLED);
}

static void test_cancelling_a_leased_job_tells_its_worker(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        assert_int_equal(gate_rig_cancel(rig, "agent", "j1"), GATE_CANCEL_CANCELLING);
        assert_int_equal(rig->cancels, 1);
        assert_string_equal(rig->message, "j1");
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_CANCEL);
        assert_int_equal(gate_rig_complete(rig, &claim, 0, 0), GATE_LEASE_OK);
        assert_int_equal(gate_rig_cancel(rig, "agent", "j1"), GATE_CANCEL_DONE);
}

static void test_a_cancelled_job_whose_worker_dies_does_not_run_again(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        claim_one(rig, "j1");
        gate_rig_cancel(rig, "agent", "j1");
        gate_rig_pass(rig, rig->config.lease_ms);
        assert_one_dead(rig, "j1", GATE_DEAD_CANCELLED);
}

static void test_a_cancellation_that_comes_first_waits_for_its_job(void **state)
{
        struct gate_rig *rig = *state;
        assert_int_equal(gate_rig_cancel(rig, "agent", "j1"), GATE_CANCEL_NOTED);
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_CANCELLED);
        assert_int_equal(gate_rig_admit(rig, "other", "j1").verdict, GATE_QUEUED);
        gate_rig_pass(rig, rig->config.expires_default_ms);
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_QUEUED);
}

static void test_settling_ends_a_job_in_whatever_state_it_is_in(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "queued");
        gate_rig_end(rig, "agent", "queued", 0, STATUS_SUCCEEDED);
        assert_false(gate_rig_claim(rig).found);
        gate_rig_admit(rig, "agent", "leased");
        struct rig_claim claim = claim_one(rig, "leased");
        gate_rig_end(rig, "agent", "leased", 1, STATUS_SUCCEEDED);
        assert_int_equal(gate_rig_renew(rig, &claim), GATE_LEASE_LOST);
        gate_rig_admit(rig, "agent", "dead");
        gate_rig_cancel(rig, "agent", "dead");
        gate_rig_end(rig, "agent", "dead", 2, STATUS_CANCELLED);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.dead_count + reap.queued + reap.leased + reap.deferred, 0);
        assert_int_equal(gate_rig_admit(rig, "agent", "queued").verdict, GATE_DONE);
}

static void test_jobs_wake_the_workers(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        assert_int_equal(rig->wakes, 1);
        assert_string_equal(rig->message, "1python");
        struct rig_claim claim = claim_one(rig, "j1");
        assert_int_equal(rig->wakes, 1);
        gate_rig_release(rig, &claim, false);
        assert_int_equal(rig->wakes, 2);
}

static void test_the_reaper_counts_what_waits_and_what_runs(void **state)
{
        struct gate_rig *rig = *state;
        for (int i = 0; i < 5; i++) {
                char id[8];
                snprintf(id, sizeof id, "j%d", i);
                gate_rig_admit(rig, "agent", id);
        }
        gate_rig_claim(rig);
        gate_rig_claim(rig);
        struct rig_reap reap = gate_rig_reap(rig, 10);
        assert_int_equal(reap.queued, 3);
        assert_int_equal(reap.leased, 2);
        assert_int_equal(reap.deferred, 0);
}

/* What ended leaves nothing but marks, windows and the agent's record; and those but the record go with time. */
static void test_nothing_is_left_of_ended_jobs(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "agent", "j1");
        struct rig_claim claim = claim_one(rig, "j1");
        gate_rig_complete(rig, &claim, 0, 0);
        gate_rig_settle(rig, (struct gate_settle){.key = {"agent", "j1"}, .first = true, .has_risk = true, .cpu_ms = 5, .violations = 1});
        gate_rig_cancel(rig, "agent", "unknown");
        gate_rig_pass(rig, rig->config.dedupe_ms);
        assert_string_equal(fake_redis_keys(rig->fake), "{brig}:agent:agent\n{brig}:epoch\n{brig}:fair");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_rig_setup, gate_rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_job_goes_from_admission_to_settlement),
                        TEST(test_a_known_job_is_admitted_once),
                        TEST(test_two_agents_may_use_one_job_id),
                        TEST(test_a_done_job_answers_where_its_result_lies),
                        TEST(test_a_done_marker_lives_as_long_as_a_message_can_be_late),
                        TEST(test_a_large_record_stays_in_kafka),
                        TEST(test_a_job_is_never_run_at_a_looser_level_than_trust_gives),
                        TEST(test_trust_lost_since_admission_counts_at_the_claim),
                        TEST(test_trust_won_since_admission_does_not_loosen_a_job),
                        TEST(test_a_worker_gets_only_levels_and_pools_it_offers),
                        TEST(test_a_job_that_no_worker_can_run_blocks_nobody),
                        TEST(test_an_expired_lease_is_given_to_another_worker),
                        TEST(test_a_renewed_lease_lasts),
                        TEST(test_the_fence_grows_though_the_clock_stands_still),
                        TEST(test_after_its_last_attempt_a_job_is_dead),
                        TEST(test_the_dead_are_told_again_until_they_are_settled),
                        TEST(test_a_release_before_the_start_is_not_counted),
                        TEST(test_a_release_after_the_start_is_counted),
                        TEST(test_uncounted_releases_are_bounded),
                        TEST(test_a_queued_job_past_its_expiry_is_dead_and_names_its_pool),
                        TEST(test_a_job_without_expiry_has_the_default),
                        TEST(test_a_running_job_does_not_expire),
                        TEST(test_a_job_past_its_expiry_is_not_admitted),
                        TEST(test_cancelling_a_queued_job_ends_it),
                        TEST(test_cancelling_a_leased_job_tells_its_worker),
                        TEST(test_a_cancelled_job_whose_worker_dies_does_not_run_again),
                        TEST(test_a_cancellation_that_comes_first_waits_for_its_job),
                        TEST(test_settling_ends_a_job_in_whatever_state_it_is_in),
                        TEST(test_jobs_wake_the_workers),
                        TEST(test_the_reaper_counts_what_waits_and_what_runs),
                        TEST(test_nothing_is_left_of_ended_jobs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
