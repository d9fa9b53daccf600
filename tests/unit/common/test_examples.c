/* The parsers agree with the schemas about every example of schemas/examples (tests/integration/test_schemas.py checks the schemas). */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/job.h"
#include "common/json.h"
#include "common/result.h"

static const char *const languages[] = {"python", "node", "bash", "rust", "go"};
static const struct job_bounds bounds = {{300000, 0, 512 << 20, 1000, 50, 1 << 20}, languages, 5};

static struct bytes read_example(const char *folder, const char *name)
{
        struct bytes text = {0};
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        for (size_t size = 1; size; text.size += size) {
                assert_int_equal(bytes_reserve(&text, 4096), 0);
                size = fread(text.data + text.size, 1, 4096, file);
        }
        fclose(file);
        return text;
}

static void for_each_example(const char *kind, void (*check)(const char *name, struct span text))
{
        char folder[512];
        size_t count = 0;
        snprintf(folder, sizeof folder, BRIG_SOURCE_DIR "/schemas/examples/%s", kind);
        DIR *directory = opendir(folder);
        assert_non_null(directory);
        for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
                if (entry->d_name[0] == '.')
                        continue;
                struct bytes text = read_example(folder, entry->d_name);
                check(entry->d_name, bytes_span(&text));
                bytes_deinit(&text);
                count++;
        }
        closedir(directory);
        assert_true(count > 0);
}

static int parse(struct span text, struct rejection *ret_rejection)
{
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        struct job job;
        int status = job_parse(text, &bounds, &job, ret_rejection, job_id, agent_id);
        job_deinit(&job);
        return status;
}

static void check_accepted(const char *name, struct span text)
{
        struct rejection r;
        if (parse(text, &r) < 0)
                fail_msg("%s: %s", name, r.message);
}

static void check_refused(const char *name, struct span text)
{
        struct rejection r;
        if (parse(text, &r) == 0)
                fail_msg("%s was accepted", name);
        assert_int_equal(r.reason, REJECTION_INVALID);
        assert_true(*r.message);
}

static void check_result(const char *name, struct span text)
{
        struct result result;
        struct error e;
        json_t *record = json_document_parse(text, &e);
        if (!record || result_from_json(&result, record, &e) < 0)
                fail_msg("%s: %s", name, e.text);
        json_t *again = result_to_json(&result);
        if (!json_equal(record, again))
                fail_msg("%s is written otherwise than it was read", name);
        json_decref(again);
        json_decref(record);
        result_deinit(&result);
}

static void test_the_parser_accepts_the_valid_jobs(void **state)
{
        (void)state;
        for_each_example("valid/job", check_accepted);
}

static void test_the_parser_refuses_the_invalid_jobs(void **state)
{
        (void)state;
        for_each_example("invalid/job", check_refused);
        for_each_example("invalid/job-by-rule", check_refused);
}

static void test_results_are_written_as_they_were_read(void **state)
{
        (void)state;
        for_each_example("valid/result", check_result);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_the_parser_accepts_the_valid_jobs),
                        cmocka_unit_test(test_the_parser_refuses_the_invalid_jobs),
                        cmocka_unit_test(test_results_are_written_as_they_were_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
