/* What brig's own attack on a level proves, by how it ended and what it printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/sandbox/selfattack.h"

static struct selfattack judge(enum cause cause, const char *output)
{
        struct selfattack attack = {.verdict = SELFATTACK_RUNNING};
        struct result result = {.risk = RISK_HIGH, .termination.cause = cause};
        assert_int_equal(bytes_append_string(&result.stdout_data, output), 0);
        selfattack_judge(&attack, &result, NULL);
        bytes_deinit(&result.stdout_data);
        return attack;
}

static void test_an_attack_that_only_its_memory_ended_was_withstood(void **state)
{
        (void)state;
        assert_int_equal(judge(CAUSE_MEMORY, "tried 24\n").verdict, SELFATTACK_HELD);
}

static void test_every_escape_is_named(void **state)
{
        (void)state;
        struct selfattack attack = judge(CAUSE_MEMORY, "escaped keyctl\nescaped limit-init\ntried 24\n");
        assert_int_equal(attack.verdict, SELFATTACK_FAILED);
        assert_string_equal(attack.error.text, "level high is not offered: an escape went through: keyctl, limit-init");
}

static void test_more_escapes_than_a_line_holds_are_cut(void **state)
{
        (void)state;
        char output[4096] = "";
        for (int i = 0; i < 100; i++)
                strcat(output, "escaped internet-socket\n");
        assert_int_equal(judge(CAUSE_MEMORY, output).verdict, SELFATTACK_FAILED);
}

static void test_memory_that_never_ended_is_an_escape(void **state)
{
        (void)state;
        assert_int_equal(judge(CAUSE_EXIT, "tried 24\nescaped memory\n").verdict, SELFATTACK_FAILED);
}

static void test_an_attack_that_ended_early_proves_nothing_good(void **state)
{
        (void)state;
        assert_int_equal(judge(CAUSE_EXIT, "tried 24\n").verdict, SELFATTACK_FAILED);
        assert_int_equal(judge(CAUSE_MEMORY, "").verdict, SELFATTACK_FAILED);
        assert_int_equal(judge(CAUSE_VIOLATION, "").verdict, SELFATTACK_FAILED);
}

static void test_what_came_between_leaves_the_attack_due(void **state)
{
        (void)state;
        struct selfattack attack = {.verdict = SELFATTACK_RUNNING};
        struct error between;
        error_set(&between, ERROR_DOCKER, "the engine went away");
        selfattack_judge(&attack, NULL, &between);
        assert_int_equal(attack.verdict, SELFATTACK_DUE);
        assert_string_equal(attack.error.text, "the engine went away");
        assert_int_equal(judge(CAUSE_WALL_TIMEOUT, "").verdict, SELFATTACK_DUE);
        assert_int_equal(judge(CAUSE_INFRASTRUCTURE, "").verdict, SELFATTACK_DUE);
}

static void test_an_escape_counts_however_the_attack_ended(void **state)
{
        (void)state;
        assert_int_equal(judge(CAUSE_WALL_TIMEOUT, "escaped gateway\n").verdict, SELFATTACK_FAILED);
}

static void test_the_job_stays_within_its_level(void **state)
{
        (void)state;
        struct config config = {.profiles[RISK_HIGH].limits = {.memory_bytes = 32 << 20, .processes = 5, .cpu_millis = 250},
                                .profiles[RISK_LOW].limits = {.memory_bytes = 512 << 20, .processes = 50}};
        struct selfattack attack = {0};
        struct slot_want want;
        struct bytes program = {0};
        selfattack_prepare(&attack, &config, RISK_HIGH, "sha256:1", &program, &want);
        assert_int_equal(want.limits.memory_bytes, 32 << 20);
        assert_int_equal(want.limits.processes, 5);
        assert_int_equal(want.limits.cpu_millis, 250);
        assert_string_equal(want.image_id, "sha256:1");
        selfattack_prepare(&attack, &config, RISK_LOW, "sha256:1", &program, &want);
        assert_true(want.limits.memory_bytes <= 64 << 20 && want.limits.processes <= 16);
        assert_string_equal(attack.job.args[0], "low");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_an_attack_that_only_its_memory_ended_was_withstood),
                        cmocka_unit_test(test_every_escape_is_named),
                        cmocka_unit_test(test_more_escapes_than_a_line_holds_are_cut),
                        cmocka_unit_test(test_memory_that_never_ended_is_an_escape),
                        cmocka_unit_test(test_an_attack_that_ended_early_proves_nothing_good),
                        cmocka_unit_test(test_what_came_between_leaves_the_attack_due),
                        cmocka_unit_test(test_an_escape_counts_however_the_attack_ended),
                        cmocka_unit_test(test_the_job_stays_within_its_level),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
