#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "worker/report.h"

enum { SENDS_MAX = 2 };

struct fake_sink {
        struct kafka_send *sends[SENDS_MAX];
        int32_t partitions[SENDS_MAX];
        size_t sizes[SENDS_MAX];
        size_t count;
        size_t refuse_at; /* the send of this number, from 1, is refused */
};

struct outcome {
        unsigned calls;
        int64_t offset;
        enum error_code code;
};

static bool sink_ready(void *data)
{
        (void)data;
        return true;
}

static int sink_send(void *data, struct kafka_send *send, struct error *e)
{
        struct fake_sink *sink = data;
        if (sink->count + 1 == sink->refuse_at)
                return error_set(e, ERROR_KAFKA, "refused");
        sink->sizes[sink->count] = send->value.size;
        sink->partitions[sink->count] = send->partition;
        sink->sends[sink->count++] = send;
        return 0;
}

static void reported(struct report *report, int64_t offset, const struct error *e)
{
        struct outcome *outcome = report->data;
        *outcome = (struct outcome){outcome->calls + 1, offset, e ? e->code : ERROR_NONE};
}

static char worker_name[] = "w";
static char agent_id[] = "agent";

static struct ports ports_to(struct fake_sink *sink, struct config *config)
{
        config->worker_name = worker_name;
        return (struct ports){.config = config,
                              .clock = &clock_system,
                              .topics = kafka_topics_named("brig"),
                              .sink = {sink_ready, sink_send, sink}};
}

static struct result result_of(void)
{
        return (struct result){.job_id = "00000000-0000-4000-8000-000000000000", .agent_id = agent_id, .attempt = 1, .fence = 7};
}

static int start(struct report *report, const struct ports *ports, struct outcome *outcome)
{
        struct error e;
        struct result result = result_of();
        return report_start(report, ports, &result, (struct report_origin){3, 42}, reported, outcome, &e);
}

static void acknowledge(struct fake_sink *sink, size_t index, int64_t offset, const struct error *e)
{
        sink->sends[index]->done(sink->sends[index], sink->partitions[index], offset, e);
}

static void test_report_is_done_when_both_are_acknowledged(void **state)
{
        struct fake_sink sink = {0};
        struct config config = {0};
        struct ports ports = ports_to(&sink, &config);
        struct report report;
        struct outcome outcome = {0};
        (void)state;
        assert_int_equal(start(&report, &ports, &outcome), 0);
        assert_int_equal(sink.partitions[0], 3);
        assert_int_equal(sink.partitions[1], -1);
        acknowledge(&sink, 0, 99, NULL);
        assert_int_equal(outcome.calls, 0);
        acknowledge(&sink, 1, 5, NULL);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.offset, 99);
        assert_int_equal(outcome.code, ERROR_NONE);
}

static void test_failure_of_one_is_told_after_the_other(void **state)
{
        struct fake_sink sink = {0};
        struct config config = {0};
        struct ports ports = ports_to(&sink, &config);
        struct report report;
        struct outcome outcome = {0};
        struct error e;
        (void)state;
        error_set(&e, ERROR_INVALID, "too large");
        assert_int_equal(start(&report, &ports, &outcome), 0);
        acknowledge(&sink, 0, -1, &e);
        assert_int_equal(outcome.calls, 0);
        acknowledge(&sink, 1, 5, NULL);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.code, ERROR_INVALID);
}

static void test_refused_event_is_told_after_the_record(void **state)
{
        struct fake_sink sink = {.refuse_at = 2};
        struct config config = {0};
        struct ports ports = ports_to(&sink, &config);
        struct report report;
        struct outcome outcome = {0};
        (void)state;
        assert_int_equal(start(&report, &ports, &outcome), 0);
        acknowledge(&sink, 0, 99, NULL);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.code, ERROR_KAFKA);
}

static void test_refused_record_starts_nothing(void **state)
{
        struct fake_sink sink = {.refuse_at = 1};
        struct config config = {0};
        struct ports ports = ports_to(&sink, &config);
        struct report report;
        struct outcome outcome = {0};
        (void)state;
        assert_int_equal(start(&report, &ports, &outcome), -1);
        assert_int_equal(sink.count, 0);
        assert_int_equal(outcome.calls, 0);
}

/* The worst a job can do: text that JSON makes longest, and every list full. */
static void test_largest_result_fits_a_topic_of_its_bound(void **state)
{
        enum { RECORD_BYTES = 1 << 20 };
        struct fake_sink sink = {0};
        struct config config = {0};
        struct ports ports = ports_to(&sink, &config);
        struct report report;
        struct outcome outcome = {0};
        struct error e;
        struct result result = result_of();
        uint64_t output_bytes = report_output_bytes_max(RECORD_BYTES);
        (void)state;
        assert_true(output_bytes > 256 << 10);
        for (uint64_t i = 0; i < output_bytes; i++) {
                bytes_append(&result.stdout_data, "\x01", 1);
                bytes_append(&result.stderr_data, "\xff", 1);
        }
        result.findings = calloc(RESULT_FINDINGS_MAX, sizeof *result.findings);
        result.finding_count = RESULT_FINDINGS_MAX;
        for (size_t i = 0; i < RESULT_FINDINGS_MAX; i++)
                memset(result.findings[i].excerpt, 1, sizeof result.findings[i].excerpt - 1);
        assert_int_equal(report_start(&report, &ports, &result, (struct report_origin){0, 0}, reported, &outcome, &e), 0);
        assert_in_range(sink.sizes[0], 2 * output_bytes, RECORD_BYTES);
        result.agent_id = NULL;
        result_deinit(&result);
}

static void test_topic_too_small_for_any_output_leaves_none(void **state)
{
        (void)state;
        assert_int_equal(report_output_bytes_max(1000), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_report_is_done_when_both_are_acknowledged),
                        cmocka_unit_test(test_failure_of_one_is_told_after_the_other),
                        cmocka_unit_test(test_refused_event_is_told_after_the_record),
                        cmocka_unit_test(test_refused_record_starts_nothing),
                        cmocka_unit_test(test_largest_result_fits_a_topic_of_its_bound),
                        cmocka_unit_test(test_topic_too_small_for_any_output_leaves_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
