#include "worker/init/queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

uint8_t *queue_reserve(struct queue *q, size_t size)
{
        if (q->capacity - q->end < size) {
                memmove(q->bytes, q->bytes + q->start, queue_size(q));
                q->end -= q->start;
                q->start = 0;
        }
        return q->bytes + q->end;
}

void queue_commit(struct queue *q, size_t size)
{
        q->end += size;
}

void queue_clear(struct queue *q)
{
        q->start = q->end = 0;
}

long queue_flush(struct queue *q, int fd)
{
        if (!queue_size(q))
                return 0;
        ssize_t written = write(fd, q->bytes + q->start, queue_size(q));
        if (written < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -1;
        q->start += (size_t)written;
        if (!queue_size(q))
                queue_clear(q);
        return written;
}
