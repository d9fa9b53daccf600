/* What is compiled once: its name, how long it is kept, and what a compiler's end makes of the job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/sandbox/compile.h"
#include "worker/sandbox/compile_key.h"

/* --- the key --- */

static const struct language language = {.file = "main.rs", .compile = {"rustc", "{file}"}, .env = {"A=1"}};

static struct job job_of(const char *agent, const char *code)
{
        return (struct job){.agent_id = (char *)agent, .has_code = true, .code = {.data = (uint8_t *)code, .size = strlen(code)}};
}

static void key_of(char ret_key[static SHA256_HEX_SIZE], const struct job *job, const struct language *of, const char *image)
{
        assert_int_equal(compile_key(ret_key, job, of, image), 0);
        assert_int_equal(strlen(ret_key), SHA256_HEX_SIZE - 1);
}

static void assert_other(const struct job *job, const struct language *of, const char *image)
{
        struct job base = job_of("a", "code");
        char key[SHA256_HEX_SIZE];
        char other[SHA256_HEX_SIZE];
        key_of(key, &base, &language, "image");
        key_of(other, job, of, image);
        assert_string_not_equal(key, other);
}

static void test_a_program_is_shared_by_what_is_alike_in_everything(void **state)
{
        (void)state;
        char first[SHA256_HEX_SIZE];
        char second[SHA256_HEX_SIZE];
        struct job job = job_of("a", "code");
        struct job later = job_of("a", "code");
        later.arg_count = 3; /* for the program alone */
        key_of(first, &job, &language, "image");
        key_of(second, &later, &language, "image");
        assert_string_equal(first, second);
}

static void test_agent_image_command_and_source_make_another_program(void **state)
{
        (void)state;
        struct job job = job_of("a", "code");
        struct job agent = job_of("b", "code");
        struct job source = job_of("a", "Code");
        struct language flags = language;
        struct language environment = language;
        flags.compile[2] = (char *)"-O";
        environment.env[0] = (char *)"A=2";
        assert_other(&agent, &language, "image");
        assert_other(&source, &language, "image");
        assert_other(&job, &language, "other");
        assert_other(&job, &flags, "image");
        assert_other(&job, &environment, "image");
}

static struct job job_of_files(struct job_file *files, const char *entry)
{
        return (struct job){.agent_id = (char *)"a", .files = files, .file_count = 2, .entrypoint = (char *)entry};
}

static struct job_file file_of(const char *path, const char *content)
{
        return (struct job_file){.path = (char *)path, .content = {.data = (uint8_t *)content, .size = strlen(content)}};
}

static void test_where_a_name_ends_and_content_begins_counts(void **state)
{
        (void)state;
        struct job_file files[] = {file_of("a", "b1"), file_of("c", "")};
        struct job_file others[] = {file_of("ab", "1"), file_of("c", "")};
        struct job job = job_of_files(files, "a");
        struct job other = job_of_files(others, "a");
        struct job entry = job_of_files(files, "c");
        char keys[3][SHA256_HEX_SIZE];
        key_of(keys[0], &job, &language, "image");
        key_of(keys[1], &other, &language, "image");
        key_of(keys[2], &entry, &language, "image");
        assert_string_not_equal(keys[0], keys[1]);
        assert_string_not_equal(keys[0], keys[2]);
}

/* --- the cache --- */

static char folder[64];

static int make_folder(void **state)
{
        (void)state;
        strcpy(folder, "/tmp/brig-test-XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        char command[96];
        (void)state;
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command); /* NOLINT(cert-env33-c): a fixed command */
}

static void keep(const struct compile_cache *cache, const char *key, const char *program)
{
        struct error e;
        if (compile_cache_keep(cache, key, span_of(program), &e) < 0)
                fail_msg("%s", e.text);
}

static bool has(const struct compile_cache *cache, const char *key, const char *program)
{
        struct bytes found = {0};
        bool there = compile_cache_find(cache, key, &found);
        if (there)
                assert_string_equal((char *)found.data, program);
        else
                assert_int_equal(found.size, 0);
        bytes_deinit(&found);
        return there;
}

/* Its last use lies this many seconds after the epoch. */
static void set_used(const char *key, time_t seconds)
{
        char path[128];
        struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
        snprintf(path, sizeof(path), "%s/compiled/%s", folder, key);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_what_is_kept_is_found_and_nobody_elses(void **state)
{
        (void)state;
        char path[128];
        struct stat status;
        const struct compile_cache cache = {folder, 4, 1000};
        assert_false(has(&cache, "k", ""));
        keep(&cache, "k", "program");
        keep(&cache, "k", "program");
        assert_true(has(&cache, "k", "program"));
        snprintf(path, sizeof(path), "%s/compiled/k", folder);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode, S_IFREG | 0600);
}

