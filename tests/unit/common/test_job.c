#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/job.h"
#include "common/json.h"

#define ID "0b0e7a52-6f43-4a7e-9c0e-0d6f3c1f2a11"
#define HEAD "\"job_id\":\"" ID "\",\"agent_id\":\"agent-1\",\"language\":\"python\""

static const char *const languages[] = {"python", "node", "bash", "rust", "go"};
static const struct job_bounds bounds = {{300000, 0, 512 << 20, 1000, 50, 1 << 20}, languages, 5};

static int parse(struct span record, struct job *job, struct rejection *r)
{
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        return job_parse(record, &bounds, job, r, job_id, agent_id);
}

static void assert_round_trip(const char *text)
{
        struct job job, again;
        struct rejection r;
        struct bytes first = {0}, second = {0};
        assert_int_equal(parse(span_of(text), &job, &r), 0);
        json_t *object = job_to_json(&job);
        assert_int_equal(json_document_append(object, &first), 0);
        json_decref(object);
        assert_int_equal(parse(bytes_span(&first), &again, &r), 0);
        object = job_to_json(&again);
        assert_int_equal(json_document_append(object, &second), 0);
        assert_string_equal((char *)first.data, (char *)second.data);
        json_decref(object);
        job_deinit(&job);
        job_deinit(&again);
        bytes_deinit(&first);
        bytes_deinit(&second);
}

static void test_good_jobs_are_read_and_written_back_alike(void **state)
{
        (void)state;
        assert_round_trip("{" HEAD ",\"code\":\"\"}");
        assert_round_trip("{" HEAD
                          ",\"code\":\"print(1)\",\"args\":[\"a\",\"\"],\"stdin\":\"x\",\"env\":{\"A_1\":\"\"},\"risk_level\":\"high\","
                          "\"limits\":{\"timeout_ms\":300000,\"cpu_ms\":9,\"memory_bytes\":536870912,\"cpus\":0.25,\"processes\":1,"
                          "\"output_bytes\":0},\"image\":\"brig/python:1\",\"artifacts\":[\"**/*.png\"],\"on_limit\":\"defer\","
                          "\"expires_at\":\"2026-01-10T02:27:34.123Z\",\"metadata\":{\"a\":[1,1.5,null]}}");
        assert_round_trip("{" HEAD ",\"files\":[{\"path\":\"a/b.py\",\"content\":\"x\"},{\"path\":\"c\",\"content\":\"/wA=\","
                          "\"encoding\":\"base64\"}],\"entrypoint\":\"a/b.py\"}");
}

struct refusal {
        const char *members; /* after the ids and the language */
        const char *key, *value, *observed, *nearest;
};

static void assert_refusal(const char *record, const struct refusal *expected)
{
        struct job job;
        struct rejection r;
        assert_int_equal(parse(span_of(record), &job, &r), -1);
        assert_int_equal(r.reason, REJECTION_INVALID);
        assert_string_equal(r.key, expected->key);
        assert_string_equal(r.value, expected->value);
        assert_string_equal(r.observed, expected->observed);
        assert_string_equal(r.nearest, expected->nearest);
        assert_non_null(strstr(r.message, *expected->key ? expected->key : "record"));
        assert_non_null(strstr(r.message, expected->value));
        assert_non_null(strstr(r.message, expected->nearest));
}

