#include "worker/sandbox/egress.h"

#include <signal.h>
#include <string.h>

enum { CHECK_TIMEOUT_MS = 20000 };

static void conclude(struct egress_check *check)
{
        struct error e;
        check->said[check->size] = 0;
        check->said[strcspn(check->said, "\n")] = 0;
        if (check->exit_status == 0) {
                check->done(check, NULL);
                return;
        }
        error_set(&e, ERROR_SANDBOX, "%s", check->said[0] ? check->said : "egress: it cannot be checked whether the rules are in force");
        check->done(check, &e);
}

static void handle_closed(uv_handle_t *handle)
{
        struct egress_check *check = handle->data;
        if (--check->handles_open == 0)
                conclude(check);
}

static void close_once(uv_handle_t *handle)
{
        if (!uv_is_closing(handle))
                uv_close(handle, handle_closed);
}

static void exited(uv_process_t *process, int64_t status, int signal)
{
        struct egress_check *check = process->data;
        check->exit_status = signal ? -1 : status;
        close_once((uv_handle_t *)process);
        close_once((uv_handle_t *)&check->timer);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
        struct egress_check *check = handle->data;
        (void)suggested;
        *ret_buffer = uv_buf_init(check->said + check->size, (unsigned)(sizeof(check->said) - 1 - check->size));
}

static void heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
        struct egress_check *check = stream->data;
        (void)buffer;
        if (size > 0)
                check->size += (size_t)size;
        if (size < 0)
                close_once((uv_handle_t *)stream);
}

static void timed_out(uv_timer_t *timer)
{
        struct egress_check *check = timer->data;
        uv_process_kill(&check->process, SIGKILL);
}

static int spawn(struct egress_check *check, uv_loop_t *loop, const char *script)
{
        char *arguments[] = {(char *)script, "check", NULL};
        uv_stdio_container_t streams[] = {
                        {.flags = UV_IGNORE},
                        {.flags = UV_IGNORE},
                        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&check->pipe},
        };
        uv_process_options_t options = {.file = script, .args = arguments, .exit_cb = exited, .stdio_count = 3, .stdio = streams};
        return uv_spawn(loop, &check->process, &options);
}

void egress_check_start(struct egress_check *check, uv_loop_t *loop, const char *script)
{
        check->size = 0;
        check->exit_status = -1;
        check->handles_open = 3;
        check->process.data = check->pipe.data = check->timer.data = check;
        uv_timer_init(loop, &check->timer);
        uv_pipe_init(loop, &check->pipe, 0);
        if (spawn(check, loop, script) == 0) {
                uv_timer_start(&check->timer, timed_out, CHECK_TIMEOUT_MS, 0);
                uv_read_start((uv_stream_t *)&check->pipe, give_room, heard);
                return;
        }
        check->size = (size_t)snprintf(check->said, sizeof(check->said), "egress: cannot run %.100s", script);
        close_once((uv_handle_t *)&check->process);
        close_once((uv_handle_t *)&check->pipe);
        close_once((uv_handle_t *)&check->timer);
}
