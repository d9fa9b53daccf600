#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/init/glob.h"

struct glob_case {
        const char *pattern, *path;
        bool matches;
};

static void check(const struct glob_case *cases, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (glob_match(cases[i].pattern, cases[i].path) != cases[i].matches)
                        fail_msg("%s against %s: %d expected", cases[i].pattern, cases[i].path, cases[i].matches);
        }
}

#define CHECK(...)                                                                                                                         \
        do {                                                                                                                               \
                const struct glob_case cases[] = {__VA_ARGS__};                                                                            \
                check(cases, sizeof cases / sizeof cases[0]);                                                                              \
        } while (0)

static void test_a_star_stays_within_one_name(void **state)
{
        (void)state;
        CHECK({"*", "a", true}, {"*", "a/b", false}, {"*.txt", "a.txt", true}, {"*.txt", "a.txt2", false}, {"a*c", "ac", true},
              {"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-b-b-", false}, {"*/*", "a/b", true}, {"*/*", "a", false}, {"a", "a/b", false},
              {"a/b", "a", false}, {"**x", "abx", true});
}

static void test_two_stars_are_any_number_of_folders(void **state)
{
        (void)state;
        CHECK({"**", "a", true}, {"**", "a/b/c", true}, {"**/c", "c", true}, {"**/c", "a/b/c", true}, {"**/c", "a/b/d", false},
              {"a/**/c", "a/c", true}, {"a/**/c", "a/x/y/c", true}, {"a/**/c", "b/c", false}, {"a/**", "a", false}, {"a/**", "a/b", true},
              {"**/b/**/d", "a/b/c/b/d", true}, {"**/b/*", "b/b/c", true}, {"**/**", "a/b", true}, {"**/*.c", "x/y.c", true});
}

static void test_hidden_names_match_only_by_their_own_point(void **state)
{
        (void)state;
        CHECK({"*", ".a", false}, {".*", ".a", true}, {"?a", ".a", false}, {"[.]a", ".a", false}, {"**", ".a/b", false},
              {"**/b", ".a/b", false}, {".a/**", ".a/b", true}, {"**", "a/.b", false}, {"a.b", "a.b", true});
}

static void test_sets_and_single_characters(void **state)
{
        (void)state;
        CHECK({"?", "a", true}, {"?", "ab", false}, {"?", "\xC3\xA4", true}, {"??", "\xC3\xA4", false}, {"[a-c]x", "bx", true},
              {"[a-c]x", "dx", false}, {"[!a-c]x", "dx", true}, {"[^a]", "a", false}, {"[]]", "]", true}, {"[a", "[a", true},
              {"[", "[", true}, {"[a-]", "-", true}, {"[\xC3\xA4-\xC3\xBC]", "\xC3\xB6", true}, {"[!\xC3\xA4]", "\xC3\xA4", false},
              {"[a/b]", "a/b", false}, {"a\\*", "a\\x", true});
}

static void test_names_that_are_not_utf8_can_still_match(void **state)
{
        (void)state;
        CHECK({"*.txt", "bad\xFF.txt", true}, {"?", "\xFF", true}, {"*", "\xF0\x80", true});
}

/* `unit` so many times, then `end`. */
static void repeat(char *ret_text, const char *unit, size_t times, char end)
{
        size_t size = strlen(unit);
        for (size_t i = 0; i < times; i++)
                memcpy(ret_text + i * size, unit, size);
        ret_text[times * size] = end;
        ret_text[times * size + 1] = '\0';
}

static void test_patterns_made_to_explode_end_soon(void **state)
{
        (void)state;
        char pattern[1024], path[1024];
        repeat(pattern, "**/*a*/", 100, 'b');
        repeat(path, "aa/", 250, 'c');
        assert_false(glob_match(pattern, path));
        repeat(pattern, "*", 500, 'b');
        repeat(path, "a", 1000, 'a');
        assert_false(glob_match(pattern, path));
}

static void test_only_a_last_segment_of_two_stars_ends_in_any(void **state)
{
        (void)state;
        assert_true(glob_ends_in_any("**"));
        assert_true(glob_ends_in_any("a/**"));
        assert_false(glob_ends_in_any("**/a"));
        assert_false(glob_ends_in_any("a**"));
        assert_false(glob_ends_in_any(""));
}

static void test_utf8_is_judged_by_its_rfc(void **state)
{
        (void)state;
        const char *good[] = {"", "a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"};
        const char *bad[] = {"\x80",  "\xC3",    "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80",
                             "a\xFF", "\xE2\x82"};
        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                assert_true(glob_utf8_valid(good[i]));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_false(glob_utf8_valid(bad[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_star_stays_within_one_name),
                        cmocka_unit_test(test_two_stars_are_any_number_of_folders),
                        cmocka_unit_test(test_hidden_names_match_only_by_their_own_point),
                        cmocka_unit_test(test_sets_and_single_characters),
                        cmocka_unit_test(test_names_that_are_not_utf8_can_still_match),
                        cmocka_unit_test(test_patterns_made_to_explode_end_soon),
                        cmocka_unit_test(test_only_a_last_segment_of_two_stars_ends_in_any),
                        cmocka_unit_test(test_utf8_is_judged_by_its_rfc),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
