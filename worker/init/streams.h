/* What flows between the job's pipes and the wire: its stdin, its two outputs under their budget, its policy lines. Nothing waits; a job
 * whose output nobody takes is held back by its own pipe. */
#ifndef BRIG_INIT_STREAMS_H
#define BRIG_INIT_STREAMS_H

#include "worker/init/child.h"
#include "worker/init/notice.h"
#include "worker/init/wire.h"

struct streams {
        struct wire *wire;
        struct child *child;
        struct queue input; /* the job's stdin */
        bool input_ended;
        uint32_t input_taken; /* the worker was not told yet */
        struct notice notice;
        uint64_t budget_bytes; /* of each output */
        uint64_t produced_bytes[FRAME_STREAM_COUNT];
        bool exceeded; /* an output went over its budget; OUTPUT_LIMIT is sent */
        uint8_t input_bytes[FRAME_STDIN_WINDOW];
};

enum streams_flow {
        STREAMS_SOME,  /* something moved, there may be more */
        STREAMS_EMPTY, /* nothing is there now */
        STREAMS_HELD,  /* the wire has no room */
};

void streams_init(struct streams *s, struct wire *wire, struct child *child);

/* Takes bytes for the job's stdin. False: more than the window allows. */
bool streams_take_input(struct streams *s, const uint8_t *data, size_t size);

/* Writes what the job's stdin takes, closes it at its end, and tells the worker. */
void streams_move_input(struct streams *s);

enum streams_flow streams_move_output(struct streams *s, enum frame_stream stream);
enum streams_flow streams_move_policy(struct streams *s);

/* Moves all that the pipes still hold, once no process can write any more. False: the wire has no room, call again. */
bool streams_drain(struct streams *s);

/* An output or the policy pipe may be read: there is room for what comes. */
bool streams_want_output(const struct streams *s);

#endif
