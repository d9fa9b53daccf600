/* The frame parser on any bytes, split as the first byte says: frames come out the same as unsplit, and each is decoded as every message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/init/frame.h"

enum { CAPACITY = 4096, SEEN_MAX = 64 };

struct seen {
        uint64_t sums[SEEN_MAX];
        size_t count;
        enum frame_step step;
};

static void decode_all(const struct frame *frame)
{
#define X(name, TYPE)                                                                                                                      \
        {                                                                                                                                  \
                struct frame_##name message;                                                                                               \
                uint8_t again[FRAME_FIXED_MAX];                                                                                            \
                size_t size = frame_decode_##name(frame, &message);                                                                        \
                if (size && (frame_encode_##name(again, &message, 0) != FRAME_HEADER_BYTES + size ||                                       \
                             memcmp(again + FRAME_HEADER_BYTES, frame->payload, size) != 0))                                               \
                        abort();                                                                                                           \
        }
        FRAME_MESSAGES(X)
#undef X
}

static uint64_t sum(const struct frame *frame)
{
        uint64_t hash = frame->type * 1099511628211u ^ frame->size;
        for (size_t i = 0; i < frame->size; i++)
                hash = (hash ^ frame->payload[i]) * 1099511628211u;
        return hash;
}

static struct seen parse(const uint8_t *data, size_t size, size_t piece)
{
        static uint8_t buffer[CAPACITY];
        struct seen seen = {.step = FRAME_MORE};
        struct frame_parser parser;
        frame_parser_init(&parser, buffer, sizeof buffer);
        while (size && seen.step != FRAME_BROKEN && seen.count < SEEN_MAX) {
                const uint8_t *at = data;
                size_t left = piece < size ? piece : size;
                struct frame frame;
                data += left;
                size -= left;
                while ((seen.step = frame_parser_take(&parser, &at, &left, &frame)) == FRAME_WHOLE && seen.count < SEEN_MAX) {
                        decode_all(&frame);
                        seen.sums[seen.count++] = sum(&frame);
                }
        }
        return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!size)
                return 0;
        struct seen whole = parse(data + 1, size - 1, SIZE_MAX);
        struct seen split = parse(data + 1, size - 1, (size_t)data[0] % 17 + 1);
        if (whole.count != split.count || memcmp(whole.sums, split.sums, whole.count * sizeof whole.sums[0]) != 0)
                abort();
        return 0;
}
