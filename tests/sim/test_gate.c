/* A job's way through the gate: admission, claim, lease, end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/gate_rig.h"

static int setup(void **state)
{
        static struct gate_rig rig;
        gate_rig_init(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state)
{
        gate_rig_deinit(*state);
        return 0;
}

static void test_a_job_goes_from_admission_to_settlement(void **state)
{
        struct gate_rig *rig = *state;
        assert_int_equal(gate_rig_admit(rig, "agent", "j1").verdict, GATE_QUEUED);
        gate_rig_pass(rig, 70);
        struct rig_claim claim = gate_rig_claim(rig);
        assert_true(claim.found);
        assert_string_equal(claim.agent_id, "agent");
        assert_string_equal(claim.job_id, "j1");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_job_goes_from_admission_to_settlement),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
