#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/init/streams.h"

/* The job's ends of the pipes are the test's. */
struct fixture {
        struct wire wire;
        struct child child;
        struct streams streams;
        int job_stdin, job_stdout, job_policy;
};

static void connect_pipe(int *init_end, int *job_end, int init_writes)
{
        int ends[2];
        assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
        *init_end = ends[init_writes];
        *job_end = ends[!init_writes];
}

static int setup(void **state)
{
        static struct fixture f;
        signal(SIGPIPE, SIG_IGN);
        memset(&f, 0, sizeof f);
        child_init(&f.child);
        wire_init(&f.wire, -1);
        streams_init(&f.streams, &f.wire, &f.child);
        connect_pipe(&f.child.input, &f.job_stdin, 1);
        connect_pipe(&f.child.output[FRAME_STREAM_STDOUT], &f.job_stdout, 0);
        connect_pipe(&f.child.policy, &f.job_policy, 0);
        f.streams.budget_bytes = 1 << 20;
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        child_close(&f->child.input);
        child_close(&f->child.output[FRAME_STREAM_STDOUT]);
        child_close(&f->child.policy);
        child_close(&f->job_stdin);
        child_close(&f->job_stdout);
        child_close(&f->job_policy);
        return 0;
}

/* Takes the next frame off the wire. */
static struct frame next(struct fixture *f)
{
        static uint8_t payload[FRAME_PAYLOAD_MAX];
        struct frame_parser parser;
        struct frame frame = {0};
        struct queue *queue = &f->wire.queue;
        const uint8_t *data = queue->bytes + queue->start;
        size_t left = queue_size(queue);
        frame_parser_init(&parser, payload, sizeof payload);
        assert_int_equal(frame_parser_take(&parser, &data, &left, &frame), FRAME_WHOLE);
        queue->start = queue->end - left;
        return frame;
}

static void print(struct fixture *f, size_t size)
{
        static char text[FRAME_DATA_MAX];
        memset(text, 'o', sizeof text);
        assert_int_equal(write(f->job_stdout, text, size), size);
}

static void test_output_is_framed_as_it_comes(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(streams_move_output(&f->streams, FRAME_STREAM_STDOUT), STREAMS_EMPTY);
        print(f, 5);
        assert_int_equal(streams_move_output(&f->streams, FRAME_STREAM_STDOUT), STREAMS_SOME);
        struct frame frame = next(f);
        assert_int_equal(frame.type, FRAME_STDOUT);
        assert_int_equal(frame.size, 5);
        assert_int_equal(queue_size(&f->wire.queue), 0);
}

static void test_the_byte_beyond_the_budget_is_counted_and_told_once(void **state)
{
        struct fixture *f = *state;
        f->streams.budget_bytes = 7;
        print(f, 7);
        streams_move_output(&f->streams, FRAME_STREAM_STDOUT);
        assert_false(f->streams.exceeded);
        print(f, 1);
        streams_move_output(&f->streams, FRAME_STREAM_STDOUT);
        print(f, 1);
        streams_move_output(&f->streams, FRAME_STREAM_STDOUT);
        assert_true(f->streams.exceeded);
        assert_int_equal(f->streams.produced_bytes[FRAME_STREAM_STDOUT], 9);
        assert_int_equal(next(f).size, 7);
        assert_int_equal(next(f).type, FRAME_OUTPUT_LIMIT);
        assert_int_equal(queue_size(&f->wire.queue), 0);
}

static void test_a_full_wire_holds_output_back_and_keeps_its_reserve(void **state)
{
        struct fixture *f = *state;
        size_t pieces = 0;
        do
                print(f, FRAME_DATA_MAX);
        while (streams_move_output(&f->streams, FRAME_STREAM_STDOUT) == STREAMS_SOME && ++pieces < 1000);
        assert_int_equal(pieces, 3);
        assert_true(queue_room(&f->wire.queue) >= WIRE_RESERVE_BYTES);
        assert_false(streams_drain(&f->streams));
        queue_clear(&f->wire.queue);
        assert_true(streams_drain(&f->streams));
        assert_int_equal(f->streams.produced_bytes[FRAME_STREAM_STDOUT], 4 * FRAME_DATA_MAX);
}

static void test_stdin_is_bounded_by_its_window_and_told_as_taken(void **state)
{
        struct fixture *f = *state;
        static uint8_t data[FRAME_STDIN_WINDOW];
        struct frame_stdin_taken taken;
        assert_true(streams_take_input(&f->streams, data, sizeof data));
        assert_false(streams_take_input(&f->streams, data, 1));
        f->streams.input_ended = true;
        streams_move_input(&f->streams);
        struct frame frame = next(f);
        frame_decode_stdin_taken(&frame, &taken);
        assert_int_equal(taken.bytes, sizeof data);
        assert_int_equal(f->child.input, -1);
        assert_int_equal(read(f->job_stdin, data, sizeof data), sizeof data);
        assert_int_equal(read(f->job_stdin, data, 1), 0);
}

static void test_stdin_that_nobody_reads_any_more_counts_as_taken(void **state)
{
        struct fixture *f = *state;
        struct frame_stdin_taken taken;
        child_close(&f->job_stdin);
        streams_take_input(&f->streams, (const uint8_t *)"lost", 4);
        streams_move_input(&f->streams);
        struct frame frame = next(f);
        frame_decode_stdin_taken(&frame, &taken);
        assert_int_equal(taken.bytes, 4);
        assert_int_equal(f->child.input, -1);
}

static void test_policy_lines_become_notices(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(write(f->job_policy, "module os\nmod", 13), 13);
        assert_int_equal(streams_move_policy(&f->streams), STREAMS_SOME);
        struct frame frame = next(f);
        assert_int_equal(frame.type, FRAME_NOTICE);
        assert_memory_equal(frame.payload, "module os", 9);
        child_close(&f->job_policy);
        assert_int_equal(streams_move_policy(&f->streams), STREAMS_EMPTY);
        assert_int_equal(f->child.policy, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_output_is_framed_as_it_comes),
                        TEST(test_the_byte_beyond_the_budget_is_counted_and_told_once),
                        TEST(test_a_full_wire_holds_output_back_and_keeps_its_reserve),
                        TEST(test_stdin_is_bounded_by_its_window_and_told_as_taken),
                        TEST(test_stdin_that_nobody_reads_any_more_counts_as_taken),
                        TEST(test_policy_lines_become_notices),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
