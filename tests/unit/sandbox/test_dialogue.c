/* What the worker makes of the frames of a brig-init that is not what it should be, and of a conversation cut anywhere. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "worker/sandbox/artifacts.h"
#include "worker/sandbox/code_folder.h"
#include "worker/sandbox/command.h"
#include "worker/sandbox/dialogue.h"

/* A dialogue whose program may have run; all of its stdin was sent. */
struct talk {
        struct job job;
        struct sandbox_run request;
        struct result result;
        struct limits limits;
        struct slot_host host;
        struct slot slot;
        struct dialogue dialogue;
        char folder[32];
};

static void talk_begin(struct talk *talk)
{
        memset(talk, 0, sizeof(*talk));
        strcpy(talk->folder, "/tmp/brig-dialogue-XXXXXX");
        assert_non_null(mkdtemp(talk->folder));
        talk->request.job = &talk->job;
        talk->limits.output_bytes = 1 << 20;
        talk->slot.host = &talk->host;
        talk->dialogue = (struct dialogue){
                        .slot = &talk->slot,
                        .request = &talk->request,
                        .result = &talk->result,
                        .limits = &talk->limits,
                        .start_sent = true,
                        .stdin_window = FRAME_STDIN_WINDOW,
                        .stdin_ended = true,
                        .collection = {.log_directory = talk->folder, .result = &talk->result},
        };
}

static void talk_end(struct talk *talk)
{
        struct error e;
        dialogue_deinit(&talk->dialogue);
        result_deinit(&talk->result);
        assert_int_equal(code_folder_remove(AT_FDCWD, talk->folder, &e), 0);
}

static int take(struct talk *talk, enum frame_type type, const void *payload, size_t size)
{
        struct error e;
        enum dialogue_event event;
        struct frame frame = {.type = type, .payload = payload, .size = size};
        int result = dialogue_take(&talk->dialogue, &frame, &event, &e);
        if (result < 0)
                assert_int_equal(e.code, ERROR_PROTOCOL);
        return result;
}

static int take_encoded(struct talk *talk, const uint8_t *encoded, size_t size)
{
        return take(talk, (enum frame_type)encoded[0], encoded + FRAME_HEADER_BYTES, size - FRAME_HEADER_BYTES);
}

static int take_ended(struct talk *talk, const struct frame_ended *ended)
{
        uint8_t encoded[FRAME_FIXED_MAX];
        return take_encoded(talk, encoded, frame_encode_ended(encoded, ended, 0));
}

static int take_artifact(struct talk *talk, uint64_t bytes)
{
        uint8_t encoded[FRAME_FIXED_MAX];
        size_t size = frame_encode_artifact(encoded, &(struct frame_artifact){bytes}, 1);
        encoded[size] = 'a';
        return take_encoded(talk, encoded, size + 1);
}

static void test_a_program_starts_once(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take(&talk, FRAME_PREPARED, "\0\0\0\0", 4), -1); /* it was told to start already */
        assert_int_equal(take(&talk, FRAME_STARTED, NULL, 0), 0);
        assert_int_equal(take(&talk, FRAME_STARTED, NULL, 0), -1);
        assert_int_equal(take(&talk, FRAME_FAILED, "\0\0\0\0exec", 8), -1);
        talk_end(&talk);
}

static void test_nothing_comes_of_a_program_that_was_not_told_to_start(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        talk.dialogue.start_sent = false;
        assert_int_equal(take(&talk, FRAME_STDOUT, "x", 1), -1);
        assert_int_equal(take(&talk, FRAME_NOTICE, "x", 1), -1);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){0}), -1);
        assert_int_equal(talk.result.stdout_data.size, 0);
        talk_end(&talk);
}

static void test_no_more_stdin_is_taken_than_was_given(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take(&talk, FRAME_STDIN_TAKEN, "\1\0\0\0", 4), -1);
        talk.dialogue.stdin_window = FRAME_STDIN_WINDOW - 2;
        assert_int_equal(take(&talk, FRAME_STDIN_TAKEN, "\1\0\0", 3), -1);
        assert_int_equal(take(&talk, FRAME_STDIN_TAKEN, "\2\0\0\0", 4), 0);
        talk_end(&talk);
}

static void test_an_end_that_no_process_has_is_refused(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take(&talk, FRAME_ENDED, "short", 5), -1);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){.exit_code = 256}), -1);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){.signal = 65}), -1);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){.signal = 64}), 0);
        talk_end(&talk);
}

static void test_a_failure_that_cannot_be_read_is_refused(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take(&talk, FRAME_FAILED, "\1", 1), -1);
        assert_int_equal(take(&talk, FRAME_FAILED, "\1\0\0\0\xff", 5), -1);
        assert_int_equal(take(&talk, FRAME_FAILED, "\1\0\0\0exec", 8), 0);
        talk_end(&talk);
}

static void test_artifacts_are_taken_within_their_bounds_only(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){0}), 0);
        assert_int_equal(take_artifact(&talk, ARTIFACT_BYTES_MAX + 1), -1);
        assert_int_equal(take_artifact(&talk, UINT64_MAX), -1);
        for (int i = 0; i < ARTIFACT_FILES_MAX; i++)
                assert_int_equal(take_artifact(&talk, 0), 0);
        assert_int_equal(take_artifact(&talk, 0), -1);
        assert_int_equal(talk.result.artifact_count, ARTIFACT_FILES_MAX);
        talk_end(&talk);
}

