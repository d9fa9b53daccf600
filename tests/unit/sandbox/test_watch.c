/* The limits that brig keeps itself, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/sandbox/watch.h"

static struct watch make(struct limits limits)
{
        struct watch watch;
        struct cgroup_counters before = {.cpu_us = 26000, .oom_kills = 1, .processes_refused = 2};
        watch_init(&watch, &limits, &before);
        watch_start(&watch, 1000);
        return watch;
}

static void test_wall_time_counts_from_the_start(void **state)
{
        (void)state;
        struct watch watch = make((struct limits){.timeout_ms = 500});
        struct cgroup_counters counters = {.cpu_us = 26000, .oom_kills = 1, .processes_refused = 2};
        assert_int_equal(watch_look(&watch, &counters, 1499).cause, CAUSE_NONE);
        struct termination t = watch_look(&watch, &counters, 1500);
        assert_int_equal(t.cause, CAUSE_WALL_TIMEOUT);
        assert_int_equal(t.limit, 500);
        assert_int_equal(t.observed, 500);
}

static void test_cpu_time_before_the_job_is_not_its_own(void **state)
{
        (void)state;
        struct watch watch = make((struct limits){.timeout_ms = 5000, .cpu_ms = 100});
        struct cgroup_counters counters = {.cpu_us = 126000, .oom_kills = 1, .processes_refused = 2};
        assert_int_equal(watch_look(&watch, &counters, 1200).cause, CAUSE_NONE);
        counters.cpu_us = 127000;
        struct termination t = watch_look(&watch, &counters, 1300);
        assert_int_equal(t.cause, CAUSE_CPU_TIMEOUT);
        assert_int_equal(t.observed, 101);
}

static void test_no_cpu_limit_means_none(void **state)
{
        (void)state;
        struct watch watch = make((struct limits){.timeout_ms = 5000});
        struct cgroup_counters counters = {.cpu_us = 4000000000, .oom_kills = 1, .processes_refused = 2};
        assert_int_equal(watch_look(&watch, &counters, 1300).cause, CAUSE_NONE);
}

static void test_an_oom_count_that_grew_is_a_reason(void **state)
{
        (void)state;
        struct watch watch = make((struct limits){.timeout_ms = 5000, .memory_bytes = 64});
        struct cgroup_counters counters = {.oom_kills = 2, .processes_refused = 2};
        assert_int_equal(watch_look(&watch, &counters, 1300).cause, CAUSE_MEMORY);
}

/* Refusals seen every 100 ms; returns when the storm was called, 0: never. */
static uint64_t storm(const uint64_t *refused, size_t count)
{
        struct watch watch = make((struct limits){.timeout_ms = 60000, .processes = 5});
        for (size_t i = 0; i < count; i++) {
                struct cgroup_counters counters = {.oom_kills = 1, .processes_refused = refused[i], .processes = 7};
                struct termination t = watch_look(&watch, &counters, 1100 + 100 * i);
                if (t.cause == CAUSE_PROCESSES)
                        return 100 + 100 * i;
        }
        return 0;
}

static void test_refusals_that_grow_in_three_checks_running_are_a_storm(void **state)
{
        (void)state;
        uint64_t refused[30];
        for (size_t i = 0; i < 30; i++)
                refused[i] = 3 + i;
        assert_int_equal(storm(refused, 30), 1500);
}

static void test_refusals_that_pause_are_no_storm(void **state)
{
        (void)state;
        uint64_t refused[60];
        for (size_t i = 0; i < 60; i++)
                refused[i] = 3 + i / 15; /* grows in one check of three */
        assert_int_equal(storm(refused, 60), 0);
}

static void test_the_next_look_comes_before_a_limit_can_be_far_behind(void **state)
{
        (void)state;
        struct cgroup_counters counters = {.cpu_us = 26000};
        struct watch watch = make((struct limits){.timeout_ms = 60000});
        assert_int_equal(watch_pause_ms(&watch, &counters, 1000), 100);
        watch = make((struct limits){.timeout_ms = 60});
        assert_int_equal(watch_pause_ms(&watch, &counters, 1000), 60);
        watch = make((struct limits){.timeout_ms = 60000, .cpu_ms = 20, .cpu_millis = 500});
        assert_int_equal(watch_pause_ms(&watch, &counters, 1000), 40);
        counters.cpu_us += 20000;
        assert_int_equal(watch_pause_ms(&watch, &counters, 1000), 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_wall_time_counts_from_the_start),
                        cmocka_unit_test(test_cpu_time_before_the_job_is_not_its_own),
                        cmocka_unit_test(test_no_cpu_limit_means_none),
                        cmocka_unit_test(test_an_oom_count_that_grew_is_a_reason),
                        cmocka_unit_test(test_refusals_that_grow_in_three_checks_running_are_a_storm),
                        cmocka_unit_test(test_refusals_that_pause_are_no_storm),
                        cmocka_unit_test(test_the_next_look_comes_before_a_limit_can_be_far_behind),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
