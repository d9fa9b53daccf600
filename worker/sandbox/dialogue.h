/* What is said between a run and the brig-init of its container: the command, the program's input and output, and its end. */
#ifndef BRIG_SANDBOX_DIALOGUE_H
#define BRIG_SANDBOX_DIALOGUE_H

#include "worker/sandbox/collection.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/slot.h"

struct dialogue {
        struct slot *slot; /* borrowed, as what follows; set before anything is said */
        struct sandbox_run *request;
        struct result *result;
        const struct limits *limits;
        struct bytes *product; /* where the one artifact goes; NULL: artifacts are kept as files and named in the result */
        struct frame_ended ended;
        bool has_ended;  /* `ended` is set: no process of the job is left */
        bool start_sent; /* from here on the program may have run */
        bool has_started;

        /* private */
        size_t stdin_sent, stdin_window;
        bool stdin_ended;
        struct collection collection;
};

enum dialogue_event {
        DIALOGUE_NOTHING,
        DIALOGUE_STARTED,  /* the program runs */
        DIALOGUE_FAILED,   /* it could not be executed; the result says why */
        DIALOGUE_ENDED,    /* `has_ended`; artifacts may come */
        DIALOGUE_REPORTED, /* nothing more comes, and the counters can be read */
};

/* Tells the command. 0, or -1: the stream is gone. */
int dialogue_begin(struct dialogue *d, const struct language *language, struct error *e);

/* What brig-init says. 0, or -1: it makes no sense, or there is no memory for it. */
int dialogue_take(struct dialogue *d, const struct frame *frame, enum dialogue_event *ret_event, struct error *e);

/* These do nothing on a stream that is gone: its end says so itself. */
void dialogue_kill(struct dialogue *d);
void dialogue_extend(struct dialogue *d, uint64_t deadline_ms);
void dialogue_leave(struct dialogue *d);

void dialogue_deinit(struct dialogue *d);

#endif
