#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_refused(struct span text, const char *path, const char *why)
{
        char at[JSON_PATH_SIZE];
        struct error e;
        assert_null(json_document_parse_where(text, at, &e));
        assert_int_equal(e.code, ERROR_INVALID);
        assert_string_equal(at, path);
        assert_non_null(strstr(e.text, why));
}

static void test_what_is_not_one_strict_document_is_refused_with_its_place(void **state)
{
        (void)state;
        assert_refused((struct span){0}, "", "empty");
        assert_refused(span_of("{} {}"), "", "end of file expected");
        assert_refused(span_of("{\"a\":{\"b\":1,\"b\":2}}"), "a.b", "duplicate object key");
        assert_refused(span_of("{\"files\":[{},{\"path\":nul}]}"), "files[1].path", "invalid token");
        assert_refused(span_of("{\"a\":\"\xFF\"}"), "a", "unable to decode");
        assert_refused(span_of("{\"a\":\"\\u0000\"}"), "a", "\\u0000");
        assert_refused((struct span){(const uint8_t *)"{\"a\":\0001}", 8}, "a", "invalid token");
        assert_refused(span_of("{\"a\":9223372036854775808}"), "a", "too big");
        assert_refused(span_of("[1e999]"), "[0]", "overflow");
        assert_refused(span_of("\xEF\xBB\xBF{}"), "", "invalid token");
}

static void test_no_message_repeats_the_input(void **state)
{
        struct error e;
        (void)state;
        assert_null(json_document_parse(span_of("{\"code\": secretive}"), &e));
        assert_null(strstr(e.text, "secretive"));
}

static void test_deep_nesting_is_refused_before_it_is_parsed(void **state)
{
        char text[20000];
        (void)state;
        memset(text, '[', 10000);
        memset(text + 10000, ']', 10000);
        assert_refused((struct span){(const uint8_t *)text, sizeof text}, "", "deeper than 64");
        struct error e;
        json_t *value = json_document_parse((struct span){(const uint8_t *)text + 10000 - 64, 128}, &e);
        assert_non_null(value);
        json_decref(value);
}

static void round_trip(struct span data, bool base64)
{
        struct bytes back = {0};
        json_t *object = json_object();
        assert_int_equal(json_set_data(object, "stdout", "stdout_encoding", data), 0);
        assert_int_equal(json_object_get(object, "stdout_encoding") != NULL, base64);
        assert_int_equal(json_get_data(object, "stdout", "stdout_encoding", &back), 0);
        assert_true(span_equal(bytes_span(&back), data));
        bytes_deinit(&back);
        json_decref(object);
}

static void test_data_is_text_when_it_can_be_and_is_not_longer_so(void **state)
{
        (void)state;
        round_trip((struct span){0}, false);
        round_trip(span_of("hello\n\"w\xC3\xB6rld\""), false);
        round_trip(span_of("\xFF\xFE"), true);
        round_trip((struct span){(const uint8_t *)"a\0b", 3}, true);
        round_trip(span_of("\"\"\"\"\"\"\"\"\"\"\"\""), true);
        round_trip(span_of("\x01\x01\x01\x01"), true);
}

static void test_unclean_text_is_made_clean(void **state)
{
        (void)state;
        json_t *text = json_text((struct span){(const uint8_t *)"a\xFF"
                                                                "b\0c",
                                               5});
        assert_string_equal(json_string_value(text), "a\xEF\xBF\xBD"
                                                     "b\xEF\xBF\xBD"
                                                     "c");
        json_decref(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_is_not_one_strict_document_is_refused_with_its_place),
                        cmocka_unit_test(test_no_message_repeats_the_input),
                        cmocka_unit_test(test_deep_nesting_is_refused_before_it_is_parsed),
                        cmocka_unit_test(test_data_is_text_when_it_can_be_and_is_not_longer_so),
                        cmocka_unit_test(test_unclean_text_is_made_clean),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
