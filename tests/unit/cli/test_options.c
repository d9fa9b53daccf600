#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/options.h"

struct target {
        const char *name;
        bool loud;
        struct option_list words;
        uint64_t time_ms, count;
};

static const struct option_row ROWS[] = {
                {"name", OPTION_TEXT, offsetof(struct target, name), "TEXT", "a text"},
                {"loud", OPTION_SWITCH, offsetof(struct target, loud), NULL, "a switch"},
                {"word", OPTION_LIST, offsetof(struct target, words), "WORD", "a list"},
                {"time", OPTION_DURATION, offsetof(struct target, time_ms), "TIME", "a duration"},
                {"count", OPTION_COUNT, offsetof(struct target, count), "N", "a number"},
};

static const struct options OPTIONS = {"test", "test", "about", "examples", ROWS, sizeof ROWS / sizeof *ROWS};

enum { WORDS_MAX = 16 };

/* Splits `line` at spaces, as a shell would; argv[0] is the command. */
static int split(char *line, char *argv[static WORDS_MAX])
{
        int argc = 0;
        argv[argc++] = "test";
        for (char *word = strtok(line, " "); word && argc < WORDS_MAX - 1; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        return argc;
}

struct reading {
        char line[256];
        char *argv[WORDS_MAX];
        struct target target;
        struct operands operands;
        enum options_verdict verdict;
        struct error e;
        int failed;
};

static void read_line(struct reading *r, const char *line)
{
        *r = (struct reading){0};
        strncpy(r->line, line, sizeof r->line - 1);
        int argc = split(r->line, r->argv);
        r->failed = options_read(&OPTIONS, argc, r->argv, &r->target, &r->operands, &r->verdict, &r->e);
}

static void test_every_kind_is_read(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--name=x --loud --word a --word b --time 2m --count 7");
        assert_int_equal(r.failed, 0);
        assert_string_equal(r.target.name, "x");
        assert_true(r.target.loud);
        assert_int_equal(r.target.words.count, 2);
        assert_string_equal(r.target.words.items[1], "b");
        assert_int_equal(r.target.time_ms, 120000);
        assert_int_equal(r.target.count, 7);
}

static void test_operands_mix_with_options_until_the_dashes(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "file --loud -- --name -h");
        assert_int_equal(r.failed, 0);
        assert_null(r.target.name);
        assert_int_equal(r.operands.count, 3);
        assert_string_equal(r.operands.items[0], "file");
        assert_string_equal(r.operands.items[1], "--name");
        assert_string_equal(r.operands.items[2], "-h");
}

static void test_unknown_option_names_the_nearest(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--naem=secret");
        assert_int_equal(r.failed, -1);
        assert_int_equal(r.e.code, ERROR_USAGE);
        assert_non_null(strstr(r.e.text, "did you mean --name?"));
        read_line(&r, "--qqqqqqqq");
        assert_int_equal(r.failed, -1);
        assert_non_null(strstr(r.e.text, "see brig test --help"));
}

static void test_missing_and_needless_values_are_told_apart(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--name");
        assert_non_null(strstr(r.e.text, "--name: needs a value"));
        read_line(&r, "--loud=yes");
        assert_non_null(strstr(r.e.text, "--loud=yes: takes no value"));
}

static void test_abbreviations_are_taken_when_unambiguous(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--lo --na x");
        assert_int_equal(r.failed, 0);
        assert_true(r.target.loud);
        assert_string_equal(r.target.name, "x");
}

static void test_values_that_cannot_be_read_are_refused(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--time soon");
        assert_int_equal(r.failed, -1);
        assert_non_null(strstr(r.e.text, "'soon' is no duration"));
        read_line(&r, "--count 3x");
        assert_int_equal(r.failed, -1);
}

static void test_help_wins_over_what_follows(void **state)
{
        (void)state;
        struct reading r;
        read_line(&r, "--help --unknown");
        assert_int_equal(r.failed, 0);
        assert_int_equal(r.verdict, OPTIONS_HELP_WANTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_kind_is_read),
                        cmocka_unit_test(test_operands_mix_with_options_until_the_dashes),
                        cmocka_unit_test(test_unknown_option_names_the_nearest),
                        cmocka_unit_test(test_missing_and_needless_values_are_told_apart),
                        cmocka_unit_test(test_abbreviations_are_taken_when_unambiguous),
                        cmocka_unit_test(test_values_that_cannot_be_read_are_refused),
                        cmocka_unit_test(test_help_wins_over_what_follows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
