/* The engine's frames of an attached stream: put together again however they were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "worker/sandbox/docker/attach.h"

static const uint8_t stream[] = "\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1!";
enum { STREAM_SIZE = sizeof(stream) - 1 };

static void take(void *data, enum attach_stream from, struct span bytes)
{
        struct bytes *taken = data;
        assert_int_equal(bytes_append(&taken[from], bytes.data, bytes.size), 0);
}

static void feed_in_parts(size_t part)
{
        struct attach_parser parser = {0};
        struct bytes taken[3] = {0};
        struct error e;
        for (size_t at = 0; at < STREAM_SIZE; at += part) {
                size_t size = STREAM_SIZE - at < part ? STREAM_SIZE - at : part;
                assert_int_equal(attach_parser_feed(&parser, (struct span){stream + at, size}, take, taken, &e), 0);
        }
        assert_string_equal((char *)taken[ATTACH_STDOUT].data, "hello!");
        assert_string_equal((char *)taken[ATTACH_STDERR].data, "err");
        bytes_deinit(&taken[ATTACH_STDOUT]);
        bytes_deinit(&taken[ATTACH_STDERR]);
}

static void test_frames_are_put_together_wherever_reads_cut_them(void **state)
{
        (void)state;
        for (size_t part = 1; part <= STREAM_SIZE; part++)
                feed_in_parts(part);
}

static void test_what_is_no_frame_is_refused(void **state)
{
        (void)state;
        static const char *const broken[] = {"\3\0\0\0\0\0\0\1x", "\1\1\0\0\0\0\0\1x", "\0\0\0\0\0\0\0\1x"};
        for (size_t i = 0; i < 3; i++) {
                struct attach_parser parser = {0};
                struct bytes taken[3] = {0};
                struct error e;
                assert_int_equal(attach_parser_feed(&parser, (struct span){(const uint8_t *)broken[i], 9}, take, taken, &e), -1);
                assert_int_equal(e.code, ERROR_PROTOCOL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_frames_are_put_together_wherever_reads_cut_them),
                        cmocka_unit_test(test_what_is_no_frame_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
