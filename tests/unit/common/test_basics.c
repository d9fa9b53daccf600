#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/nearest.h"
#include "common/rejection.h"
#include "common/risk.h"
#include "common/state.h"

static void test_an_error_keeps_its_code_through_wrapping(void **state)
{
        struct error e;
        (void)state;
        assert_int_equal(error_set_sys(&e, ERROR_SYSTEM, EACCES, "open %s", "/x"), -1);
        assert_string_equal(e.text, "open /x: Permission denied");
        error_wrap(&e, "slot %d", 3);
        assert_string_equal(e.text, "slot 3: open /x: Permission denied");
        assert_int_equal(e.code, ERROR_SYSTEM);
        assert_int_equal(e.sys, EACCES);
        assert_string_equal(error_name(e.code), "system");
        assert_int_equal(error_fate(ERROR_INVALID), ERROR_FATE_REJECT);
}

static void test_an_error_is_cut_between_characters(void **state)
{
        struct error e;
        char text[400] = "x";
        (void)state;
        for (size_t i = 1; i + 2 < sizeof text; i += 2)
                memcpy(text + i, "\xC3\xA9", 3);
        error_set(&e, ERROR_INVALID, "%s", text);
        assert_int_equal(strlen(e.text), 239);
        error_set(&e, ERROR_INVALID, "y%s", text);
        assert_int_equal(strlen(e.text), 238);
}

static void test_bytes_grow_consume_and_stay_ended(void **state)
{
        struct bytes b = {0};
        (void)state;
        for (int i = 0; i < 1000; i++)
                assert_int_equal(bytes_append_format(&b, "%d,", i % 10), 0);
        assert_int_equal(b.size, 2000);
        bytes_consume(&b, 1996);
        assert_string_equal((char *)b.data, "8,9,");
        bytes_consume(&b, 99);
        assert_int_equal(b.size, 0);
        assert_int_equal(bytes_reserve(&b, SIZE_MAX), -1);
        bytes_append_string(&b, "kept");
        char *text = bytes_take(&b);
        assert_string_equal(text, "kept");
        assert_null(b.data);
        free(text);
}

static void test_spans_become_numbers_only_when_they_are_one(void **state)
{
        uint64_t u;
        int64_t i;
        (void)state;
        assert_true(span_to_u64(span_of("18446744073709551615"), &u) && u == UINT64_MAX);
        assert_false(span_to_u64(span_of("18446744073709551616"), &u));
        assert_false(span_to_u64(span_of(""), &u) || span_to_u64(span_of("1 "), &u) || span_to_u64(span_of("+1"), &u));
        assert_true(span_to_i64(span_of("-9223372036854775808"), &i) && i == INT64_MIN);
        assert_false(span_to_i64(span_of("9223372036854775808"), &i) || span_to_i64(span_of("-"), &i));
}

static void test_times_are_written_and_read(void **state)
{
        static const char *const bad[] = {"",
                                          "2026-01-10",
                                          "2026-01-10T02:27:34",
                                          "2026-13-10T02:27:34Z",
                                          "2026-02-29T02:27:34Z",
                                          "2026-01-10T24:00:00Z",
                                          "2026-01-10T02:27:34.Z",
                                          "2026-01-10T02:27:34Zx",
                                          "1969-01-10T02:27:34Z",
                                          "2026-01-10T02:27:34+2:00"};
        char text[CLOCK_RFC3339_SIZE];
        uint64_t ms;
        (void)state;
        clock_format_rfc3339(1768012054123, text);
        assert_string_equal(text, "2026-01-10T02:27:34.123Z");
        assert_int_equal(clock_parse_rfc3339(text, &ms), 0);
        assert_int_equal(ms, 1768012054123);
        assert_int_equal(clock_parse_rfc3339("2026-01-10T04:27:34.1239+02:00", &ms), 0);
        assert_int_equal(ms, 1768012054123);
        assert_int_equal(clock_parse_rfc3339("2024-02-29t00:00:00z", &ms), 0);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(clock_parse_rfc3339(bad[i], &ms), -1);
}

