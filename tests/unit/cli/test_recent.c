#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/cli/recent.h"

/* What recent_print writes to standard output. */
static void printed(struct recent *recent, char ret_text[static 256])
{
        FILE *file = tmpfile();
        int kept = dup(STDOUT_FILENO);
        fflush(stdout);
        dup2(fileno(file), STDOUT_FILENO);
        recent_print(recent);
        fflush(stdout);
        dup2(kept, STDOUT_FILENO);
        close(kept);
        rewind(file);
        ret_text[fread(ret_text, 1, 255, file)] = 0;
        fclose(file);
}

static void test_the_newest_are_kept_in_order(void **state)
{
        (void)state;
        struct recent recent = {.keep = 2};
        char text[256];
        const int64_t times[] = {5, 9, 1, 7, 3, 8, 2};
        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                char line[16];
                snprintf(line, sizeof line, "line %d", (int)times[i]);
                assert_int_equal(recent_add(&recent, times[i], strdup(line)), 0);
        }
        printed(&recent, text);
        assert_string_equal(text, "line 8\nline 9\n");
        recent_deinit(&recent);
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
        (void)state;
        struct recent recent = {.keep = 5};
        char text[256];
        recent_add(&recent, 1, strdup("a\x1b[2Jb\rc\n"));
        printed(&recent, text);
        assert_string_equal(text, "a?[2Jb?c?\n");
        recent_deinit(&recent);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_the_newest_are_kept_in_order),
                        cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