static void test_each_refusal_names_key_value_observed_and_nearest(void **state)
{
        static const struct refusal refusals[] = {
                        {"\"code\":1", "code", "a string", "an integer", ""},
                        {"\"code\":\"\",\"limit\":{}", "limit", "", "", "limits"},
                        {"\"code\":\"\",\"limits\":{\"memory_byte\":1}", "limits.memory_byte", "", "", "limits.memory_bytes"},
                        {"\"code\":\"\",\"limits\":{\"memory_bytes\":1073741824}", "limits.memory_bytes", "536870912", "1073741824", ""},
                        {"\"code\":\"\",\"limits\":{\"memory_bytes\":1}", "limits.memory_bytes", "8388608", "1", ""},
                        {"\"code\":\"\",\"limits\":{\"timeout_ms\":300001}", "limits.timeout_ms", "300000", "300001", ""},
                        {"\"code\":\"\",\"limits\":{\"timeout_ms\":-5}", "limits.timeout_ms", "1", "-5", ""},
                        {"\"code\":\"\",\"limits\":{\"timeout_ms\":1.5}", "limits.timeout_ms", "an integer", "a number", ""},
                        {"\"code\":\"\",\"limits\":{\"timeout_ms\":\"1s\"}", "limits.timeout_ms", "an integer", "a string", ""},
                        {"\"code\":\"\",\"limits\":{\"cpus\":1.5}", "limits.cpus", "1", "1.5", ""},
                        {"\"code\":\"\",\"limits\":{\"cpus\":0}", "limits.cpus", "0.01", "0", ""},
                        {"\"code\":\"\",\"limits\":{\"processes\":51}", "limits.processes", "50", "51", ""},
                        {"\"code\":\"\",\"limits\":[]", "limits", "an object", "an array", ""},
                        {"\"code\":\"\",\"risk_level\":\"hihg\"", "risk_level", "", "hihg", "high"},
                        {"\"code\":\"\",\"on_limit\":\"wait\"", "on_limit", "", "wait", ""},
                        {"\"code\":\"\",\"expires_at\":\"tomorrow\"", "expires_at", "", "tomorrow", ""},
                        {"\"code\":\"\",\"image\":\"a b\"", "image", "", "a b", ""},
                        {"\"code\":\"\",\"metadata\":[]", "metadata", "an object", "an array", ""},
                        {"\"code\":\"\",\"env\":{\"1A\":\"\"}", "env.1A", "", "1A", ""},
                        {"\"code\":\"\",\"env\":{\"A\":null}", "env.A", "a string", "null", ""},
                        {"\"code\":\"\",\"args\":[\"a\",true]", "args[1]", "a string", "a boolean", ""},
                        {"\"code\":\"\",\"artifacts\":[\"/etc/*\"]", "artifacts[0]", "", "/etc/*", ""},
                        {"\"code\":\"\",\"artifacts\":[\"*\",\"../*\"]", "artifacts[1]", "", "../*", ""},
                        {"\"stdin\":\"\"", "code", "", "", ""},
                        {"\"code\":\"\",\"code\":\"\"", "code", "", "", ""},
                        {"\"code\":\"\",\"limits\":{\"cpus\":1,\"cpus\":1}", "limits.cpus", "", "", ""},
                        {"\"code\":\"\",\"metadata\":{\"n\":9223372036854775808}", "metadata.n", "", "", ""},
                        {"\"code\":\"a\\u0000b\"", "code", "", "", ""},
                        {"\"code\":\"\\ud800\"", "code", "", "", ""},
                        {"\"code\":\"\xFF\"", "code", "", "", ""},
                        {"\"code\":\"\",\"files\":[{\"path\":\"a\",\"content\":\"\"}]", "files", "", "", ""},
                        {"\"files\":[]", "files", "", "0", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\"}]", "entrypoint", "", "", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\"}],\"entrypoint\":\"b\"", "entrypoint", "", "b", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\"},{\"path\":\"b\"}]", "files[1].content", "", "", ""},
                        {"\"files\":[{\"content\":\"\"}]", "files[0].path", "", "", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"!\",\"encoding\":\"base64\"}]", "files[0].content", "", "", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\",\"encoding\":\"base46\"}]", "files[0].encoding", "", "base46",
                         "base64"},
                        {"\"files\":[{\"path\":\"a\",\"contents\":\"\"}]", "files[0].contents", "", "", "files[0].content"},
                        {"\"files\":[{\"path\":\"\",\"content\":\"\"}]", "files[0].path", "", "", ""},
                        {"\"files\":[{\"path\":\"/a\",\"content\":\"\"}]", "files[0].path", "", "/a", ""},
                        {"\"files\":[{\"path\":\"a/\",\"content\":\"\"}]", "files[0].path", "", "a/", ""},
                        {"\"files\":[{\"path\":\"a//b\",\"content\":\"\"}]", "files[0].path", "", "a//b", ""},
                        {"\"files\":[{\"path\":\"./a\",\"content\":\"\"}]", "files[0].path", "", "./a", ""},
                        {"\"files\":[{\"path\":\"a/../b\",\"content\":\"\"}]", "files[0].path", "", "a/../b", ""},
                        {"\"files\":[{\"path\":\"..\",\"content\":\"\"}]", "files[0].path", "", "..", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\"},{\"path\":\"a\",\"content\":\"\"}]", "files[1].path", "", "a", ""},
                        {"\"files\":[{\"path\":\"a\",\"content\":\"\"},{\"path\":\"a/b\",\"content\":\"\"}]", "files[1].path", "", "a/b",
                         ""},
                        {"\"files\":[{\"path\":\"a/b\",\"content\":\"\"},{\"path\":\"a\",\"content\":\"\"}]", "files[1].path", "", "a", ""},
                        {"\"files\":[7]", "files[0]", "an object", "an integer", ""},
        };
        (void)state;
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                struct bytes record = {0};
                bytes_append_format(&record, "{" HEAD ",%s}", refusals[i].members);
                assert_refusal((char *)record.data, &refusals[i]);
                bytes_deinit(&record);
        }
}

