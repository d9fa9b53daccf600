#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "clients/cli/job_options.h"
#include "common/job.h"

static char code_path[] = "/tmp/brig-code-XXXXXX.py";

static int write_code(void **state)
{
        (void)state;
        int fd = mkstemps(code_path, 3);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "print(1)\n", 9), 9);
        return close(fd);
}

static int remove_code(void **state)
{
        (void)state;
        return unlink(code_path);
}

static struct config *config_with_two_languages(void)
{
        static struct config config;
        config = (struct config){.language_count = 2};
        config.languages[0] = (struct language){.name = "bash", .file = "main.sh"};
        config.languages[1] = (struct language){.name = "python", .file = "main.py"};
        config.language_names[0] = "bash";
        config.language_names[1] = "python";
        return &config;
}

/* The record as an object; NULL and *ret_error when it was refused. */
static json_t *record_of(const struct job_options *options, struct operands operands, struct error *ret_error)
{
        struct bytes text = {0};
        json_t *record = NULL;
        *ret_error = (struct error){0};
        if (job_options_record(options, &operands, config_with_two_languages(), &text, ret_error) == 0)
                record = json_loadb((const char *)text.data, text.size, 0, NULL);
        bytes_deinit(&text);
        return record;
}

static const char *text_at(const json_t *record, const char *key)
{
        return json_string_value(json_object_get(record, key));
}

static json_int_t limit_at(const json_t *record, const char *key)
{
        return json_integer_value(json_object_get(json_object_get(record, "limits"), key));
}

static void test_options_become_a_record(void **state)
{
        (void)state;
        struct error e;
        struct job_options o = {.code = code_path,
                                .risk_level = "medium",
                                .agent_id = "test-001",
                                .timeout = "300",
                                .memory = "512m",
                                .cpus = "1.0"};
        o.env = (struct option_list){{"A=1=2"}, 1};
        char *arguments[] = {"--width", "800"};
        json_t *record = record_of(&o, (struct operands){arguments, 2}, &e);
        assert_non_null(record);
        assert_string_equal(text_at(record, "language"), "python");
        assert_string_equal(text_at(record, "code"), "print(1)\n");
        assert_string_equal(text_at(record, "agent_id"), "test-001");
        assert_string_equal(text_at(json_object_get(record, "env"), "A"), "1=2");
        assert_string_equal(json_string_value(json_array_get(json_object_get(record, "args"), 1)), "800");
        assert_int_equal(limit_at(record, "timeout_ms"), 300000);
        assert_int_equal(limit_at(record, "memory_bytes"), 512 << 20);
        assert_true(json_real_value(json_object_get(json_object_get(record, "limits"), "cpus")) == 1.0);
        assert_true(uuid_valid(span_of(text_at(record, "job_id"))));
        json_decref(record);
}

static void test_record_is_one_that_job_parse_takes(void **state)
{
        (void)state;
        struct error e;
        struct bytes text = {0};
        struct job job;
        struct rejection rejection = {0};
        struct job_options o = {
                        .code = code_path, .risk_level = "high", .memory = "64m", .artifacts = {{"*.png"}, 1}, .metadata = "{\"a\":1}"};
        struct operands none = {0};
        struct config *config = config_with_two_languages();
        struct job_bounds bounds = {
                        .maximum = {300000, 0, 1 << 30, 1000, 50, 1 << 20}, .languages = config->language_names, .language_count = 2};
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        assert_int_equal(job_options_record(&o, &none, config, &text, &e), 0);
        assert_int_equal(job_parse(bytes_span(&text), &bounds, &job, &rejection, job_id, agent_id), 0);
        assert_int_equal(job.risk, RISK_HIGH);
        assert_int_equal(job.limits.memory_bytes, 64 << 20);
        assert_int_equal(job.limits_named, LIMIT_MEMORY);
        job_deinit(&job);
        bytes_deinit(&text);
}

static void test_first_operand_names_the_program(void **state)
{
        (void)state;
        struct error e;
        struct job_options o = {0};
        char *operands[] = {code_path, "one"};
        json_t *record = record_of(&o, (struct operands){operands, 2}, &e);
        assert_non_null(record);
        assert_string_equal(text_at(record, "code"), "print(1)\n");
        assert_int_equal(json_array_size(json_object_get(record, "args")), 1);
        json_decref(record);
}

static void assert_refused(const struct job_options *o, enum error_code code, const char *because)
{
        struct error e;
        json_t *record = record_of(o, (struct operands){0}, &e);
        assert_null(record);
        assert_int_equal(e.code, code);
        if (!strstr(e.text, because))
                fail_msg("'%s' does not say '%s'", e.text, because);
}

static void test_values_without_sense_are_refused(void **state)
{
        (void)state;
        assert_refused(&(struct job_options){0}, ERROR_USAGE, "nothing to run");
        assert_refused(&(struct job_options){.code = "/nonexistent/x.py"}, ERROR_USAGE, "/nonexistent/x.py");
        assert_refused(&(struct job_options){.code = "/etc/hostname"}, ERROR_USAGE, "--language");
        assert_refused(&(struct job_options){.code = code_path, .memory = "much"}, ERROR_USAGE, "--memory: cannot read 'much'");
        assert_refused(&(struct job_options){.code = code_path, .timeout = "-1"}, ERROR_USAGE, "--timeout");
        assert_refused(&(struct job_options){.code = code_path, .env = {{"NOVALUE"}, 1}}, ERROR_USAGE, "NAME=VALUE");
        assert_refused(&(struct job_options){.code = code_path, .agent_id = "\xff"}, ERROR_INVALID, "agent_id: is not UTF-8");
        assert_refused(&(struct job_options){.code = code_path, .metadata = "{"}, ERROR_INVALID, "--metadata");
        assert_refused(&(struct job_options){.code = "-", .language = "bash", .stdin_file = "-"}, ERROR_USAGE, "both");
}

static void test_whole_record_takes_no_other_options(void **state)
{
        (void)state;
        assert_refused(&(struct job_options){.job_file = code_path, .memory = "1m"}, ERROR_USAGE, "--job is a whole record");
}

static void test_code_that_is_no_text_goes_as_a_file(void **state)
{
        (void)state;
        struct error e;
        struct job_options o = {.code = "/proc/self/exe", .language = "python"};
        char path[] = "/tmp/brig-binary-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, "a\0\xff", 3), 3);
        close(fd);
        o.code = path;
        json_t *record = record_of(&o, (struct operands){0}, &e);
        unlink(path);
        assert_non_null(record);
        assert_null(json_object_get(record, "code"));
        assert_string_equal(text_at(record, "entrypoint"), "main.py");
        assert_string_equal(text_at(json_array_get(json_object_get(record, "files"), 0), "encoding"), "base64");
        json_decref(record);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_options_become_a_record),
                        cmocka_unit_test(test_record_is_one_that_job_parse_takes),
                        cmocka_unit_test(test_first_operand_names_the_program),
                        cmocka_unit_test(test_values_without_sense_are_refused),
                        cmocka_unit_test(test_whole_record_takes_no_other_options),
                        cmocka_unit_test(test_code_that_is_no_text_goes_as_a_file),
        };
        return cmocka_run_group_tests(tests, write_code, remove_code);
}
