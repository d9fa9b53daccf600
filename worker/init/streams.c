#include "worker/init/streams.h"

#include <string.h>
#include <unistd.h>

enum { POLICY_CHUNK_BYTES = 512, POLICY_FRAMES_BYTES = POLICY_CHUNK_BYTES * (FRAME_HEADER_BYTES + 1) };

void streams_init(struct streams *s, struct wire *wire, struct child *child)
{
        s->wire = wire;
        s->child = child;
        s->input = (struct queue){.bytes = s->input_bytes, .capacity = sizeof s->input_bytes};
}

bool streams_take_input(struct streams *s, const uint8_t *data, size_t size)
{
        if (size > queue_room(&s->input))
                return false;
        memcpy(queue_reserve(&s->input, size), data, size);
        queue_commit(&s->input, size);
        return true;
}

/* Nobody reads it any more: it is lost, as with any pipe. */
static size_t drop_input(struct streams *s)
{
        size_t size = queue_size(&s->input);
        queue_clear(&s->input);
        child_close(&s->child->input);
        return size;
}

static void tell_taken(struct streams *s)
{
        uint8_t frame[FRAME_FIXED_MAX];
        if (!s->input_taken || !wire_has_room(s->wire, sizeof frame))
                return;
        wire_send(s->wire, frame, frame_encode_stdin_taken(frame, &(struct frame_stdin_taken){.bytes = s->input_taken}, 0));
        s->input_taken = 0;
}

void streams_move_input(struct streams *s)
{
        long written = s->child->input < 0 ? -1 : queue_flush(&s->input, s->child->input);
        s->input_taken += (uint32_t)(written < 0 ? drop_input(s) : (size_t)written);
        if (s->input_ended && !queue_size(&s->input))
                child_close(&s->child->input);
        tell_taken(s);
}

static void exceed(struct streams *s, enum frame_stream stream)
{
        uint8_t frame[FRAME_FIXED_MAX];
        if (s->exceeded)
                return;
        s->exceeded = true;
        wire_send(s->wire, frame, frame_encode_output_limit(frame, &(struct frame_output_limit){.stream = stream}, 0));
}

/* A frame whose payload was read into place behind its header; what is beyond the budget is counted and dropped. */
static void charge_output(struct streams *s, enum frame_stream stream, uint8_t *frame, size_t size)
{
        uint64_t produced = s->produced_bytes[stream];
        uint64_t left = produced < s->budget_bytes ? s->budget_bytes - produced : 0;
        size_t kept = size < left ? size : (size_t)left;
        s->produced_bytes[stream] += size;
        if (kept) {
                frame_header(frame, stream == FRAME_STREAM_STDOUT ? FRAME_STDOUT : FRAME_STDERR, kept);
                queue_commit(&s->wire->queue, FRAME_HEADER_BYTES + kept);
        }
        if (kept < size)
                exceed(s, stream);
}

bool streams_want_output(const struct streams *s)
{
        return wire_has_room(s->wire, FRAME_HEADER_BYTES + FRAME_DATA_MAX);
}

enum streams_flow streams_move_output(struct streams *s, enum frame_stream stream)
{
        int *end = &s->child->output[stream];
        if (*end < 0)
                return STREAMS_EMPTY;
        if (!streams_want_output(s))
                return STREAMS_HELD;
        uint8_t *frame = queue_reserve(&s->wire->queue, FRAME_HEADER_BYTES + FRAME_DATA_MAX);
        ssize_t size = read(*end, frame + FRAME_HEADER_BYTES, FRAME_DATA_MAX);
        if (size == 0)
                child_close(end);
        if (size <= 0)
                return STREAMS_EMPTY;
        charge_output(s, stream, frame, (size_t)size);
        return STREAMS_SOME;
}

enum streams_flow streams_move_policy(struct streams *s)
{
        char chunk[POLICY_CHUNK_BYTES];
        if (s->child->policy < 0)
                return STREAMS_EMPTY;
        if (!wire_has_room(s->wire, FRAME_NOTICE_BYTES_MAX + POLICY_FRAMES_BYTES))
                return STREAMS_HELD;
        ssize_t size = read(s->child->policy, chunk, sizeof chunk);
        if (size == 0)
                child_close(&s->child->policy);
        for (ssize_t i = 0; i < size; i++) {
                size_t line_size = notice_add(&s->notice, chunk[i]);
                if (line_size)
                        wire_send_text(s->wire, FRAME_NOTICE, s->notice.line, line_size);
        }
        return size > 0 ? STREAMS_SOME : STREAMS_EMPTY;
}

bool streams_drain(struct streams *s)
{
        enum streams_flow flow = STREAMS_SOME;
        for (enum frame_stream stream = FRAME_STREAM_STDOUT; stream < FRAME_STREAM_COUNT; stream++) {
                while ((flow = streams_move_output(s, stream)) == STREAMS_SOME)
                        ;
                if (flow == STREAMS_HELD)
                        return false;
        }
        while ((flow = streams_move_policy(s)) == STREAMS_SOME)
                ;
        return flow == STREAMS_EMPTY;
}