static void test_a_refused_path_is_told_which_rule_it_breaks(void **state)
{
        static const struct {
                const char *path, *rule;
        } paths[] = {{"/a", "must be relative"}, {"a//b", "empty segment"}, {"a/..", "segment \".\" or \"..\""}, {"", "must not be empty"}};
        (void)state;
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct bytes record = {0};
                struct job job;
                struct rejection r;
                bytes_append_format(&record, "{" HEAD ",\"code\":\"\",\"artifacts\":[\"%s\"]}", paths[i].path);
                assert_int_equal(parse(bytes_span(&record), &job, &r), -1);
                assert_non_null(strstr(r.message, paths[i].rule));
                bytes_deinit(&record);
        }
}

static void test_ids_and_language_are_refused_by_name(void **state)
{
        static const struct refusal refusals[] = {
                        {"", "", "", "", ""},
                        {"nonsense", "", "", "", ""},
                        {"[]", "", "an object", "an array", ""},
                        {"{}", "job_id", "", "", ""},
                        {"{\"job_id\":\"7\"}", "job_id", "", "7", ""},
                        {"{\"job_id\":\"" ID "\"}", "agent_id", "", "", ""},
                        {"{\"job_id\":\"" ID "\",\"agent_id\":\"\"}", "agent_id", "", "", ""},
                        {"{\"job_id\":\"" ID "\",\"agent_id\":\"a\\u0085\"}", "agent_id", "", "", ""},
                        {"{\"job_id\":\"" ID "\",\"agent_id\":\"a\"}", "language", "", "", ""},
                        {"{\"job_id\":\"" ID "\",\"agent_id\":\"a\",\"language\":\"pyhton\"}", "language", "", "pyhton", "python"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                struct job job;
                struct rejection r;
                assert_int_equal(parse(span_of(refusals[i].members), &job, &r), -1);
                assert_int_equal(r.reason, REJECTION_INVALID);
                assert_string_equal(r.key, refusals[i].key);
                assert_string_equal(r.observed, refusals[i].observed);
                assert_string_equal(r.nearest, refusals[i].nearest);
        }
}

/* A record of HEAD, `before`, `count` times `unit`, `after`. */
static struct bytes repeated(const char *before, const char *unit, size_t count, const char *after)
{
        struct bytes record = {0};
        bytes_append_format(&record, "{" HEAD ",\"code\":\"\",%s", before);
        for (size_t i = 0; i < count; i++)
                bytes_append_string(&record, unit);
        bytes_append_format(&record, "%s}", after);
        return record;
}

static void assert_bound(const char *before, const char *unit, size_t most, const char *after, const char *key)
{
        for (size_t count = most; count <= most + 1; count++) {
                struct bytes record = repeated(before, unit, count, after);
                struct job job;
                struct rejection r;
                int status = parse(bytes_span(&record), &job, &r);
                assert_int_equal(status, count > most ? -1 : 0);
                assert_string_equal(r.key, count > most ? key : "");
                job_deinit(&job);
                bytes_deinit(&record);
        }
}

static void test_sizes_are_bounded_exactly(void **state)
{
        (void)state;
        assert_bound("\"args\":[", "\"\",", 255, "\"\"]", "args");
        assert_bound("\"args\":[\"", "x", 64 << 10, "\"]", "args[0]");
        assert_bound("\"artifacts\":[", "\"a\",", 31, "\"a\"]", "artifacts");
        assert_bound("\"artifacts\":[\"", "x", 255, "\"]", "artifacts[0]");
        assert_bound("\"artifacts\":[\"", "xxx/", 255, "xxx\"]", "artifacts[0]");
        assert_bound("\"metadata\":{\"a\":\"", "x", (16 << 10) - 8, "\"}", "metadata");
        assert_bound("\"env\":{\"A\":\"", "x", (64 << 10) - 2, "\"}", "env.A");
}

static void test_args_and_env_together_are_bounded(void **state)
{
        struct bytes arg = {0};
        struct job job;
        struct rejection r;
        (void)state;
        bytes_append_string(&arg, "\"");
        for (int i = 0; i < 60000; i++)
                bytes_append_string(&arg, "x");
        bytes_append_string(&arg, "\",");
        struct bytes record = repeated("\"args\":[", (char *)arg.data, 18, "\"\"]");
        assert_int_equal(parse(bytes_span(&record), &job, &r), -1);
        assert_string_equal(r.value, "1048576");
        bytes_deinit(&arg);
        bytes_deinit(&record);
}

static void test_a_huge_or_deep_record_is_refused_at_once(void **state)
{
        struct job job;
        struct rejection r;
        size_t size = 10 << 20;
        uint8_t *data = calloc(1, size);
        (void)state;
        assert_int_equal(parse((struct span){data, size}, &job, &r), -1);
        assert_string_equal(r.observed, "10485760");
        assert_string_equal(r.value, "4194304");
        memset(data, '[', 10000);
        assert_int_equal(parse((struct span){data, 10000}, &job, &r), -1);
        assert_non_null(strstr(r.message, "nested deeper than 64"));
        assert_int_equal(parse((struct span){data + 10000, 10000}, &job, &r), -1);
        free(data);
}

static void test_ids_are_told_even_of_a_job_that_is_refused(void **state)
{
        static const char *const records[] = {"{" HEAD ",\"x\":1}", "{" HEAD ",\"code\":\"\",\"code\":\"\"}",
                                              "{" HEAD ",\"metadata\":{\"n\":99999999999999999999}}"};
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        struct job job;
        struct rejection r;
        (void)state;
        for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
                assert_int_equal(job_parse(span_of(records[i]), &bounds, &job, &r, job_id, agent_id), -1);
                assert_string_equal(job_id, ID);
                assert_string_equal(agent_id, "agent-1");
                assert_null(job.agent_id);
        }
}

