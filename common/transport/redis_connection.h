/* One connection to a Redis server by hiredis on libuv that comes back by itself: after 100 ms, doubling to 2 s.
 *
 * hiredis's own libuv adapter is not used: it passes over poll errors, so that a refused connection is never told. */
#ifndef BRIG_TRANSPORT_REDIS_CONNECTION_H
#define BRIG_TRANSPORT_REDIS_CONNECTION_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <uv.h>

#include "common/transport/redis_address.h"

enum { REDIS_ANSWER_MS = 5000 };

struct redis_connection {
        /* in; borrowed */
        uv_loop_t *loop;
        const struct redis_address *address;
        void (*opened)(struct redis_connection *c);                      /* connected and logged in; end with redis_connection_settled */
        void (*lost)(struct redis_connection *c, const struct error *e); /* could not connect, or no longer connected; told each time */
        void (*closed)(struct redis_connection *c);                      /* after redis_connection_close */
        /* private */
        redisAsyncContext *context; /* NULL: not connected */
        uv_timer_t timer;           /* until the next attempt, or for the attempt that goes on */
        uint64_t delay_ms;
        unsigned handles; /* not yet closed */
        bool closing;
};

/* 0: tries in the background. -1: a timer could not be made. */
int redis_connection_open(struct redis_connection *c, struct error *e);
void redis_connection_close(struct redis_connection *c);

/* What opened() began is done: the connection serves. Without it an attempt ends after 5 s. */
void redis_connection_settled(struct redis_connection *c);

/* Drops the connection, tells `lost` and tries again later. */
void redis_connection_fail(struct redis_connection *c, const struct error *e);

/* Sends; `answered` gets a redisReply, or NULL when the connection ends. 0, or -1: not connected. */
int redis_connection_send(struct redis_connection *c, redisCallbackFn *answered, void *data, int count, const char **arguments,
                          const size_t *sizes);

#endif
