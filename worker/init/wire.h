/* init's side of the frames: a bounded queue before a stdout that never blocks it. */
#ifndef BRIG_INIT_WIRE_H
#define BRIG_INIT_WIRE_H

#include <stdbool.h>

#include "worker/init/frame.h"
#include "worker/init/queue.h"

enum {
        WIRE_BYTES = 128 << 10,
        WIRE_RESERVE_BYTES = 4 << 10, /* kept free of data: all frames that must always find room are smaller together */
};

struct wire {
        int fd;
        struct queue queue;
        uint8_t bytes[WIRE_BYTES];
};

void wire_init(struct wire *w, int fd);

/* Room for `size` bytes of data, the reserve left free. */
bool wire_has_room(const struct wire *w, size_t size);

void wire_send(struct wire *w, const void *frame, size_t size);
void wire_send_text(struct wire *w, enum frame_type type, const char *text, size_t size);

/* False: nobody can read any more. */
bool wire_flush(struct wire *w);

#endif
