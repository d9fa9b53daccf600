#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/init/frame.h"

enum { CAPACITY = 256 };

struct seen {
        struct frame frames[8];
        uint8_t payloads[8][CAPACITY];
        size_t count;
        enum frame_step step;
};

/* Feeds `stream` in pieces of `piece` bytes, keeping copies of what came out. */
static void feed(struct seen *ret_seen, const uint8_t *stream, size_t size, size_t piece)
{
        uint8_t buffer[CAPACITY];
        struct frame_parser parser;
        frame_parser_init(&parser, buffer, sizeof buffer);
        *ret_seen = (struct seen){.step = FRAME_MORE};
        for (size_t at = 0; at < size && ret_seen->step != FRAME_BROKEN; at += piece) {
                const uint8_t *data = stream + at;
                size_t left = size - at < piece ? size - at : piece;
                struct frame frame;
                while ((ret_seen->step = frame_parser_take(&parser, &data, &left, &frame)) == FRAME_WHOLE) {
                        memcpy(ret_seen->payloads[ret_seen->count], frame.payload, frame.size);
                        frame.payload = ret_seen->payloads[ret_seen->count];
                        ret_seen->frames[ret_seen->count++] = frame;
                }
        }
}

static void test_frames_come_out_whole_however_the_stream_is_split(void **state)
{
        (void)state;
        static const uint8_t text[] = {'a', 0, 'b'};
        uint8_t stream[512];
        size_t size = frame_encode_empty(stream, FRAME_START);
        struct frame_ended ended = {.end = FRAME_END_TIMEOUT, .signal = 9, .stdout_bytes = UINT64_MAX, .tmp_full = 1};
        size += frame_encode_ended(stream + size, &ended, 0);
        frame_header(stream + size, FRAME_STDOUT, 3);
        memcpy(stream + size + FRAME_HEADER_BYTES, text, sizeof text);
        size += FRAME_HEADER_BYTES + 3;
        for (size_t piece = 1; piece <= size; piece++) {
                struct seen seen;
                feed(&seen, stream, size, piece);
                assert_int_equal(seen.count, 3);
                assert_int_equal(seen.frames[0].type, FRAME_START);
                assert_int_equal(seen.frames[0].size, 0);
                struct frame_ended read = {0};
                assert_int_not_equal(frame_decode_ended(&seen.frames[1], &read), 0);
                assert_memory_equal(&read, &ended, sizeof ended);
                assert_int_equal(seen.frames[2].size, 3);
                assert_memory_equal(seen.frames[2].payload, text, sizeof text);
        }
}

static void test_a_payload_beyond_the_buffer_is_broken_from_its_header_on(void **state)
{
        (void)state;
        uint8_t stream[FRAME_HEADER_BYTES];
        struct seen seen;
        frame_header(stream, FRAME_STDOUT, CAPACITY);
        feed(&seen, stream, sizeof stream, 1);
        assert_int_equal(seen.step, FRAME_MORE);
        frame_header(stream, FRAME_STDOUT, CAPACITY + 1);
        feed(&seen, stream, sizeof stream, 1);
        assert_int_equal(seen.step, FRAME_BROKEN);
        frame_header(stream, FRAME_STDOUT, UINT32_MAX);
        feed(&seen, stream, sizeof stream, 2);
        assert_int_equal(seen.step, FRAME_BROKEN);
}

static void test_a_short_payload_is_refused_and_changes_nothing(void **state)
{
        (void)state;
        uint8_t bytes[FRAME_FIXED_MAX];
        size_t size = frame_encode_limits(bytes, &(struct frame_limits){.output_bytes = 7, .timeout_ms = 9}, 0);
        struct frame frame = {.type = FRAME_LIMITS, .payload = bytes + FRAME_HEADER_BYTES, .size = size - FRAME_HEADER_BYTES - 1};
        struct frame_limits limits = {.output_bytes = 1};
        assert_int_equal(frame_decode_limits(&frame, &limits), 0);
        assert_int_equal(limits.output_bytes, 1);
        frame.size++;
        assert_int_equal(frame_decode_limits(&frame, &limits), 16);
        assert_int_equal(limits.output_bytes, 7);
        assert_int_equal(limits.timeout_ms, 9);
}

static void test_text_after_the_fields_is_counted_in_the_header(void **state)
{
        (void)state;
        static const uint8_t text[] = {'/', 'w', 'o', 'r', 'k'};
        uint8_t stream[FRAME_FIXED_MAX + sizeof text];
        size_t size = frame_encode_command(stream, &(struct frame_command){.umask = 022, .policy_pipe = 1}, 5);
        memcpy(stream + size, text, sizeof text);
        struct seen seen;
        feed(&seen, stream, size + 5, size);
        assert_int_equal(seen.count, 1);
        struct frame_command command;
        size_t at = frame_decode_command(&seen.frames[0], &command);
        assert_int_equal(command.umask, 022);
        assert_int_equal(seen.frames[0].size - at, 5);
        assert_memory_equal(seen.frames[0].payload + at, text, sizeof text);
}

static void test_every_message_survives_the_wire(void **state)
{
        (void)state;
#define X(name, TYPE)                                                                                                                      \
        {                                                                                                                                  \
                uint8_t bytes[FRAME_FIXED_MAX];                                                                                            \
                struct frame_##name out, in = {0};                                                                                         \
                memset(&out, 0xA5, sizeof out);                                                                                            \
                size_t size = frame_encode_##name(bytes, &out, 0);                                                                         \
                struct frame frame = {.type = TYPE, .payload = bytes + FRAME_HEADER_BYTES, .size = size - FRAME_HEADER_BYTES};             \
                assert_int_equal(bytes[0], TYPE);                                                                                          \
                assert_int_equal(frame_decode_##name(&frame, &in), frame.size);                                                            \
                size = frame_encode_##name(bytes, &in, 0);                                                                                 \
                for (size_t i = FRAME_HEADER_BYTES; i < size; i++)                                                                         \
                        assert_int_equal(bytes[i], 0xA5);                                                                                  \
        }
        FRAME_MESSAGES(X)
#undef X
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_frames_come_out_whole_however_the_stream_is_split),
                        cmocka_unit_test(test_a_payload_beyond_the_buffer_is_broken_from_its_header_on),
                        cmocka_unit_test(test_a_short_payload_is_refused_and_changes_nothing),
                        cmocka_unit_test(test_text_after_the_fields_is_counted_in_the_header),
                        cmocka_unit_test(test_every_message_survives_the_wire),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
