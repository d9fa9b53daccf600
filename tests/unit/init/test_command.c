#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "worker/init/command.h"

static int setup(void **state)
{
        static struct command command;
        char *image_environment[] = {"PATH=/bin", "HOSTNAME=secret", "HOME=/root", "HOSTNAMES=kept", NULL};
        assert_true(command_init(&command, image_environment));
        *state = &command;
        return 0;
}

static int teardown(void **state)
{
        struct command *c = *state;
        return munmap(c->arena, FRAME_COMMAND_BYTES_MAX);
}

static bool take(struct command *c, enum frame_type type, const void *payload, size_t size)
{
        struct frame frame = {.type = type, .payload = payload, .size = size};
        return command_take(c, &frame);
}

static bool take_text(struct command *c, enum frame_type type, const char *text)
{
        return take(c, type, text, strlen(text));
}

static void test_the_image_s_environment_stays_but_for_the_host_name(void **state)
{
        struct command *c = *state;
        assert_int_equal(c->environment_count, 3);
        assert_string_equal(c->environment[0], "PATH=/bin");
        assert_string_equal(c->environment[2], "HOSTNAMES=kept");
        assert_null(c->environment[3]);
}

static void test_a_variable_replaces_the_one_of_its_name(void **state)
{
        struct command *c = *state;
        assert_true(take_text(c, FRAME_ENVIRONMENT, "HOME=/work"));
        assert_true(take_text(c, FRAME_ENVIRONMENT, "HOMES=x"));
        assert_int_equal(c->environment_count, 4);
        assert_string_equal(c->environment[1], "HOME=/work");
        assert_false(take_text(c, FRAME_ENVIRONMENT, "no value"));
}

static void test_arguments_come_in_order_and_are_bounded(void **state)
{
        struct command *c = *state;
        assert_true(take_text(c, FRAME_ARGUMENT, "/bin/echo"));
        for (size_t i = 1; i < COMMAND_ARGUMENTS_MAX; i++)
                assert_true(take_text(c, FRAME_ARGUMENT, ""));
        assert_false(take_text(c, FRAME_ARGUMENT, "one too many"));
        assert_string_equal(c->arguments[0], "/bin/echo");
        assert_null(c->arguments[COMMAND_ARGUMENTS_MAX]);
}

static void test_a_nul_inside_and_too_many_bytes_are_refused(void **state)
{
        struct command *c = *state;
        static char large[FRAME_PAYLOAD_MAX];
        memset(large, 'x', sizeof large);
        assert_false(take(c, FRAME_ARGUMENT, "a\0b", 3));
        size_t fit = 0;
        while (take(c, FRAME_ARGUMENT, large, sizeof large))
                fit++;
        assert_int_equal(fit, FRAME_COMMAND_BYTES_MAX / FRAME_PAYLOAD_MAX - 1);
        assert_true(c->arena_used <= FRAME_COMMAND_BYTES_MAX);
}

static void test_globs_are_cut_at_their_nuls_and_bounded(void **state)
{
        struct command *c = *state;
        uint8_t payload[FRAME_FIXED_MAX + 2 * FRAME_GLOBS_MAX + 2];
        struct frame_artifacts bounds = {.files_max = 3, .file_bytes_max = 4, .total_bytes_max = 5};
        size_t head = frame_encode_artifacts(payload, &bounds, 0) - FRAME_HEADER_BYTES;
        memmove(payload, payload + FRAME_HEADER_BYTES, head);
        memcpy(payload + head, "*.txt\0**/b", 11);
        assert_true(take(c, FRAME_ARTIFACTS, payload, head + 11));
        assert_int_equal(c->glob_count, 2);
        assert_string_equal(c->globs[1], "**/b");
        assert_int_equal(c->artifacts.total_bytes_max, 5);
        assert_false(take(c, FRAME_ARTIFACTS, payload, head + 10)); /* its last NUL is missing */
        for (size_t i = 0; i <= FRAME_GLOBS_MAX; i++)
                memcpy(payload + head + i * 2, "a", 2);
        assert_false(take(c, FRAME_ARTIFACTS, payload, head + (size_t)2 * (FRAME_GLOBS_MAX + 1)));
}

static void test_a_command_needs_an_argument_and_its_fields(void **state)
{
        struct command *c = *state;
        uint8_t payload[16] = {022, 0, 0, 0, 1, 0, 0, 0, '/', 'x'};
        assert_false(take(c, FRAME_COMMAND, payload, 10));
        assert_true(take_text(c, FRAME_ARGUMENT, "/bin/true"));
        assert_false(take(c, FRAME_COMMAND, payload, 7));
        assert_true(take(c, FRAME_COMMAND, payload, 10));
        assert_string_equal(c->directory, "/x");
        assert_int_equal(c->options.umask, 022);
        assert_int_equal(c->options.policy_pipe, 1);
        assert_false(take(c, FRAME_START, NULL, 0));
        assert_false(take(c, FRAME_STDOUT, "x", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_the_image_s_environment_stays_but_for_the_host_name),
                        TEST(test_a_variable_replaces_the_one_of_its_name),
                        TEST(test_arguments_come_in_order_and_are_bounded),
                        TEST(test_a_nul_inside_and_too_many_bytes_are_refused),
                        TEST(test_globs_are_cut_at_their_nuls_and_bounded),
                        TEST(test_a_command_needs_an_argument_and_its_fields),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
