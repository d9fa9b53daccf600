/* The faults of the fake, on which simulations rely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/gate_rig.h"

static void test_a_dropped_answer_was_done(void **state)
{
        struct gate_rig *rig = *state;
        fake_redis_drop_answer(rig->fake, 2);
        gate_rig_admit(rig, "a", "j1");
        assert_int_equal(rig->error.code, ERROR_NONE);
        gate_rig_admit(rig, "a", "j2");
        assert_int_equal(rig->error.code, ERROR_REDIS);
        assert_int_equal(gate_rig_admit(rig, "a", "j2").verdict, GATE_KNOWN);
        assert_int_equal(rig->wakes, 2);
}

static void test_a_dropped_call_was_not_done(void **state)
{
        struct gate_rig *rig = *state;
        fake_redis_drop_call(rig->fake, 1);
        gate_rig_admit(rig, "a", "j1");
        assert_int_equal(rig->error.code, ERROR_REDIS);
        assert_int_equal(gate_rig_admit(rig, "a", "j1").verdict, GATE_QUEUED);
}

static void test_a_claim_whose_answer_is_lost_runs_out(void **state)
{
        struct gate_rig *rig = *state;
        gate_rig_admit(rig, "a", "j1");
        fake_redis_drop_answer(rig->fake, 1);
        assert_false(gate_rig_claim(rig).found);
        assert_int_equal(gate_rig_reap(rig, 10).leased, 1);
        gate_rig_pass(rig, rig->config.lease_ms);
        gate_rig_reap(rig, 10);
        assert_int_equal(gate_rig_claim(rig).attempt, 2);
}

static struct redis_call call;
static enum error_code code;
static unsigned answers;

static void call_done(struct redis_call *answered, const struct redis_reply *reply, const struct error *e)
{
        assert_ptr_equal(answered, &call);
        assert_true(!reply == !!e);
        code = e ? e->code : ERROR_NONE;
        answers++;
}

static int ping(struct redis_port *port)
{
        struct error e;
        struct span ping = span_of("PING");
        call.done = call_done;
        answers = 0;
        return port->call_start(port, &call, &ping, 1, &e);
}

static void test_one_client_can_be_cut_off_alone(void **state)
{
        struct gate_rig *rig = *state;
        struct redis_port *other = fake_redis_port_new(rig->fake);
        assert_int_equal(ping(other), 0);
        fake_redis_disconnect(rig->fake, other);
        assert_int_equal(answers, 0);
        fake_redis_pump_all(rig->fake);
        assert_int_equal(answers, 1);
        assert_int_equal(code, ERROR_REDIS);
        assert_int_equal(ping(other), -1);
        assert_string_equal(other->run_id(other), "");
        assert_int_equal(ping(fake_redis_port(rig->fake)), 0);
        fake_redis_pump_all(rig->fake);
        assert_int_equal(code, ERROR_NONE);
        fake_redis_connect(rig->fake, other);
        assert_int_equal(ping(other), 0);
        fake_redis_pump_all(rig->fake);
        assert_int_equal(code, ERROR_NONE);
}

static void test_a_restart_changes_the_run_id_and_loses_what_waits(void **state)
{
        struct gate_rig *rig = *state;
        struct redis_port *port = fake_redis_port(rig->fake);
        char before[64];
        strcpy(before, port->run_id(port));
        assert_int_equal(ping(port), 0);
        fake_redis_restart(rig->fake);
        assert_string_not_equal(port->run_id(port), before);
        fake_redis_pump_all(rig->fake);
        assert_int_equal(code, ERROR_REDIS);
}

static void test_a_revert_brings_back_what_was_saved(void **state)
{
        struct gate_rig *rig = *state;
        fake_redis_ask(rig->fake, "SET", "key", "old");
        fake_redis_save(rig->fake);
        fake_redis_ask(rig->fake, "SET", "key", "new");
        fake_redis_ask(rig->fake, "HSET", "other", "a", "1");
        fake_redis_revert(rig->fake);
        assert_string_equal(fake_redis_ask(rig->fake, "GET", "key"), "old");
        assert_string_equal(fake_redis_ask(rig->fake, "EXISTS", "other"), "0");
        fake_redis_flush(rig->fake);
        assert_string_equal(fake_redis_keys(rig->fake), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_rig_setup, gate_rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_dropped_answer_was_done),
                        TEST(test_a_dropped_call_was_not_done),
                        TEST(test_a_claim_whose_answer_is_lost_runs_out),
                        TEST(test_one_client_can_be_cut_off_alone),
                        TEST(test_a_restart_changes_the_run_id_and_loses_what_waits),
                        TEST(test_a_revert_brings_back_what_was_saved),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
