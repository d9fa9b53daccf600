#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/cli/echo.h"

struct fixture {
        uv_loop_t loop;
        struct echo echo;
        int read_fd, write_fd;
};

static void open_pipe(struct fixture *f)
{
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        f->read_fd = ends[0];
        f->write_fd = ends[1];
        uv_loop_init(&f->loop);
        echo_open(&f->echo, &f->loop, f->write_fd);
}

static void close_all(struct fixture *f)
{
        echo_close(&f->echo);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&f->loop), 0);
        echo_finish(&f->echo);
        close(f->write_fd);
}

static void test_slow_reader_never_blocks_and_loses_nothing(void **state)
{
        (void)state;
        enum { SIZE = 300 << 10 };
        struct fixture f;
        uint8_t *data = calloc(1, SIZE);
        size_t received = 0;
        open_pipe(&f);
        assert_int_equal(echo_write(&f.echo, (struct span){data, SIZE}), 0);
        assert_true(f.echo.pending.size > 0);
        while (f.echo.pending.size > 0) {
                received += (size_t)read(f.read_fd, data, SIZE);
                uv_run(&f.loop, UV_RUN_ONCE);
        }
        close_all(&f);
        for (ssize_t n; (n = read(f.read_fd, data, SIZE)) > 0;)
                received += (size_t)n;
        assert_int_equal(received, SIZE);
        close(f.read_fd);
        free(data);
}

static void test_reader_that_went_away_is_told(void **state)
{
        (void)state;
        struct fixture f;
        signal(SIGPIPE, SIG_IGN);
        open_pipe(&f);
        close(f.read_fd);
        assert_int_equal(echo_write(&f.echo, span_of("x")), -1);
        close_all(&f);
}

static void masked(const char *first, const char *second, char ret_text[static 64])
{
        struct fixture f;
        open_pipe(&f);
        f.echo.terminal = true;
        echo_write(&f.echo, span_of(first));
        echo_write(&f.echo, span_of(second));
        close_all(&f);
        ssize_t n = read(f.read_fd, ret_text, 63);
        ret_text[n > 0 ? n : 0] = 0;
        close(f.read_fd);
}

static void test_terminals_get_no_control_characters(void **state)
{
        (void)state;
        char text[64];
        masked("a\x1b]0;title\a", "\tb\r\n", text);
        assert_string_equal(text, "a?]0;title?\tb\r\n");
        masked("\xc2",
               "\x9b"
               "2J \xc3\xa9",
               text);
        assert_string_equal(text, "\xc2?2J \xc3\xa9");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_slow_reader_never_blocks_and_loses_nothing),
                        cmocka_unit_test(test_reader_that_went_away_is_told),
                        cmocka_unit_test(test_terminals_get_no_control_characters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
