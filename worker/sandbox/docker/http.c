#include "worker/sandbox/docker/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http_send {
        uv_write_t write;
        char data[];
};

static void handle_closed(uv_handle_t *handle)
{
        struct http_exchange *x = handle->data;
        if (--x->handles_open == 0)
                x->done(x, x->failed ? &x->error : NULL);
}

static void exchange_end(struct http_exchange *x)
{
        if (!uv_is_closing((uv_handle_t *)&x->pipe))
                uv_close((uv_handle_t *)&x->pipe, handle_closed);
        if (!uv_is_closing((uv_handle_t *)&x->timer))
                uv_close((uv_handle_t *)&x->timer, handle_closed);
}

/* The first failure is the cause; those that follow are its consequences. */
static void exchange_fail(struct http_exchange *x, enum error_code code, int sys, const char *what)
{
        if (uv_is_closing((uv_handle_t *)&x->pipe))
                return;
        x->failed = true;
        if (sys)
                error_set_sys(&x->error, code, sys, "%s: %s", x->name, what);
        else
                error_set(&x->error, code, "%s: %s", x->name, what);
        exchange_end(x);
}

static int take_body(http_parser *parser, const char *data, size_t size)
{
        struct http_exchange *x = parser->data;
        if (x->body.size + size > HTTP_BODY_BYTES_MAX)
                return -1;
        return bytes_append(&x->body, data, size);
}

static int take_end(http_parser *parser)
{
        struct http_exchange *x = parser->data;
        x->status = parser->status_code;
        x->answered = true;
        return 0;
}

static const http_parser_settings settings = {.on_body = take_body, .on_message_complete = take_end};

static void exchange_upgrade(struct http_exchange *x)
{
        if (!x->upgraded) {
                exchange_fail(x, ERROR_PROTOCOL, 0, "the engine changed protocols unasked");
                return;
        }
        x->upgraded_already = true;
        uv_timer_stop(&x->timer);
        x->upgraded(x);
}

static void parse(struct http_exchange *x, const char *data, size_t size)
{
        size_t parsed = http_parser_execute(&x->parser, &settings, data, size);
        if (x->parser.upgrade) {
                exchange_upgrade(x);
                if (parsed < size && !uv_is_closing((uv_handle_t *)&x->pipe))
                        x->received(x, (struct span){(const uint8_t *)data + parsed, size - parsed});
        } else if (HTTP_PARSER_ERRNO(&x->parser) != HPE_OK && !x->answered) {
                exchange_fail(x, ERROR_PROTOCOL, 0, http_errno_description(HTTP_PARSER_ERRNO(&x->parser)));
        } else if (x->answered) {
                exchange_end(x);
        }
}

static void stream_ended(struct http_exchange *x, ssize_t reason)
{
        if (x->upgraded_already && reason == UV_EOF) {
                exchange_end(x);
                return;
        }
        if (!x->upgraded_already && reason == UV_EOF)
                parse(x, NULL, 0); /* an answer without a length ends here */
        exchange_fail(x, ERROR_DOCKER, reason == UV_EOF ? 0 : (int)-reason, "the engine closed the connection");
}

static void exchange_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
        struct http_exchange *x = stream->data;
        if (size < 0)
                stream_ended(x, size);
        else if (size > 0 && x->upgraded_already)
                x->received(x, (struct span){(const uint8_t *)buffer->base, (size_t)size});
        else if (size > 0)
                parse(x, buffer->base, (size_t)size);
}

static void give_input(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
        struct http_exchange *x = handle->data;
        (void)suggested;
        *ret_buffer = uv_buf_init(x->input, sizeof(x->input));
}

static void request_written(uv_write_t *write, int status)
{
        struct http_exchange *x = write->data;
        if (status < 0)
                exchange_fail(x, ERROR_DOCKER, -status, "cannot write to the engine");
}

