/* A connection to Redis on libuv: connects, checks the server, loads the function library, reconnects for ever.
 *
 * At connect: AUTH and SELECT from the URL, INFO (run id, version >= 7.0, a primary, data loaded, and maxmemory-policy: anything but
 * noeviction is refused with the remedy), FUNCTION LOAD REPLACE of the library when the server lacks it or has another version. An answer
 * "ERR Function not found" loads the library again and fails that call with ERROR_NOT_READY. Trouble is told once when it begins, with
 * address and remedy, and once when it ends. Reconnects after 100 ms, doubling to 2 s. */
#ifndef BRIG_TRANSPORT_REDIS_LINK_H
#define BRIG_TRANSPORT_REDIS_LINK_H

#include <uv.h>

#include "common/error.h"
#include "common/log.h"
#include "common/transport/redis_port.h"

struct redis_link; /* heap; starts with a struct redis_port */

struct redis_link_options {
        const char *url; /* redis://[user:password@]host[:port][/db], unix:///path */
        const char *tag; /* hash tag: the wake-up channels are "{tag}:wake" (a job of level and pool "1python" may be claimable, "" of any)
                            and "{tag}:cancel" (the id of a leased job: renew, and it says CANCEL). Hints: a slow poll backs them up */
        const struct log *log;
        void (*up)(void *data);                          /* connected, checked and library there; also after each reconnect */
        void (*down)(void *data, const struct error *e); /* connection lost or refused; once a loss */
        void (*wake)(void *data, struct span channel, struct span message); /* NULL: does not subscribe */
        void *data;
};

/* 0: connecting in the background. -1: the URL is wrong (ERROR_CONFIG). */
int redis_link_open(struct redis_link **ret_link, uv_loop_t *loop, const struct redis_link_options *options, struct error *e);

/* Fails what waits with ERROR_CANCELLED, then frees the link once every handle has closed; `closed` (may be NULL) runs last. */
void redis_link_close(struct redis_link *link, void (*closed)(void *data), void *data);

struct redis_port *redis_link_port(struct redis_link *link);

#endif