static void test_the_nearest_name_is_near(void **state)
{
        static const char *const known[] = {"python", "node", "bash", "rust", "go", "limits.memory_bytes"};
        (void)state;
        assert_string_equal(nearest_name(span_of("pyhton"), known, 6), "python");
        assert_string_equal(nearest_name(span_of("python3"), known, 6), "python");
        assert_string_equal(nearest_name(span_of("limits.memory_byte"), known, 6), "limits.memory_bytes");
        assert_null(nearest_name(span_of("fortran"), known, 6));
        assert_null(nearest_name(span_of(""), known, 6));
}

static void test_risks_and_limits_merge(void **state)
{
        enum risk risk;
        struct limits defaults = {1, 2, 3, 4, 5, 6}, asked = {10, 20, 30, 40, 50, 60};
        (void)state;
        assert_true(risk_parse(span_of("high"), &risk) && risk == RISK_HIGH);
        assert_false(risk_parse(span_of("High"), &risk));
        struct limits merged = limits_merge(&defaults, &asked, LIMIT_MEMORY | LIMIT_CPUS);
        assert_memory_equal(&merged, (&(struct limits){1, 2, 30, 40, 5, 6}), sizeof merged);
}

static void test_a_state_moves_only_as_its_table_says(void **state)
{
        static const struct state states[] = {{"idle", 1 << 1}, {"busy", 1 << 0}};
        struct state_machine m = {states, 2, 0};
        (void)state;
        assert_true(state_move(&m, 1));
        assert_string_equal(state_name(&m), "busy");
#ifdef NDEBUG
        assert_false(state_move(&m, 1));
        assert_string_equal(state_name(&m), "busy");
#endif
}

static void test_a_log_line_is_one_json_object(void **state)
{
        int ends[2];
        char line[512] = "";
        struct clock clock = clock_virtual(1768012054123);
        (void)state;
        assert_int_equal(pipe(ends), 0);
        struct log log = {"brig-test", LOG_INFO, &clock, ends[1]};
        log_event(&log, LOG_DEBUG, "unseen");
        log_event(&log, LOG_INFO, "job \xFF finished", LOG_TEXT("job_id", NULL), LOG_NUMBER("duration_ms", 7));
        ssize_t size = read(ends[0], line, sizeof line - 1);
        assert_true(size > 0);
        assert_string_equal(line, "{\"time\":\"2026-01-10T02:27:34.123Z\",\"level\":\"info\",\"program\":\"brig-test\","
                                  "\"message\":\"job \xEF\xBF\xBD finished\",\"job_id\":null,\"duration_ms\":7}\n");
        close(ends[0]);
        close(ends[1]);
}

static void test_a_rejection_round_trips(void **state)
{
        struct rejection r = {0}, back;
        (void)state;
        assert_int_equal(rejection_set(&r, REJECTION_INVALID, "limits.cpus", "1.5", "2", "limits.%s is too large", "cpus"), -1);
        r.retry_after_ms = 12;
        json_t *object = rejection_to_json(&r);
        assert_true(json_is_real(json_object_get(object, "value")));
        assert_null(json_object_get(object, "nearest"));
        assert_int_equal(rejection_from_json(&back, object), 0);
        assert_memory_equal(&r, &back, sizeof r);
        json_decref(object);
        assert_int_equal(rejection_from_json(&back, NULL), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_an_error_keeps_its_code_through_wrapping),
                        cmocka_unit_test(test_an_error_is_cut_between_characters),
                        cmocka_unit_test(test_bytes_grow_consume_and_stay_ended),
                        cmocka_unit_test(test_spans_become_numbers_only_when_they_are_one),
                        cmocka_unit_test(test_times_are_written_and_read),
                        cmocka_unit_test(test_the_nearest_name_is_near),
                        cmocka_unit_test(test_risks_and_limits_merge),
                        cmocka_unit_test(test_a_state_moves_only_as_its_table_says),
                        cmocka_unit_test(test_a_log_line_is_one_json_object),
                        cmocka_unit_test(test_a_rejection_round_trips),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
