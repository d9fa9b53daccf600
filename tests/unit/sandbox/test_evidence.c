/* What ended a job: each line of the fixed order, and each line against the ones below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "worker/sandbox/evidence.h"

/* The lines from the strongest to the weakest, each adding its own evidence to what is there. */
static void add_cancelled(struct evidence *ev)
{
        ev->cancelled = true;
}

static void add_own(struct evidence *ev)
{
        ev->own = (struct termination){.cause = CAUSE_WALL_TIMEOUT, .has_limit = true, .limit = 1000, .observed = 1003};
}

static void add_memory(struct evidence *ev)
{
        ev->out_of_memory = true;
        ev->memory_limit_bytes = 64;
        ev->memory_peak_bytes = 63;
}

static void add_dead_init(struct evidence *ev)
{
        ev->leader_ended = false;
}

static void add_seccomp(struct evidence *ev)
{
        ev->seccomp_death = true;
}

static void add_disk(struct evidence *ev)
{
        ev->exit_signal = SIGXFSZ;
        ev->disk_limit_bytes = 32;
        ev->disk_used_bytes = 32;
}

static void add_signal(struct evidence *ev)
{
        if (!ev->exit_signal)
                ev->exit_signal = SIGSEGV;
}

static void add_exit(struct evidence *ev)
{
        ev->exit_code = 9;
}

static const struct line {
        void (*add)(struct evidence *ev);
        enum status status;
        enum cause cause;
} lines[] = {
                {add_cancelled, STATUS_CANCELLED, CAUSE_CANCELLED}, {add_own, STATUS_KILLED, CAUSE_WALL_TIMEOUT},
                {add_memory, STATUS_KILLED, CAUSE_MEMORY},          {add_dead_init, STATUS_KILLED, CAUSE_VIOLATION},
                {add_seccomp, STATUS_KILLED, CAUSE_VIOLATION},      {add_disk, STATUS_KILLED, CAUSE_DISK},
                {add_signal, STATUS_FAILED, CAUSE_SIGNAL},          {add_exit, STATUS_FAILED, CAUSE_EXIT},
};
enum { LINES = sizeof(lines) / sizeof(*lines) };

static struct termination judge(const struct evidence *ev, enum status *ret_status)
{
        struct termination t;
        evidence_judge(ev, ret_status, &t);
        return t;
}

static void test_each_line_alone_is_the_cause(void **state)
{
        (void)state;
        for (size_t i = 0; i < LINES; i++) {
                struct evidence ev = {.leader_ended = true};
                enum status status;
                lines[i].add(&ev);
                assert_int_equal(judge(&ev, &status).cause, lines[i].cause);
                assert_int_equal(status, lines[i].status);
        }
}

static void test_of_two_lines_the_upper_one_is_the_cause(void **state)
{
        (void)state;
        for (size_t upper = 0; upper < LINES; upper++) {
                for (size_t lower = upper + 1; lower < LINES; lower++) {
                        struct evidence ev = {.leader_ended = true};
                        enum status status;
                        lines[upper].add(&ev);
                        lines[lower].add(&ev);
                        assert_int_equal(judge(&ev, &status).cause, lines[upper].cause);
                        assert_int_equal(status, lines[upper].status);
                }
        }
}

static void test_no_evidence_and_code_zero_is_success(void **state)
{
        (void)state;
        struct evidence ev = {.leader_ended = true};
        enum status status;
        assert_int_equal(judge(&ev, &status).cause, CAUSE_EXIT);
        assert_int_equal(status, STATUS_SUCCEEDED);
}

static void test_violations_name_their_rule(void **state)
{
        (void)state;
        struct evidence ev = {.leader_ended = true, .seccomp_death = true};
        enum status status;
        assert_string_equal(judge(&ev, &status).rule, "seccomp");
        ev.leader_ended = false;
        assert_string_equal(judge(&ev, &status).rule, "init");
}

static void test_limit_causes_carry_limit_and_observed(void **state)
{
        (void)state;
        void (*const limits[])(struct evidence * ev) = {add_own, add_memory, add_disk};
        for (size_t i = 0; i < 3; i++) {
                struct evidence ev = {.leader_ended = true};
                enum status status;
                limits[i](&ev);
                struct termination t = judge(&ev, &status);
                assert_true(t.has_limit && t.limit > 0 && t.observed > 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_each_line_alone_is_the_cause),
                        cmocka_unit_test(test_of_two_lines_the_upper_one_is_the_cause),
                        cmocka_unit_test(test_no_evidence_and_code_zero_is_success),
                        cmocka_unit_test(test_violations_name_their_rule),
                        cmocka_unit_test(test_limit_causes_carry_limit_and_observed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
