#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dispatcher/intake.h"
#include "dispatcher/partition.h"

#define ID "\"job_id\":\"00000000-0000-4000-8000-000000000001\""

static char python[] = "python", image[] = "brig/python";

static struct config test_config(void)
{
        struct config config = {.language_count = 1};
        config.maximum = (struct limits){
                        .timeout_ms = 300000, .memory_bytes = 1 << 29, .cpu_millis = 1000, .processes = 50, .output_bytes = 1 << 20};
        config.languages[0] = (struct language){.name = python, .image = image};
        config.language_names[0] = python;
        return config;
}

static enum intake_verdict open_text(struct intake *intake, const char *text)
{
        struct config config = test_config();
        struct kafka_record record = {.topic = "brig.jobs", .value = span_of(text)};
        return intake_open(intake, &config, &record);
}

static void test_a_good_record_is_a_job(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(open_text(&intake, "{" ID ",\"agent_id\":\"ada\",\"language\":\"python\",\"code\":\"\"}"), INTAKE_JOB);
        assert_string_equal(intake.job.agent_id, "ada");
        intake_close(&intake);
}

static void test_bytes_without_an_id_are_nobodys(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(open_text(&intake, "{"), INTAKE_NOBODYS);
        assert_true(intake.dead_letter);
        intake_close(&intake);
}

static void test_an_id_without_an_agent_is_nobodys(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(open_text(&intake, "{" ID ",\"language\":\"python\",\"code\":\"\"}"), INTAKE_NOBODYS);
        intake_close(&intake);
}

static void test_an_invalid_record_with_ids_is_answered(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(open_text(&intake, "{" ID ",\"agent_id\":\"ada\",\"language\":\"pyton\",\"code\":\"\"}"), INTAKE_REFUSED);
        assert_int_equal(intake.rejection.reason, REJECTION_INVALID);
        assert_true(intake.dead_letter);
        intake_close(&intake);
}

static void test_a_denied_image_is_no_dead_letter_and_keeps_the_metadata(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(
                        open_text(&intake,
                                  "{" ID
                                  ",\"agent_id\":\"ada\",\"language\":\"python\",\"code\":\"\",\"image\":\"evil\",\"metadata\":{\"n\":1}}"),
                        INTAKE_REFUSED);
        assert_int_equal(intake.rejection.reason, REJECTION_DENIED);
        assert_string_equal(intake.rejection.key, "image");
        assert_false(intake.dead_letter);
        assert_non_null(intake.job.metadata);
        intake_close(&intake);
}

static void test_commit_metadata_is_read_back(void **state)
{
        char text[PARTITION_METADATA_SIZE];
        (void)state;
        partition_metadata(INT64_C(1234567890123), text);
        assert_string_equal(text, "r=1234567890123");
        assert_int_equal(partition_metadata_parse(text), INT64_C(1234567890123));
}

static void test_metadata_of_others_means_a_replay_of_everything(void **state)
{
        static const char *const texts[] = {NULL, "", "r=", "r=-4", "r=12x", "x=12"};
        (void)state;
        for (size_t n = 0; n < sizeof texts / sizeof texts[0]; n++)
                assert_int_equal(partition_metadata_parse(texts[n]), 0);
}

static enum intake_verdict open_expiring(struct intake *intake, const char *expires_at)
{
        char text[256];
        struct config config = test_config();
        config.dedupe_ms = 86400000;
        snprintf(text, sizeof text, "{" ID ",\"agent_id\":\"ada\",\"language\":\"python\",\"code\":\"\",\"expires_at\":\"%s\"}",
                 expires_at);
        struct kafka_record record = {.topic = "brig.jobs", .value = span_of(text), .timestamp_ms = INT64_C(1767225600000)};
        return intake_open(intake, &config, &record);
}

static void test_a_wait_longer_than_results_are_remembered_is_refused_not_cut(void **state)
{
        struct intake intake;
        (void)state;
        assert_int_equal(open_expiring(&intake, "2026-01-02T00:00:00Z"), INTAKE_JOB);
        intake_close(&intake);
        assert_int_equal(open_expiring(&intake, "2026-01-02T00:00:01Z"), INTAKE_REFUSED);
        assert_int_equal(intake.rejection.reason, REJECTION_INVALID);
        assert_string_equal(intake.rejection.key, "expires_at");
        assert_string_equal(intake.rejection.value, "2026-01-02T00:00:00.000Z");
        assert_string_equal(intake.rejection.observed, "2026-01-02T00:00:01.000Z");
        assert_false(intake.dead_letter);
        intake_close(&intake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_good_record_is_a_job),
                        cmocka_unit_test(test_bytes_without_an_id_are_nobodys),
                        cmocka_unit_test(test_an_id_without_an_agent_is_nobodys),
                        cmocka_unit_test(test_an_invalid_record_with_ids_is_answered),
                        cmocka_unit_test(test_a_denied_image_is_no_dead_letter_and_keeps_the_metadata),
                        cmocka_unit_test(test_commit_metadata_is_read_back),
                        cmocka_unit_test(test_metadata_of_others_means_a_replay_of_everything),
                        cmocka_unit_test(test_a_wait_longer_than_results_are_remembered_is_refused_not_cut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
