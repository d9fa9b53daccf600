/* Exchanges with an engine that is a script: what it answers, how it cuts it, and how it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/docker/http.h"

/* The other side: waits for the request's end, then writes each part by itself, then closes unless it `holds`. */
struct server {
        uv_loop_t loop;
        uv_pipe_t listener, peer;
        char path[64];
        const char *const *parts;
        bool holds, peer_open;
        struct bytes request;
        uv_write_t write;
        char input[4096];
};

struct client {
        struct http_exchange exchange;
        bool done, upgraded;
        struct error error;
        struct bytes received;
};

static void write_next(struct server *s);

static void written(uv_write_t *write, int status)
{
        struct server *s = write->data;
        if (status == 0)
                write_next(s);
}

static void write_next(struct server *s)
{
        if (!*s->parts) {
                if (!s->holds && !uv_is_closing((uv_handle_t *)&s->peer))
                        uv_close((uv_handle_t *)&s->peer, NULL);
                return;
        }
        uv_buf_t part = uv_buf_init((char *)*s->parts, (unsigned)strlen(*s->parts));
        s->parts++;
        s->write.data = s;
        uv_write(&s->write, (uv_stream_t *)&s->peer, &part, 1, written);
}

static void give(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
        struct server *s = handle->data;
        (void)suggested;
        *ret_buffer = uv_buf_init(s->input, sizeof(s->input));
}

static void heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
        struct server *s = stream->data;
        bool whole_before = s->request.data && strstr((char *)s->request.data, "\r\n\r\n");
        if (size <= 0) {
                if (!uv_is_closing((uv_handle_t *)stream))
                        uv_close((uv_handle_t *)stream, NULL);
                return;
        }
        assert_int_equal(bytes_append(&s->request, buffer->base, (size_t)size), 0);
        if (!whole_before && strstr((char *)s->request.data, "\r\n\r\n"))
                write_next(s);
}

static void accepted(uv_stream_t *listener, int status)
{
        struct server *s = listener->data;
        assert_int_equal(status, 0);
        uv_pipe_init(&s->loop, &s->peer, 0);
        s->peer.data = s;
        s->peer_open = true;
        assert_int_equal(uv_accept(listener, (uv_stream_t *)&s->peer), 0);
        uv_read_start((uv_stream_t *)&s->peer, give, heard);
}

static void server_open(struct server *s, const char *const *parts)
{
        memset(s, 0, sizeof(*s));
        strcpy(s->path, "/tmp/brig-http-XXXXXX");
        assert_non_null(mkdtemp(s->path));
        strcat(s->path, "/socket");
        s->parts = parts;
        uv_loop_init(&s->loop);
        uv_pipe_init(&s->loop, &s->listener, 0);
        s->listener.data = s;
        assert_int_equal(uv_pipe_bind(&s->listener, s->path), 0);
        assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 1, accepted), 0);
}

static void server_close(struct server *s)
{
        uv_close((uv_handle_t *)&s->listener, NULL);
        if (s->peer_open && !uv_is_closing((uv_handle_t *)&s->peer))
                uv_close((uv_handle_t *)&s->peer, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&s->loop), 0);
        *strrchr(s->path, '/') = 0;
        rmdir(s->path);
        bytes_deinit(&s->request);
}

static void on_done(struct http_exchange *x, const struct error *e)
{
        struct client *c = x->data;
        assert_false(c->done);
        c->done = true;
        if (e)
                c->error = *e;
}

static void on_upgraded(struct http_exchange *x)
{
        struct client *c = x->data;
        c->upgraded = true;
}

static void on_received(struct http_exchange *x, struct span data)
{
        struct client *c = x->data;
        assert_int_equal(bytes_append(&c->received, data.data, data.size), 0);
}

static void client_init(struct client *c)
{
        memset(c, 0, sizeof(*c));
        c->exchange.name = "ask";
        c->exchange.timeout_ms = 20000;
        c->exchange.done = on_done;
        c->exchange.data = c;
}

static void client_ask(struct client *c, struct server *s, const char *body)
{
        struct error e;
        struct span span = span_of(body);
        assert_int_equal(http_exchange_start(&c->exchange, &s->loop, s->path, "POST", "/path", body ? &span : NULL, &e), 0);
        assert_false(c->done);
        while (!c->done)
                uv_run(&s->loop, UV_RUN_ONCE);
}

static void client_deinit(struct client *c)
{
        http_exchange_deinit(&c->exchange);
        bytes_deinit(&c->received);
}

static void test_an_answer_with_a_length_is_read(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 201 Created\r\nContent-Le", "ngth: 7\r\n\r\n{\"a\"", ":1}", NULL};
        struct server s;
        struct client c;
        server_open(&s, parts);
        client_init(&c);
        client_ask(&c, &s, "{}");
        assert_int_equal(c.error.code, ERROR_NONE);
        assert_int_equal(c.exchange.status, 201);
        assert_string_equal((char *)c.exchange.body.data, "{\"a\":1}");
        assert_string_equal((char *)s.request.data, "POST /path HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
                                                    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
        client_deinit(&c);
        server_close(&s);
}

static void test_a_chunked_answer_is_read(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "c\r\n2\r\nde\r\n0\r\n\r\n",
                                            NULL};
        struct server s;
        struct client c;
        server_open(&s, parts);
        client_init(&c);
        client_ask(&c, &s, NULL);
        assert_int_equal(c.exchange.status, 200);
        assert_string_equal((char *)c.exchange.body.data, "abcde");
        client_deinit(&c);
        server_close(&s);
}

