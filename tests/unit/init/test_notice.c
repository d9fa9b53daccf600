#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/init/notice.h"

/* Sizes of the lines that came out of a text, one after the other. */
static size_t lines_of(struct notice *n, const char *text, size_t *ret_last)
{
        size_t count = 0;
        for (; *text; text++) {
                size_t size = notice_add(n, *text);
                if (size)
                        *ret_last = size;
                count += size != 0;
        }
        return count;
}

static void test_lines_are_cut_at_their_ends_and_empty_ones_dropped(void **state)
{
        (void)state;
        struct notice n = {0};
        size_t last = 0;
        assert_int_equal(lines_of(&n, "one\n\n\ntwo", &last), 1);
        assert_int_equal(last, 3);
        assert_int_equal(lines_of(&n, "!\n", &last), 1);
        assert_int_equal(last, 4);
        assert_memory_equal(n.line, "two!", 4);
}

static void test_a_long_line_is_cut_and_the_next_one_is_whole(void **state)
{
        (void)state;
        struct notice n = {0};
        size_t last = 0;
        for (size_t i = 0; i < (size_t)10 * FRAME_NOTICE_BYTES_MAX; i++)
                assert_int_equal(notice_add(&n, 'x'), 0);
        assert_int_equal(notice_add(&n, '\n'), FRAME_NOTICE_BYTES_MAX);
        assert_int_equal(lines_of(&n, "next\n", &last), 1);
        assert_int_equal(last, 4);
}

static void test_only_so_many_lines_come_out(void **state)
{
        (void)state;
        struct notice n = {0};
        size_t last, count = 0;
        for (size_t i = 0; i < (size_t)3 * FRAME_NOTICES_MAX; i++)
                count += lines_of(&n, "line\n", &last);
        assert_int_equal(count, FRAME_NOTICES_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_lines_are_cut_at_their_ends_and_empty_ones_dropped),
                        cmocka_unit_test(test_a_long_line_is_cut_and_the_next_one_is_whole),
                        cmocka_unit_test(test_only_so_many_lines_come_out),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
