#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/summary.h"

static const uint64_t NOW_MS = 1768012054123; /* 2026-01-10 02:27:34.123 UTC */

static struct summary summary_of(const struct result *result)
{
        return (struct summary){result, "test-001", RISK_HIGH, "python", "test.py", NOW_MS};
}

static struct result result_exited(int code)
{
        struct result r = {.status = code ? STATUS_FAILED : STATUS_SUCCEEDED, .duration_ms = 5400};
        r.termination = (struct termination){.cause = CAUSE_EXIT, .code = code};
        return r;
}

static char *block_of(const struct result *result)
{
        struct summary s = summary_of(result);
        struct bytes text = {0};
        assert_int_equal(summary_append(&text, &s), 0);
        return bytes_take(&text);
}

static void test_ordinary_block_is_exact(void **state)
{
        (void)state;
        struct result r = result_exited(0);
        char *text = block_of(&r);
        assert_string_equal(text, "=================================\n"
                                  "Execution Summary\n"
                                  "=================================\n"
                                  "Agent ID: test-001\n"
                                  "Risk Level: high\n"
                                  "Language: python\n"
                                  "Code File: test.py\n"
                                  "Exit Code: 0\n"
                                  "Duration: 5s\n"
                                  "Timestamp: 2026-01-10 02:27:34\n"
                                  "=================================\n");
        free(text);
}

static void test_killed_job_shows_its_cause(void **state)
{
        (void)state;
        struct result r = {.status = STATUS_KILLED};
        r.termination = (struct termination){.cause = CAUSE_MEMORY, .has_limit = true, .limit = 100, .observed = 101};
        char *text = block_of(&r);
        assert_non_null(strstr(text, "Exit Code: 137\n"));
        assert_non_null(strstr(text, "\nCause: memory (limit 100, observed 101)\nTimestamp: "));
        free(text);
}

static void test_exit_status_is_zero_only_for_succeeded(void **state)
{
        (void)state;
        for (int status = STATUS_SUCCEEDED; status < STATUS_COUNT; status++) {
                struct result r = {.status = (enum status)status};
                assert_int_equal(summary_exit_status(&r) == 0, status == STATUS_SUCCEEDED);
        }
        struct result signalled = {.status = STATUS_FAILED, .termination = {.cause = CAUSE_SIGNAL, .signal = 11}};
        assert_int_equal(summary_exit_status(&signalled), 139);
        struct result late = {.status = STATUS_KILLED, .termination = {.cause = CAUSE_WALL_TIMEOUT}};
        assert_int_equal(summary_exit_status(&late), 124);
        struct result invalid = {.status = STATUS_REJECTED, .rejection = {.reason = REJECTION_INVALID}};
        assert_int_equal(summary_exit_status(&invalid), 125);
        struct result denied = {.status = STATUS_REJECTED, .rejection = {.reason = REJECTION_DENIED}};
        assert_int_equal(summary_exit_status(&denied), 126);
}

static void test_log_name_is_one_safe_part(void **state)
{
        (void)state;
        struct result r = result_exited(0);
        struct summary s = summary_of(&r);
        char name[SUMMARY_LOG_NAME_SIZE];
        summary_log_name(&s, name);
        assert_string_equal(name, "high-risk_test-001_20260110T022734.123Z.log");
        s.agent_id = "../../etc/passwd";
        summary_log_name(&s, name);
        assert_null(strchr(name, '/'));
}

static void read_file(const char *path, char *ret_text, size_t size)
{
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, ret_text, size - 1);
        assert_true(n >= 0);
        ret_text[n] = 0;
        close(fd);
}

static void test_log_keeps_output_and_never_overwrites(void **state)
{
        (void)state;
        char root[] = "/tmp/brig-summary-XXXXXX", directory[128], first[PATH_MAX], second[PATH_MAX], content[1024];
        assert_non_null(mkdtemp(root));
        snprintf(directory, sizeof(directory), "%s/a/b", root);
        struct result r = result_exited(3);
        bytes_append_string(&r.stdout_data, "out");
        bytes_append_string(&r.stderr_data, "bad\n");
        struct summary s = summary_of(&r);
        struct bytes text = {0};
        struct error e;
        assert_int_equal(summary_append_log(&text, &s), 0);
        assert_int_equal(summary_log_write(directory, "x.log", bytes_span(&text), first, &e), 0);
        assert_int_equal(summary_log_write(directory, "x.log", bytes_span(&text), second, &e), 0);
        assert_string_not_equal(first, second);
        read_file(second, content, sizeof(content));
        assert_int_equal(strncmp(content, "out\nbad\n====", 12), 0);
        assert_non_null(strstr(content, "Exit Code: 3\n"));
        unlink(first), unlink(second), rmdir(directory);
        snprintf(directory, sizeof(directory), "%s/a", root);
        rmdir(directory), rmdir(root);
        bytes_deinit(&text), result_deinit(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_ordinary_block_is_exact),
                        cmocka_unit_test(test_killed_job_shows_its_cause),
                        cmocka_unit_test(test_exit_status_is_zero_only_for_succeeded),
                        cmocka_unit_test(test_log_name_is_one_safe_part),
                        cmocka_unit_test(test_log_keeps_output_and_never_overwrites),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