static void test_an_answer_without_a_length_ends_with_the_connection(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 200 OK\r\n\r\n", "all of it", NULL};
        struct server s;
        struct client c;
        server_open(&s, parts);
        client_init(&c);
        client_ask(&c, &s, NULL);
        assert_int_equal(c.error.code, ERROR_NONE);
        assert_string_equal((char *)c.exchange.body.data, "all of it");
        client_deinit(&c);
        server_close(&s);
}

static void test_a_connection_that_ends_early_is_an_error(void **state)
{
        (void)state;
        static const char *const scripts[][2] = {
                        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", NULL}, {"", NULL}, {"no HTTP\r\n\r\n", NULL}};
        for (size_t i = 0; i < 3; i++) {
                struct server s;
                struct client c;
                server_open(&s, scripts[i]);
                client_init(&c);
                client_ask(&c, &s, NULL);
                assert_int_not_equal(c.error.code, ERROR_NONE);
                assert_memory_equal(c.error.text, "ask: ", 5);
                client_deinit(&c);
                server_close(&s);
        }
}

static void test_silence_is_a_time_out_with_its_name(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 200 OK\r\n", NULL};
        struct server s;
        struct client c;
        server_open(&s, parts);
        s.holds = true;
        client_init(&c);
        c.exchange.timeout_ms = 20;
        client_ask(&c, &s, NULL);
        assert_int_equal(c.error.code, ERROR_TIMEOUT);
        assert_string_equal(c.error.text, "ask: no answer within 20 ms");
        client_deinit(&c);
        server_close(&s);
}

static void test_nobody_there_is_an_error(void **state)
{
        (void)state;
        struct server s;
        struct client c;
        server_open(&s, NULL);
        client_init(&c);
        strcpy(s.path + strlen(s.path) - 1, "X");
        client_ask(&c, &s, NULL);
        assert_int_equal(c.error.code, ERROR_DOCKER);
        strcpy(s.path + strlen(s.path) - 1, "t");
        client_deinit(&c);
        server_close(&s);
}

static void test_an_upgrade_hands_on_what_follows_it_in_the_same_read(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst", " second", NULL};
        struct server s;
        struct client c;
        server_open(&s, parts);
        client_init(&c);
        c.exchange.upgraded = on_upgraded;
        c.exchange.received = on_received;
        client_ask(&c, &s, NULL);
        assert_true(c.upgraded);
        assert_int_equal(c.error.code, ERROR_NONE);
        assert_int_equal(c.exchange.status, 101);
        assert_string_equal((char *)c.received.data, "first second");
        assert_non_null(strstr((char *)s.request.data, "Connection: Upgrade\r\nUpgrade: tcp\r\n"));
        client_deinit(&c);
        server_close(&s);
}

static void send_back(struct http_exchange *x)
{
        struct client *c = x->data;
        struct error e;
        c->upgraded = true;
        assert_int_equal(http_exchange_send(x, span_of("to the other side"), &e), 0);
}

static void test_what_is_sent_on_the_stream_arrives(void **state)
{
        (void)state;
        static const char *const parts[] = {"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", NULL};
        struct server s;
        struct client c;
        struct error e;
        server_open(&s, parts);
        s.holds = true;
        client_init(&c);
        c.exchange.upgraded = send_back;
        c.exchange.received = on_received;
        assert_int_equal(http_exchange_start(&c.exchange, &s.loop, s.path, "POST", "/attach", NULL, &e), 0);
        assert_int_equal(http_exchange_send(&c.exchange, span_of("too early"), &e), -1);
        while (!s.request.data || !strstr((char *)s.request.data, "to the other side"))
                uv_run(&s.loop, UV_RUN_ONCE);
        http_exchange_cancel(&c.exchange);
        http_exchange_cancel(&c.exchange);
        assert_false(c.done);
        while (!c.done)
                uv_run(&s.loop, UV_RUN_ONCE);
        assert_int_equal(c.error.code, ERROR_CANCELLED);
        client_deinit(&c);
        server_close(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_an_answer_with_a_length_is_read),
                        cmocka_unit_test(test_a_chunked_answer_is_read),
                        cmocka_unit_test(test_an_answer_without_a_length_ends_with_the_connection),
                        cmocka_unit_test(test_a_connection_that_ends_early_is_an_error),
                        cmocka_unit_test(test_silence_is_a_time_out_with_its_name),
                        cmocka_unit_test(test_nobody_there_is_an_error),
                        cmocka_unit_test(test_an_upgrade_hands_on_what_follows_it_in_the_same_read),
                        cmocka_unit_test(test_what_is_sent_on_the_stream_arrives),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
