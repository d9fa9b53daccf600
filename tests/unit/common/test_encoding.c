#include "common/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_utf8_refuses_surrogates_over_long_forms_and_unfinished_characters(void **state)
{
        static const char *const good[] = {
                        "", "abc", "h\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "0123456789\xC3\xA9", "\xF4\x8F\xBF\xBF"};
        static const char *const bad[] = {
                        "\x80", "\xC0\x80",         "\xC1\xBF",          "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82", "\xF0\x80\x80\x80",
                        "\xFF", "\xF4\x90\x80\x80", "0123456789abc\xC3", "\xF5\x80\x80", "\xC3(",        "\xE2\x82z"};
        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                assert_true(utf8_valid(span_of(good[i])));
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_false(utf8_valid(span_of(bad[i])));
}

static void test_a_cut_never_splits_a_character(void **state)
{
        (void)state;
        struct span s = span_of("a\xE2\x82\xAC"
                                "b");
        assert_int_equal(utf8_cut(s, 0), 0);
        assert_int_equal(utf8_cut(s, 1), 1);
        assert_int_equal(utf8_cut(s, 2), 1);
        assert_int_equal(utf8_cut(s, 3), 1);
        assert_int_equal(utf8_cut(s, 4), 4);
        assert_int_equal(utf8_cut(s, 99), 5);
        assert_int_equal(utf8_cut(span_of("\xFF\xFF\xFF"), 2), 2);
        char text[4];
        utf8_copy(text, sizeof text, s);
        assert_string_equal(text, "a");
}

static void test_base64_round_trips_and_refuses_what_is_none(void **state)
{
        static const char *const bad[] = {"a", "ab", "abc", "=abc", "ab=c", "ab c", "abcd\n", "====", "YQ==YQ==", "YQ-_"};
        struct bytes text = {0}, back = {0};
        uint8_t data[700000];
        (void)state;
        for (size_t i = 0; i < sizeof data; i++)
                data[i] = (uint8_t)(i * 31 + i / 251);
        for (size_t size = 0; size < 9; size++) {
                bytes_clear(&text), bytes_clear(&back);
                assert_int_equal(base64_append(&text, (struct span){data, size}), 0);
                assert_int_equal(base64_decode(bytes_span(&text), &back), 0);
                assert_true(span_equal(bytes_span(&back), (struct span){data, size}));
        }
        bytes_clear(&text), bytes_clear(&back);
        assert_int_equal(base64_append(&text, (struct span){data, sizeof data}), 0);
        assert_int_equal(base64_decode(bytes_span(&text), &back), 0);
        assert_true(span_equal(bytes_span(&back), (struct span){data, sizeof data}));
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(base64_decode(span_of(bad[i]), &back), -1);
        bytes_deinit(&text);
        bytes_deinit(&back);
}

static void test_sha256_is_the_known_digest(void **state)
{
        char hex[SHA256_HEX_SIZE];
        (void)state;
        sha256_hex(span_of("abc"), hex);
        assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        sha256_hex((struct span){0}, hex);
        assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_file_names_are_one_safe_part_and_stay_distinct(void **state)
{
        char name[FILE_NAME_SIZE], other[FILE_NAME_SIZE], longest[300];
        (void)state;
        file_name_encode(span_of("../a b"), name);
        assert_string_equal(name, "%2E.%2Fa%20b");
        file_name_encode(span_of(""), name);
        assert_string_equal(name, "%");
        memset(longest, '/', sizeof longest - 1);
        longest[sizeof longest - 1] = 0;
        file_name_encode(span_of(longest), name);
        longest[298] = 'x';
        file_name_encode(span_of(longest), other);
        assert_true(strlen(name) <= 150);
        assert_string_not_equal(name, other);
}

static void test_uuids(void **state)
{
        char id[UUID_TEXT_SIZE];
        (void)state;
        uuid_make(id);
        assert_true(uuid_valid(span_of(id)));
        assert_true(uuid_valid(span_of("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")));
        assert_false(uuid_valid(span_of("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1")));
        assert_false(uuid_valid(span_of("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g")));
        assert_false(uuid_valid(span_of("a0eebc99x9c0b-4ef8-bb6d-6bb9bd380a11")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_utf8_refuses_surrogates_over_long_forms_and_unfinished_characters),
                        cmocka_unit_test(test_a_cut_never_splits_a_character),
                        cmocka_unit_test(test_base64_round_trips_and_refuses_what_is_none),
                        cmocka_unit_test(test_sha256_is_the_known_digest),
                        cmocka_unit_test(test_file_names_are_one_safe_part_and_stay_distinct),
                        cmocka_unit_test(test_uuids),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
