/* The attached streams of one container: raw bytes to its stdin, its stdout and stderr back, from the engine's own 8-byte frames.
 *
 * Attach and wait for `attached` before the container is started: what it writes before is lost (there is no log). */
#ifndef BRIG_SANDBOX_DOCKER_ATTACH_H
#define BRIG_SANDBOX_DOCKER_ATTACH_H

#include "worker/sandbox/docker/engine.h"

enum attach_stream { ATTACH_STDOUT = 1, ATTACH_STDERR = 2 };

/* Takes the stream apart: a header of 8 bytes (stream, 0, 0, 0, size big-endian), then that many bytes. Pure; zeroed it is at its start. */
struct attach_parser {
        uint8_t header[8];
        size_t header_size;
        uint32_t left; /* bytes of the current frame still to come */
};

typedef void attach_take(void *data, enum attach_stream stream, struct span bytes);

/* Hands on what `input` holds, cut where frames and reads happen to end. 0, or -1 (ERROR_PROTOCOL) when it is no such stream. */
int attach_parser_feed(struct attach_parser *parser, struct span input, attach_take *take, void *data, struct error *e);

/* The caller's memory until `done`. */
struct attach {
        void (*attached)(struct attach *attach);
        void (*received)(struct attach *attach, enum attach_stream stream, struct span bytes);
        void (*done)(struct attach *attach, const struct error *e); /* exactly once; NULL: the container ended */
        void *data;

        /* private */
        struct attach_parser parser;
        struct http_exchange http;
        struct error error;
};

int attach_start(struct attach *attach, const struct engine *engine, const char *container, struct error *e);
int attach_send(struct attach *attach, struct span data, struct error *e); /* copied */
void attach_cancel(struct attach *attach);                                 /* closes the container's stdin as well */

#endif
