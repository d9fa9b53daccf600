#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dispatcher/demand.h"

enum { NOW_MS = 1000000000, HOUR_MS = 3600000 };

static char python[] = "python", image[] = "brig/python", other[] = "data/science";

static struct config test_config(void)
{
        struct config config = {.language_count = 1, .expires_default_ms = HOUR_MS, .dedupe_ms = 24 * HOUR_MS};
        config.languages[0] = (struct language){.name = python, .image = image};
        config.language_names[0] = python;
        config.profiles[RISK_LOW].limits = (struct limits){.timeout_ms = 300000, .cpu_millis = 1000};
        config.profiles[RISK_MEDIUM].limits = (struct limits){.timeout_ms = 120000, .cpu_millis = 500};
        config.profiles[RISK_HIGH].limits = (struct limits){.timeout_ms = 60000, .cpu_millis = 250, .cpu_ms = 9000};
        return config;
}

static struct demand demand(const struct job *job, uint64_t enqueued_ms)
{
        struct demand found;
        struct config config = test_config();
        demand_of(&found, &config, NULL, job, enqueued_ms, NOW_MS);
        return found;
}

static void test_reserve_is_timeout_times_cpus_unless_cpu_time_is_limited(void **state)
{
        struct job job = {.language = python};
        struct demand d = demand(&job, NOW_MS);
        (void)state;
        assert_int_equal(d.cpu_reserve_ms[RISK_LOW], 300000);
        assert_int_equal(d.cpu_reserve_ms[RISK_MEDIUM], 60000);
        assert_int_equal(d.cpu_reserve_ms[RISK_HIGH], 9000);
}

static void test_limits_the_job_named_hold_at_every_level(void **state)
{
        struct job job = {.language = python, .limits_named = LIMIT_TIMEOUT, .limits.timeout_ms = 10000};
        struct demand d = demand(&job, NOW_MS);
        (void)state;
        assert_int_equal(d.cpu_reserve_ms[RISK_LOW], 10000);
        assert_int_equal(d.cpu_reserve_ms[RISK_MEDIUM], 5000);
}

static void test_pool_names_the_image_unless_it_is_the_languages_own(void **state)
{
        struct job job = {.language = python};
        (void)state;
        assert_string_equal(demand(&job, NOW_MS).pool, "python");
        job.image = image;
        assert_string_equal(demand(&job, NOW_MS).pool, "python");
        job.image = other;
        assert_string_equal(demand(&job, NOW_MS).pool, "python@data/science");
}

static void test_a_level_is_as_strict_as_asked(void **state)
{
        struct job job = {.language = python};
        (void)state;
        assert_int_equal(demand(&job, NOW_MS).risk, RISK_LOW);
        job.has_risk = true;
        job.risk = RISK_HIGH;
        assert_int_equal(demand(&job, NOW_MS).risk, RISK_HIGH);
}

static void test_waiting_is_counted_from_when_the_record_was_written(void **state)
{
        struct job job = {.language = python};
        (void)state;
        assert_int_equal(demand(&job, NOW_MS - 1000).expires_at_ms, NOW_MS - 1000 + HOUR_MS);
        assert_int_equal(demand(&job, NOW_MS + 1000).expires_at_ms, NOW_MS + HOUR_MS);
        assert_int_equal(demand(&job, 0).expires_at_ms, NOW_MS + HOUR_MS);
}

static void test_no_job_waits_longer_than_results_are_remembered(void **state)
{
        struct job job = {.language = python, .expires_at_ms = NOW_MS + 5000};
        (void)state;
        assert_int_equal(demand(&job, NOW_MS).expires_at_ms, NOW_MS + 5000);
        job.expires_at_ms = NOW_MS + UINT64_C(100) * HOUR_MS;
        assert_int_equal(demand(&job, NOW_MS).expires_at_ms, NOW_MS + UINT64_C(24) * HOUR_MS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_reserve_is_timeout_times_cpus_unless_cpu_time_is_limited),
                        cmocka_unit_test(test_limits_the_job_named_hold_at_every_level),
                        cmocka_unit_test(test_pool_names_the_image_unless_it_is_the_languages_own),
                        cmocka_unit_test(test_a_level_is_as_strict_as_asked),
                        cmocka_unit_test(test_waiting_is_counted_from_when_the_record_was_written),
                        cmocka_unit_test(test_no_job_waits_longer_than_results_are_remembered),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
