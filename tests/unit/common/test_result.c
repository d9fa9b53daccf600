#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/audit.h"
#include "common/json.h"
#include "common/result.h"

#define ID "0b0e7a52-6f43-4a7e-9c0e-0d6f3c1f2a11"

static struct result full_result(void)
{
        struct result r = {.job_id = ID,
                           .agent_id = strdup("agent-1"),
                           .language = strdup("python"),
                           .status = STATUS_KILLED,
                           .termination = {.cause = CAUSE_MEMORY, .has_limit = true, .limit = 1 << 28, .observed = (1 << 28) - 4096},
                           .stdout_bytes = 7,
                           .stderr_bytes = 2,
                           .truncated = true,
                           .duration_ms = 1,
                           .queued_ms = 2,
                           .cpu_ms = 3,
                           .peak_memory_bytes = 4,
                           .has_risk = true,
                           .risk = RISK_HIGH,
                           .has_limits = true,
                           .limits = {{60000, 0, 1 << 27, 250, 5, 262144}, 4 << 20, "none", "high", "65534:65534"},
                           .limits_hit = {{"processes", 5, 6}},
                           .limit_hit_count = 1,
                           .image = "sha256:00",
                           .worker = "w1",
                           .attempt = 2,
                           .fence = 1768012054123000,
                           .started_at_ms = 1768012054123,
                           .finished_at_ms = 1768012055123};
        bytes_append_string(&r.stdout_data, "secret\n");
        bytes_append(&r.stderr_data, "\xFF\x00", 2);
        r.findings = calloc(1, sizeof *r.findings);
        r.findings[0] = (struct finding){"python.eval", "execution", "main.py", 3, 1, "eval(secret)", true};
        r.finding_count = 1;
        result_add_violation(&r, VIOLATION_ATTACK, "seccomp", "secret call", 1);
        r.artifacts = calloc(1, sizeof *r.artifacts);
        r.artifacts[0] = (struct artifact){strdup("a.png"), 3, "00"};
        r.artifact_count = 1;
        r.omitted = calloc(RESULT_OMITTED_MAX, sizeof *r.omitted);
        for (int i = 0; i < RESULT_OMITTED_MAX; i++)
                r.omitted[i] = (struct artifact_omitted){strdup("link"), "a link"};
        r.omitted_count = 40;
        r.metadata = json_pack("{s:i}", "n", 1);
        return r;
}

static void test_a_result_reads_back_as_it_was_written(void **state)
{
        struct result r = full_result(), back;
        struct error e;
        (void)state;
        json_t *record = result_to_json(&r);
        assert_int_equal(result_from_json(&back, record, &e), 0);
        json_t *again = result_to_json(&back);
        assert_true(json_equal(record, again));
        assert_string_equal(json_string_value(json_object_get(record, "stderr_encoding")), "base64");
        assert_null(json_object_get(record, "stdout_encoding"));
        assert_null(json_object_get(json_object_get(record, "limits"), "cpu_ms"));
        assert_string_equal(json_string_value(json_object_get(record, "phase")), "run");
        assert_int_equal(back.omitted_count, 40);
        json_decref(record);
        json_decref(again);
        result_deinit(&r);
        result_deinit(&back);
}

static void test_a_record_with_a_missing_or_wrong_field_is_refused_by_name(void **state)
{
        static const char *const needed[] = {"status", "stdout", "stdout_bytes", "truncated", "findings", "limits_hit"};
        struct result r = full_result(), back;
        struct error e;
        (void)state;
        json_t *record = result_to_json(&r);
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
                json_t *copy = json_deep_copy(record);
                json_object_set_new(copy, needed[i], json_null());
                assert_int_equal(result_from_json(&back, copy, &e), -1);
                assert_non_null(strstr(e.text, needed[i]));
                json_object_del(copy, needed[i]);
                assert_int_equal(result_from_json(&back, copy, &e), -1);
                json_decref(copy);
        }
        json_object_set_new(record, "from_a_later_version", json_true());
        assert_int_equal(result_from_json(&back, record, &e), 0);
        result_deinit(&back);
        json_decref(record);
        result_deinit(&r);
}

static void test_a_rejected_result_has_a_rejection_and_no_termination(void **state)
{
        struct rejection rejection = {0};
        struct result r, back;
        struct error e;
        (void)state;
        rejection_set(&rejection, REJECTION_INVALID, "code", NULL, NULL, "code is missing");
        assert_int_equal(result_init_rejected(&r, "", NULL, &rejection, NULL), 0);
        json_t *record = result_to_json(&r);
        assert_true(json_is_null(json_object_get(record, "job_id")));
        assert_null(json_object_get(record, "termination"));
        assert_null(json_object_get(record, "phase"));
        assert_int_equal(result_from_json(&back, record, &e), 0);
        assert_string_equal(back.rejection.key, "code");
        json_decref(record);
        result_deinit(&r);
        result_deinit(&back);
}

static void test_exit_code_zero_is_written(void **state)
{
        struct result r;
        (void)state;
        assert_int_equal(result_init_ended(&r, ID, "a", STATUS_SUCCEEDED, CAUSE_EXIT, "", NULL), 0);
        json_t *record = result_to_json(&r);
        assert_true(json_is_integer(json_object_get(json_object_get(record, "termination"), "code")));
        json_decref(record);
        result_deinit(&r);
}

static void test_violations_of_one_kind_are_counted_and_bounded(void **state)
{
        struct result r = {0};
        (void)state;
        for (int i = 0; i < 50; i++) {
                char rule[16];
                snprintf(rule, sizeof rule, "rule%d", i);
                assert_int_equal(result_add_violation(&r, VIOLATION_POLICY, rule, "d", 1), 0);
                assert_int_equal(result_add_violation(&r, VIOLATION_POLICY, "rule0", "d", 1), 0);
        }
        assert_int_equal(r.violation_count, RESULT_VIOLATIONS_MAX);
        assert_int_equal(r.violations[0].count, 51);
        result_deinit(&r);
}

static void test_an_audit_event_holds_sizes_and_hashes_and_no_content(void **state)
{
        struct result r = full_result();
        struct bytes text = {0};
        (void)state;
        json_t *event = audit_job_finished(&r, "brig-worker", 1768012054123);
        assert_int_equal(json_document_append(event, &text), 0);
        assert_null(strstr((char *)text.data, "secret"));
        assert_string_equal(json_string_value(json_object_get(event, "event")), "job.finished");
        assert_int_equal(json_integer_value(json_object_get(event, "stdout_bytes")), 7);
        assert_int_equal(json_string_length(json_object_get(event, "stdout_sha256")), 64);
        assert_null(json_object_get(event, "metadata"));
        assert_null(json_object_get(event, "stdout"));
        assert_null(json_object_get(event, "stderr"));
        json_decref(event);
        bytes_deinit(&text);
        result_deinit(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_result_reads_back_as_it_was_written),
                        cmocka_unit_test(test_a_record_with_a_missing_or_wrong_field_is_refused_by_name),
                        cmocka_unit_test(test_a_rejected_result_has_a_rejection_and_no_termination),
                        cmocka_unit_test(test_exit_code_zero_is_written),
                        cmocka_unit_test(test_violations_of_one_kind_are_counted_and_bounded),
                        cmocka_unit_test(test_an_audit_event_holds_sizes_and_hashes_and_no_content),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