static void test_the_least_recently_used_gives_way_to_one_too_many(void **state)
{
        (void)state;
        const struct compile_cache cache = {folder, 2, 1000};
        keep(&cache, "a", "1");
        keep(&cache, "b", "2");
        set_used("a", 100);
        set_used("b", 200);
        assert_true(has(&cache, "a", "1")); /* used now */
        keep(&cache, "c", "3");
        assert_false(has(&cache, "b", "2"));
        assert_true(has(&cache, "a", "1") && has(&cache, "c", "3"));
}

static void test_bytes_are_bounded_too(void **state)
{
        (void)state;
        const struct compile_cache cache = {folder, 10, 8};
        keep(&cache, "a", "12345");
        set_used("a", 100);
        keep(&cache, "b", "123");
        assert_true(has(&cache, "a", "12345"));
        set_used("a", 100);
        keep(&cache, "c", "1");
        assert_false(has(&cache, "a", "12345"));
        assert_true(has(&cache, "b", "123") && has(&cache, "c", "1"));
        keep(&cache, "d", "123456789");
        assert_false(has(&cache, "d", ""));
}

static void test_a_cache_without_a_place_says_so(void **state)
{
        (void)state;
        struct error e;
        const struct compile_cache cache = {"/dev/null", 10, 8};
        assert_int_equal(compile_cache_keep(&cache, "a", span_of("1"), &e), -1);
        assert_int_equal(e.code, ERROR_SYSTEM);
        assert_false(has(&cache, "a", ""));
}

/* --- the end --- */

static void test_a_compiler_that_refuses_is_the_jobs_failure(void **state)
{
        (void)state;
        struct result result = {.status = STATUS_FAILED, .termination = {.cause = CAUSE_EXIT, .code = 101}};
        assert_int_equal(compile_conclude(&result, "no program"), 0);
        assert_int_equal(result.status, STATUS_FAILED);
        assert_int_equal(result.termination.cause, CAUSE_COMPILE_FAILED);
        assert_int_equal(result.termination.code, 101);
        assert_true(result.phase_compile);
        assert_int_equal(result.stderr_data.size, 0);
}

static void test_a_compiler_content_with_nothing_fails_too_and_why_is_said(void **state)
{
        (void)state;
        struct result result = {.status = STATUS_SUCCEEDED, .termination = {.cause = CAUSE_EXIT}};
        assert_int_equal(bytes_append_string(&result.stderr_data, "warning\n"), 0);
        result.stderr_bytes = 8;
        assert_int_equal(compile_conclude(&result, "no program"), 0);
        assert_int_equal(result.status, STATUS_FAILED);
        assert_int_equal(result.termination.cause, CAUSE_COMPILE_FAILED);
        assert_string_equal((char *)result.stderr_data.data, "warning\nbrig: no program\n");
        assert_int_equal(result.stderr_bytes, result.stderr_data.size);
        result_deinit(&result);
}

static void test_a_compiler_that_was_ended_keeps_its_cause(void **state)
{
        (void)state;
        static const struct {
                enum status status;
                enum cause cause;
        } ends[] = {{STATUS_KILLED, CAUSE_MEMORY},
                    {STATUS_KILLED, CAUSE_OUTPUT},
                    {STATUS_CANCELLED, CAUSE_CANCELLED},
                    {STATUS_FAILED, CAUSE_SIGNAL},
                    {STATUS_ERROR, CAUSE_INFRASTRUCTURE}};
        for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
                struct result result = {.status = ends[i].status, .termination = {.cause = ends[i].cause}};
                assert_int_equal(compile_conclude(&result, "no program"), 0);
                assert_int_equal(result.status, ends[i].status);
                assert_int_equal(result.termination.cause, ends[i].cause);
                assert_true(result.phase_compile);
                assert_int_equal(result.stderr_data.size, 0);
        }
}

static void test_only_what_the_kernel_can_execute_is_a_program(void **state)
{
        (void)state;
        assert_true(compile_made_program(span_of("\177ELF\2\1")));
        assert_false(compile_made_program(span_of("!<arch>\n")));
        assert_false(compile_made_program(span_of("\177ELF")));
        assert_false(compile_made_program((struct span){0}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_program_is_shared_by_what_is_alike_in_everything),
                        cmocka_unit_test(test_agent_image_command_and_source_make_another_program),
                        cmocka_unit_test(test_where_a_name_ends_and_content_begins_counts),
                        cmocka_unit_test_setup_teardown(test_what_is_kept_is_found_and_nobody_elses, make_folder, remove_folder),
                        cmocka_unit_test_setup_teardown(test_the_least_recently_used_gives_way_to_one_too_many, make_folder, remove_folder),
                        cmocka_unit_test_setup_teardown(test_bytes_are_bounded_too, make_folder, remove_folder),
                        cmocka_unit_test(test_a_cache_without_a_place_says_so),
                        cmocka_unit_test(test_a_compiler_that_refuses_is_the_jobs_failure),
                        cmocka_unit_test(test_a_compiler_content_with_nothing_fails_too_and_why_is_said),
                        cmocka_unit_test(test_a_compiler_that_was_ended_keeps_its_cause),
                        cmocka_unit_test(test_only_what_the_kernel_can_execute_is_a_program),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