static void test_artifacts_are_bounded_together(void **state)
{
        (void)state;
        struct talk talk;
        talk_begin(&talk);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){0}), 0);
        talk.dialogue.collection.total_bytes = ARTIFACTS_BYTES_MAX - 1;
        assert_int_equal(take_artifact(&talk, 2), -1);
        assert_int_equal(take_artifact(&talk, 1), 0);
        assert_int_equal(take(&talk, FRAME_ARTIFACT_DATA, "xy", 2), -1);
        talk_end(&talk);
}

static void test_only_what_is_beyond_the_named_may_be_counted_unnamed(void **state)
{
        (void)state;
        struct talk talk;
        uint8_t encoded[FRAME_FIXED_MAX];
        size_t size = frame_encode_report(encoded, &(struct frame_report){.omitted = 40}, 0);
        talk_begin(&talk);
        assert_int_equal(take_ended(&talk, &(struct frame_ended){0}), 0);
        for (int named = 0; named < RESULT_OMITTED_MAX; named++) {
                assert_int_equal(take_encoded(&talk, encoded, size), -1);
                assert_int_equal(take(&talk, FRAME_ARTIFACT_OMITTED, "a\0link", 6), 0);
        }
        assert_int_equal(take_encoded(&talk, encoded, size), 0);
        assert_int_equal(talk.result.omitted_count, 40);
        talk_end(&talk);
}

static void append(struct bytes *stream, enum frame_type type, const void *payload, size_t size)
{
        assert_int_equal(command_encode_data(stream, type, (struct span){payload, size}), 0);
}

static void append_conversation(struct bytes *stream)
{
        uint8_t encoded[FRAME_FIXED_MAX];
        append(stream, FRAME_STARTED, NULL, 0);
        append(stream, FRAME_STDOUT, "out", 3);
        append(stream, FRAME_NOTICE, "blocked_module os", 17);
        append(stream, FRAME_STDERR, "err", 3);
        assert_int_equal(bytes_append(stream, encoded, frame_encode_ended(encoded, &(struct frame_ended){.exit_code = 3}, 0)), 0);
        assert_int_equal(bytes_append(stream, encoded, frame_encode_artifact(encoded, &(struct frame_artifact){2}, 1)), 0);
        assert_int_equal(bytes_append(stream, "a", 1), 0);
        append(stream, FRAME_ARTIFACT_DATA, "xy", 2);
        append(stream, FRAME_ARTIFACT_OMITTED, "b\0no regular file", 17);
        assert_int_equal(bytes_append(stream, encoded, frame_encode_report(encoded, &(struct frame_report){1, 1}, 0)), 0);
}

/* Returns how many frames were whole. */
static size_t take_stream(struct talk *talk, struct span stream)
{
        static uint8_t payload[FRAME_PAYLOAD_MAX];
        struct frame_parser parser;
        struct frame frame;
        size_t whole = 0;
        frame_parser_init(&parser, payload, sizeof(payload));
        while (frame_parser_take(&parser, &stream.data, &stream.size, &frame) == FRAME_WHOLE) {
                assert_int_equal(take(talk, frame.type, frame.payload, frame.size), 0);
                whole++;
        }
        return whole;
}

static void test_a_conversation_may_be_cut_anywhere(void **state)
{
        (void)state;
        enum { FRAMES = 9 };
        struct bytes stream = {0};
        append_conversation(&stream);
        for (size_t size = 0; size <= stream.size; size++) {
                struct talk talk;
                talk_begin(&talk);
                size_t whole = take_stream(&talk, (struct span){stream.data, size});
                assert_int_equal(whole == FRAMES, size == stream.size);
                assert_int_equal(talk.dialogue.has_ended, whole > 4);
                assert_int_equal(talk.result.artifact_count, whole > 6); /* never half of one */
                talk_end(&talk);
        }
        bytes_deinit(&stream);
}

static void test_a_flipped_bit_is_survived(void **state)
{
        (void)state;
        struct bytes stream = {0};
        append_conversation(&stream);
        for (size_t bit = 0; bit < stream.size * 8; bit++) {
                struct talk talk;
                static uint8_t payload[FRAME_PAYLOAD_MAX];
                struct frame_parser parser;
                struct frame frame;
                struct span rest = bytes_span(&stream);
                talk_begin(&talk);
                frame_parser_init(&parser, payload, sizeof(payload));
                stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                while (frame_parser_take(&parser, &rest.data, &rest.size, &frame) == FRAME_WHOLE &&
                       take(&talk, frame.type, frame.payload, frame.size) == 0)
                        ;
                stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_true(talk.result.artifact_count <= 1);
                talk_end(&talk);
        }
        bytes_deinit(&stream);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_program_starts_once),
                        cmocka_unit_test(test_nothing_comes_of_a_program_that_was_not_told_to_start),
                        cmocka_unit_test(test_no_more_stdin_is_taken_than_was_given),
                        cmocka_unit_test(test_an_end_that_no_process_has_is_refused),
                        cmocka_unit_test(test_a_failure_that_cannot_be_read_is_refused),
                        cmocka_unit_test(test_artifacts_are_taken_within_their_bounds_only),
                        cmocka_unit_test(test_artifacts_are_bounded_together),
                        cmocka_unit_test(test_only_what_is_beyond_the_named_may_be_counted_unnamed),
                        cmocka_unit_test(test_a_conversation_may_be_cut_anywhere),
                        cmocka_unit_test(test_a_flipped_bit_is_survived),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
