#include "worker/init/wire.h"

#include <string.h>

void wire_init(struct wire *w, int fd)
{
        w->fd = fd;
        w->queue = (struct queue){.bytes = w->bytes, .capacity = sizeof w->bytes};
}

bool wire_has_room(const struct wire *w, size_t size)
{
        return queue_room(&w->queue) >= size + WIRE_RESERVE_BYTES;
}

void wire_send(struct wire *w, const void *frame, size_t size)
{
        memcpy(queue_reserve(&w->queue, size), frame, size);
        queue_commit(&w->queue, size);
}

void wire_send_text(struct wire *w, enum frame_type type, const char *text, size_t size)
{
        uint8_t header[FRAME_HEADER_BYTES];
        frame_header(header, type, size);
        wire_send(w, header, sizeof header);
        wire_send(w, text, size);
}

bool wire_flush(struct wire *w)
{
        return queue_flush(&w->queue, w->fd) >= 0;
}
