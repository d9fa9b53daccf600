/* The port through which Redis functions are called: an operation the caller owns, and a table that the link implements on libuv and
 * tests implement with virtual time. */
#ifndef BRIG_TRANSPORT_REDIS_PORT_H
#define BRIG_TRANSPORT_REDIS_PORT_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/list.h"

/* A reply, flattened: a status, an integer or a bulk string is one field, an array its elements. Borrowed, valid in the callback only. */
struct redis_reply {
        const struct span *fields;
        size_t count;
};

/* The caller owns it until `done`, which runs exactly once, later, never from inside call_start. `reply` is NULL when `e` is not. */
struct redis_call {
        void (*done)(struct redis_call *call, const struct redis_reply *reply, const struct error *e);
        struct list link;     /* for the port */
        uint64_t deadline_ms; /* for the port */
};

struct redis_port {
        /* Sends one command. Arguments are copied. 0: `done` will run, with an ERROR_REDIS when the connection is lost or gives no answer
         * within 5 s (then it is unknown whether it was done). -1: not connected; nothing was sent. */
        int (*call_start)(struct redis_port *port, struct redis_call *call, const struct span *arguments, size_t count, struct error *e);
        /* The server's run id as told by INFO at connect; "" while not connected. Valid until the next loop turn. */
        const char *(*run_id)(struct redis_port *port);
};

#endif
