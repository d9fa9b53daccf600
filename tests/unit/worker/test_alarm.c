#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/alarm.h"

struct counted {
        struct alarm alarm;
        unsigned rings;
        uint64_t again_ms;    /* set anew to this when it rings; 0: not */
        struct counted *stop; /* stopped when this one rings */
};

static void rang(struct alarm *alarm)
{
        struct counted *c = list_entry(alarm, struct counted, alarm);
        c->rings++;
        if (c->again_ms)
                alarm_set(alarm, c->again_ms);
        if (c->stop)
                alarm_stop(&c->stop->alarm);
}

static void test_alarm_rings_once_when_due(void **state)
{
        struct alarms alarms;
        struct counted c = {0};
        (void)state;
        alarms_init(&alarms);
        alarm_init(&c.alarm, &alarms, rang);
        alarm_set(&c.alarm, 100);
        alarms_ring(&alarms, 99);
        assert_int_equal(c.rings, 0);
        alarms_ring(&alarms, 100);
        alarms_ring(&alarms, 200);
        assert_int_equal(c.rings, 1);
}

static void test_next_is_the_earliest_set(void **state)
{
        struct alarms alarms;
        struct counted a = {0}, b = {0};
        uint64_t due_ms = 0;
        (void)state;
        alarms_init(&alarms);
        alarm_init(&a.alarm, &alarms, rang);
        alarm_init(&b.alarm, &alarms, rang);
        assert_false(alarms_next(&alarms, &due_ms));
        alarm_set(&a.alarm, 300);
        alarm_set(&b.alarm, 200);
        assert_true(alarms_next(&alarms, &due_ms));
        assert_int_equal(due_ms, 200);
        alarm_set(&b.alarm, 400);
        assert_true(alarms_next(&alarms, &due_ms));
        assert_int_equal(due_ms, 300);
        alarm_stop(&a.alarm);
        alarm_stop(&a.alarm);
        assert_true(alarms_next(&alarms, &due_ms));
        assert_int_equal(due_ms, 400);
}

static void test_alarm_set_anew_while_ringing_waits_for_the_next_call(void **state)
{
        struct alarms alarms;
        struct counted c = {.again_ms = 50};
        (void)state;
        alarms_init(&alarms);
        alarm_init(&c.alarm, &alarms, rang);
        alarm_set(&c.alarm, 40);
        alarms_ring(&alarms, 100);
        assert_int_equal(c.rings, 1);
        alarms_ring(&alarms, 100);
        assert_int_equal(c.rings, 2);
}

static void test_alarm_stopped_by_another_that_rings_is_silent(void **state)
{
        struct alarms alarms;
        struct counted b = {0}, a = {.stop = &b};
        (void)state;
        alarms_init(&alarms);
        alarm_init(&a.alarm, &alarms, rang);
        alarm_init(&b.alarm, &alarms, rang);
        alarm_set(&a.alarm, 10);
        alarm_set(&b.alarm, 10);
        alarms_ring(&alarms, 10);
        assert_int_equal(a.rings, 1);
        assert_int_equal(b.rings, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_alarm_rings_once_when_due),
                        cmocka_unit_test(test_next_is_the_earliest_set),
                        cmocka_unit_test(test_alarm_set_anew_while_ringing_waits_for_the_next_call),
                        cmocka_unit_test(test_alarm_stopped_by_another_that_rings_is_silent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
