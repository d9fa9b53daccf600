/* A bounded run of bytes between a reader and a non-blocking descriptor, in the caller's memory. */
#ifndef BRIG_INIT_QUEUE_H
#define BRIG_INIT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
        uint8_t *bytes;
        size_t capacity;
        size_t start, end; /* what waits lies between them */
};

static inline size_t queue_size(const struct queue *q)
{
        return q->end - q->start;
}

static inline size_t queue_room(const struct queue *q)
{
        return q->capacity - queue_size(q);
}

/* Where the next bytes go: `size` in a row, at most queue_room. They wait only once queue_commit has said how many were written. */
uint8_t *queue_reserve(struct queue *q, size_t size);
void queue_commit(struct queue *q, size_t size);

void queue_clear(struct queue *q);

/* Writes what the descriptor takes without waiting. Returns how many bytes, or -1 when it takes none ever again. */
long queue_flush(struct queue *q, int fd);

#endif
