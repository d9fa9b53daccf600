/* What PID 1 does between hello and leave: the conversation of frame.h over its stdin and stdout, one job, one poll loop.
 *
 * All memory is the caller's and is taken before the job starts. Nothing blocks but poll, so a KILL, a deadline or the end of stdin is
 * obeyed whatever the job or the reader of the output does. */
#ifndef BRIG_INIT_SUPERVISOR_H
#define BRIG_INIT_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/init/child.h"
#include "worker/init/command.h"
#include "worker/init/streams.h"
#include "worker/init/wire.h"

enum { SUPERVISOR_CHUNK_BYTES = 16 << 10 };

enum supervisor_phase {
        SUPERVISOR_GATHERING, /* until COMMAND */
        SUPERVISOR_PREPARED,  /* until START */
        SUPERVISOR_STARTED,   /* until nothing of the job is left */
        SUPERVISOR_ENDED,     /* collecting, then waiting for LEAVE */
};

struct supervisor {
        enum supervisor_phase phase;
        int signals; /* signalfd of SIGCHLD */
        struct command command;
        struct child child;
        struct streams streams;
        struct wire wire;
        struct frame_parser parser;
        struct frame_ended ended;
        uint64_t deadline_ms, started_ms;
        bool killing, leader_ended, childless;
        uint8_t payload[FRAME_PAYLOAD_MAX];
        uint8_t chunk[SUPERVISOR_CHUNK_BYTES];
};

/* `signals`: a non-blocking signalfd of SIGCHLD, which is blocked. False: no memory. */
bool supervisor_init(struct supervisor *s, int signals, char **image_environment);

/* CLOCK_BOOTTIME. */
uint64_t supervisor_now_ms(void);

/* Says hello and serves until it is told to leave, stdin closes or the worker breaks the protocol; ends the process. */
_Noreturn void supervisor_run(struct supervisor *s, const struct frame_hello *hello);

#endif
