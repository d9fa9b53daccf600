#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clients/cli/complaint.h"
#include "common/summary.h"

struct row {
        enum status status;
        struct termination termination;
        enum rejection_reason reason;
        int exit_status;
};

static const struct row ROWS[] = {
                {STATUS_SUCCEEDED, {.cause = CAUSE_EXIT}, REJECTION_NONE, 0},
                {STATUS_FAILED, {.cause = CAUSE_EXIT, .code = 7}, REJECTION_NONE, 7},
                {STATUS_FAILED, {.cause = CAUSE_EXIT, .code = 255}, REJECTION_NONE, 255},
                {STATUS_FAILED, {.cause = CAUSE_SIGNAL, .signal = 11}, REJECTION_NONE, 139},
                {STATUS_FAILED, {.cause = CAUSE_COMPILE_FAILED, .code = 101}, REJECTION_NONE, 101},
                {STATUS_KILLED, {.cause = CAUSE_WALL_TIMEOUT}, REJECTION_NONE, 124},
                {STATUS_KILLED, {.cause = CAUSE_CPU_TIMEOUT}, REJECTION_NONE, 124},
                {STATUS_KILLED, {.cause = CAUSE_MEMORY}, REJECTION_NONE, 137},
                {STATUS_KILLED, {.cause = CAUSE_PROCESSES}, REJECTION_NONE, 137},
                {STATUS_KILLED, {.cause = CAUSE_OUTPUT}, REJECTION_NONE, 137},
                {STATUS_KILLED, {.cause = CAUSE_DISK}, REJECTION_NONE, 137},
                {STATUS_KILLED, {.cause = CAUSE_VIOLATION}, REJECTION_NONE, 137},
                {STATUS_REJECTED, {0}, REJECTION_INVALID, CLI_USAGE},
                {STATUS_REJECTED, {0}, REJECTION_DENIED, CLI_REFUSED},
                {STATUS_REJECTED, {0}, REJECTION_RATE_LIMITED, CLI_REFUSED},
                {STATUS_REJECTED, {0}, REJECTION_CPU_BUDGET, CLI_REFUSED},
                {STATUS_REJECTED, {0}, REJECTION_QUARANTINED, CLI_REFUSED},
                {STATUS_REJECTED, {0}, REJECTION_EXPIRED, CLI_REFUSED},
                {STATUS_CANCELLED, {.cause = CAUSE_CANCELLED}, REJECTION_NONE, 130},
                {STATUS_ERROR, {.cause = CAUSE_INFRASTRUCTURE}, REJECTION_NONE, CLI_UNAVAILABLE},
};

static void test_every_ending_has_its_status(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
                struct result result = {
                                .status = ROWS[i].status, .termination = ROWS[i].termination, .rejection = {.reason = ROWS[i].reason}};
                assert_int_equal(summary_exit_status(&result), ROWS[i].exit_status);
        }
}

static void test_complaints_end_by_whose_fault_it_is(void **state)
{
        (void)state;
        struct error e;
        error_set(&e, ERROR_USAGE, "said on purpose");
        assert_int_equal(complain_error("test", &e, NULL), 125);
        error_set(&e, ERROR_CONFIG, "said on purpose");
        assert_int_equal(complain_error("test", &e, NULL), 125);
        error_set(&e, ERROR_DENIED, "said on purpose");
        assert_int_equal(complain_error("test", &e, NULL), 126);
        error_set(&e, ERROR_KAFKA, "said on purpose");
        assert_int_equal(complain_error("test", &e, NULL), 127);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_ending_has_its_status),
                        cmocka_unit_test(test_complaints_end_by_whose_fault_it_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
