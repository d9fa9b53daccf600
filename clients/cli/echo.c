#include "clients/cli/echo.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

enum { AGAIN_MS = 20, DELETE = 0x7F };

static bool is_control(const struct echo *echo, uint8_t byte)
{
        if (byte < ' ')
                return byte != '\t' && byte != '\n' && byte != '\r';
        return byte == DELETE || (echo->after_c2 && byte >= 0x80 && byte < 0xA0);
}

static void mask_controls(struct echo *echo, uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                bool control = is_control(echo, data[i]);
                echo->after_c2 = data[i] == 0xC2;
                if (control)
                        data[i] = '?';
        }
}

/* A write of at most PIPE_BUF bytes to what polls as writable does not block. */
static bool writable(int fd, int timeout_ms)
{
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        return poll(&poll_fd, 1, timeout_ms) > 0;
}

static void write_pending(struct echo *echo, int timeout_ms)
{
        while (!echo->broken && echo->pending.size > 0 && writable(echo->fd, timeout_ms)) {
                size_t size = echo->pending.size < PIPE_BUF ? echo->pending.size : PIPE_BUF;
                ssize_t n = write(echo->fd, echo->pending.data, size);
                if (n > 0)
                        bytes_consume(&echo->pending, (size_t)n);
                else if (errno != EINTR && errno != EAGAIN)
                        echo->broken = true;
        }
}

static void on_again(uv_timer_t *timer)
{
        struct echo *echo = timer->data;
        write_pending(echo, 0);
        if (echo->pending.size == 0 || echo->broken)
                uv_timer_stop(timer);
}

void echo_open(struct echo *echo, uv_loop_t *loop, int fd)
{
        *echo = (struct echo){.fd = fd, .terminal = isatty(fd)};
        uv_timer_init(loop, &echo->again);
        echo->again.data = echo;
}

int echo_write(struct echo *echo, struct span data)
{
        size_t before = echo->pending.size;
        if (echo->broken || bytes_append(&echo->pending, data.data, data.size) < 0)
                return -1;
        if (echo->terminal)
                mask_controls(echo, echo->pending.data + before, data.size);
        write_pending(echo, 0);
        if (echo->pending.size > 0)
                uv_timer_start(&echo->again, on_again, AGAIN_MS, AGAIN_MS);
        return echo->broken ? -1 : 0;
}

void echo_close(struct echo *echo)
{
        uv_close((uv_handle_t *)&echo->again, NULL);
}

void echo_finish(struct echo *echo)
{
        write_pending(echo, -1);
        bytes_deinit(&echo->pending);
}