static void connected(uv_connect_t *connect, int status)
{
        struct http_exchange *x = connect->data;
        uv_buf_t buffer = uv_buf_init((char *)x->request.data, (unsigned)x->request.size);
        char reason[160];
        if (status < 0) {
                snprintf(reason, sizeof(reason), "no Docker engine answers at %s", x->socket_path);
                exchange_fail(x, ERROR_DOCKER, -status, reason);
                return;
        }
        x->write.data = x;
        status = uv_read_start((uv_stream_t *)&x->pipe, give_input, exchange_read);
        if (status == 0)
                status = uv_write(&x->write, (uv_stream_t *)&x->pipe, &buffer, 1, request_written);
        if (status < 0)
                exchange_fail(x, ERROR_DOCKER, -status, "cannot write to the engine");
}

static void timed_out(uv_timer_t *timer)
{
        struct http_exchange *x = timer->data;
        char what[64];
        snprintf(what, sizeof(what), "no answer within %llu ms", (unsigned long long)x->timeout_ms);
        exchange_fail(x, ERROR_TIMEOUT, 0, what);
}

static int write_request(struct http_exchange *x, const char *method, const char *path, const struct span *body)
{
        const char *connection = x->upgraded ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "Connection: close\r\n";
        if (bytes_append_format(&x->request, "%s %s HTTP/1.1\r\nHost: docker\r\n%s", method, path, connection) < 0)
                return -1;
        if (body && bytes_append_format(&x->request, "Content-Type: application/json\r\n") < 0)
                return -1;
        if (bytes_append_format(&x->request, "Content-Length: %zu\r\n\r\n", body ? body->size : 0) < 0)
                return -1;
        return body ? bytes_append(&x->request, body->data, body->size) : 0;
}

int http_exchange_start(struct http_exchange *x, uv_loop_t *loop, const char *socket_path, const char *method, const char *path,
                        const struct span *body, struct error *e)
{
        if (write_request(x, method, path, body) < 0) {
                http_exchange_deinit(x);
                return error_set(e, ERROR_MEMORY, "%s: no memory for the request", x->name);
        }
        http_parser_init(&x->parser, HTTP_RESPONSE);
        x->parser.data = x;
        uv_pipe_init(loop, &x->pipe, 0);
        uv_timer_init(loop, &x->timer);
        x->pipe.data = x->timer.data = x->connect.data = x;
        x->handles_open = 2;
        uv_timer_start(&x->timer, timed_out, x->timeout_ms, 0);
        x->socket_path = socket_path;
        uv_pipe_connect(&x->connect, &x->pipe, socket_path, connected);
        return 0;
}

void http_exchange_cancel(struct http_exchange *x)
{
        exchange_fail(x, ERROR_CANCELLED, 0, "cancelled");
}

static void sent(uv_write_t *write, int status)
{
        struct http_exchange *x = write->data;
        free(write);
        if (status < 0)
                exchange_fail(x, ERROR_DOCKER, -status, "cannot write to the stream");
}

int http_exchange_send(struct http_exchange *x, struct span data, struct error *e)
{
        if (!x->upgraded_already || uv_is_closing((uv_handle_t *)&x->pipe))
                return error_set(e, ERROR_DOCKER, "%s: the stream has ended", x->name);
        struct http_send *send = malloc(sizeof(*send) + data.size);
        if (!send)
                return error_set(e, ERROR_MEMORY, "%s: no memory to send %zu bytes", x->name, data.size);
        memcpy(send->data, data.data, data.size);
        send->write.data = x;
        uv_buf_t buffer = uv_buf_init(send->data, (unsigned)data.size);
        int status = uv_write(&send->write, (uv_stream_t *)&x->pipe, &buffer, 1, sent);
        if (status < 0) {
                free(send);
                return error_set_sys(e, ERROR_DOCKER, -status, "%s: cannot write to the stream", x->name);
        }
        return 0;
}

void http_exchange_deinit(struct http_exchange *x)
{
        bytes_deinit(&x->request);
        bytes_deinit(&x->body);
}
