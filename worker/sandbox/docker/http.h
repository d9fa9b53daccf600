/* One HTTP/1.1 exchange with the engine over its Unix socket: a connection, a request, an answer, or after `101` a raw stream.
 *
 * One connection an exchange: connecting costs 0.1 ms beside the 10–250 ms of what the engine does, and no answer can then be taken for
 * another's. RFC 9110, RFC 9112; parsed by http_parser. */
#ifndef BRIG_SANDBOX_DOCKER_HTTP_H
#define BRIG_SANDBOX_DOCKER_HTTP_H

#include <http_parser.h>
#include <uv.h>

#include "common/bytes.h"
#include "common/error.h"

enum { HTTP_BODY_BYTES_MAX = 16 << 20 };

/* The caller's memory, zeroed, until `done`. */
struct http_exchange {
        const char *name;                                            /* what is asked, for errors: "start container"; static */
        uint64_t timeout_ms;                                         /* until the answer is whole, or the stream is upgraded */
        void (*upgraded)(struct http_exchange *x);                   /* 101 came; NULL: an upgrade is not asked for */
        void (*received)(struct http_exchange *x, struct span data); /* of the upgraded stream */
        /* Exactly once, after every handle has closed. NULL: answered, see `status` and `body`; for a stream: the engine ended it. */
        void (*done)(struct http_exchange *x, const struct error *e);
        void *data;

        unsigned status;
        struct bytes body; /* the caller frees it, by http_exchange_deinit */

        /* private */
        uv_pipe_t pipe;
        uv_timer_t timer;
        uv_connect_t connect;
        uv_write_t write;
        const char *socket_path;
        struct bytes request;
        http_parser parser;
        struct error error;
        unsigned handles_open;
        bool failed, upgraded_already, answered;
        char input[16 << 10];
};

/* 0: `done` will run. -1 (ERROR_DOCKER, ERROR_MEMORY): it will not. `body` NULL: none; it is copied.
 * `socket_path` is borrowed until then. */
int http_exchange_start(struct http_exchange *x, uv_loop_t *loop, const char *socket_path, const char *method, const char *path,
                        const struct span *body, struct error *e);

/* Ends it soon; `done` gets ERROR_CANCELLED. A second call, or one after the end has begun, does nothing. */
void http_exchange_cancel(struct http_exchange *x);

/* Sends on the upgraded stream; the data is copied, in order. 0, or -1 when the stream is ending. What is queued is bounded by what the
 * caller has to say: a job's record. */
int http_exchange_send(struct http_exchange *x, struct span data, struct error *e);

void http_exchange_deinit(struct http_exchange *x);

#endif