static void test_long_names_are_cut_between_characters(void **state)
{
        static const char *const forms[] = {"{" HEAD ",\"%s\":1}", "{" HEAD ",\"code\":\"\",\"env\":{\"%s\":\"\"}}",
                                            "{" HEAD ",\"code\":\"\",\"on_limit\":\"%s\"}"};
        char name[302] = "";
        (void)state;
        for (size_t i = 0; i < 300; i += 2)
                memcpy(name + i, "\xC3\xA9", 3);
        for (size_t i = 0; i < 2 * sizeof forms / sizeof *forms; i++) {
                struct bytes record = {0};
                struct job job;
                struct rejection r;
                char shifted[304];
                snprintf(shifted, sizeof shifted, "%s%s", i % 2 ? "x" : "", name);
                bytes_append_format(&record, forms[i / 2], shifted);
                assert_int_equal(parse(bytes_span(&record), &job, &r), -1);
                assert_true(utf8_valid(span_of(r.message)) && utf8_valid(span_of(r.key)) && utf8_valid(span_of(r.observed)));
                bytes_deinit(&record);
        }
}

static void test_an_agent_id_counts_characters(void **state)
{
        struct bytes id = {0};
        (void)state;
        for (int i = 0; i < 129; i++) {
                struct bytes record = {0};
                struct job job;
                struct rejection r;
                bytes_append_string(&id, "\xF0\x9F\x98\x80");
                bytes_append_format(&record, "{\"job_id\":\"" ID "\",\"agent_id\":\"%s\",\"language\":\"go\",\"code\":\"\"}",
                                    (char *)id.data);
                assert_int_equal(parse(bytes_span(&record), &job, &r), i < 128 ? 0 : -1);
                job_deinit(&job);
                bytes_deinit(&record);
        }
        bytes_deinit(&id);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_good_jobs_are_read_and_written_back_alike),
                        cmocka_unit_test(test_each_refusal_names_key_value_observed_and_nearest),
                        cmocka_unit_test(test_a_refused_path_is_told_which_rule_it_breaks),
                        cmocka_unit_test(test_ids_and_language_are_refused_by_name),
                        cmocka_unit_test(test_sizes_are_bounded_exactly),
                        cmocka_unit_test(test_args_and_env_together_are_bounded),
                        cmocka_unit_test(test_a_huge_or_deep_record_is_refused_at_once),
                        cmocka_unit_test(test_ids_are_told_even_of_a_job_that_is_refused),
                        cmocka_unit_test(test_long_names_are_cut_between_characters),
                        cmocka_unit_test(test_an_agent_id_counts_characters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
