/* What brig-init is told of a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "worker/init/frame.h"
#include "worker/sandbox/command.h"

struct told {
        struct bytes frames;
        struct frame_parser parser;
        uint8_t payload[FRAME_PAYLOAD_MAX];
        const uint8_t *data;
        size_t size;
};

static void tell(struct told *told, const struct job *job, const struct language *language, enum risk risk, uint64_t deadline_ms)
{
        static const struct limits limits = {.timeout_ms = 1500, .output_bytes = 4096, .cpu_millis = 1100};
        struct error e;
        memset(told, 0, sizeof(*told));
        assert_int_equal(command_encode(&told->frames, job, language, risk, &limits, deadline_ms, &e), 0);
        frame_parser_init(&told->parser, told->payload, sizeof(told->payload));
        told->data = told->frames.data;
        told->size = told->frames.size;
}

static struct frame next(struct told *told)
{
        struct frame frame;
        assert_int_equal(frame_parser_take(&told->parser, &told->data, &told->size, &frame), FRAME_WHOLE);
        return frame;
}

static void expect_text(struct told *told, enum frame_type type, const char *text)
{
        struct frame frame = next(told);
        assert_int_equal(frame.type, type);
        assert_int_equal(frame.size, strlen(text));
        assert_memory_equal(frame.payload, text, frame.size);
}

static const struct language language = {
                .name = "python",
                .file = "main.py",
                .command = {"python3", "{file}"},
                .fence = {"python3", "/brig/fence/python.py", "{risk}", "{blocked}", "{file}"},
                .env = {"PROCS={cpus}"},
                .blocked = {NULL, "os socket", "os"},
};

static void test_the_command_is_the_languages_and_the_jobs(void **state)
{
        (void)state;
        struct told told;
        char *args[] = {"a", ""};
        struct job_env env[] = {{"HOME", "/elsewhere"}};
        struct job job = {.has_code = true, .args = args, .arg_count = 2, .env = env, .env_count = 1};
        tell(&told, &job, &language, RISK_LOW, 0);
        struct frame frame = next(&told);
        struct frame_limits limits;
        assert_true(frame_decode_limits(&frame, &limits));
        assert_true(limits.timeout_ms > 1500 && limits.timeout_ms <= 2500); /* init's timer stands behind the worker's */
        assert_int_equal(limits.output_bytes, 4096);
        expect_text(&told, FRAME_ARGUMENT, "python3");
        expect_text(&told, FRAME_ARGUMENT, "/code/main.py");
        expect_text(&told, FRAME_ARGUMENT, "a");
        expect_text(&told, FRAME_ARGUMENT, "");
        expect_text(&told, FRAME_ENVIRONMENT, "HOME=/work");
        expect_text(&told, FRAME_ENVIRONMENT, "TMPDIR=/tmp");
        expect_text(&told, FRAME_ENVIRONMENT, "LANG=C.UTF-8");
        expect_text(&told, FRAME_ENVIRONMENT, "PROCS=2");
        expect_text(&told, FRAME_ENVIRONMENT, "HOME=/elsewhere"); /* the later one replaces */
        frame = next(&told);
        struct frame_command command;
        assert_int_equal(frame.type, FRAME_COMMAND);
        size_t text = frame_decode_command(&frame, &command);
        assert_int_equal(command.policy_pipe, 0);
        assert_memory_equal(frame.payload + text, "/work", 5);
        assert_int_equal(told.size, 0);
        bytes_deinit(&told.frames);
}

static void test_a_fence_stands_where_the_level_blocks_names(void **state)
{
        (void)state;
        struct told told;
        struct job job = {.entrypoint = "sub/run.py"};
        tell(&told, &job, &language, RISK_MEDIUM, 0);
        next(&told);
        expect_text(&told, FRAME_ARGUMENT, "python3");
        expect_text(&told, FRAME_ARGUMENT, "/brig/fence/python.py");
        expect_text(&told, FRAME_ARGUMENT, "medium");
        expect_text(&told, FRAME_ARGUMENT, "os socket");
        expect_text(&told, FRAME_ARGUMENT, "/code/sub/run.py");
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(next(&told).type, FRAME_ENVIRONMENT);
        struct frame frame = next(&told);
        struct frame_command command;
        assert_true(frame_decode_command(&frame, &command));
        assert_int_equal(command.policy_pipe, 1);
        bytes_deinit(&told.frames);
}

static void test_a_lease_and_artifacts_are_told_before_the_command(void **state)
{
        (void)state;
        struct told told;
        char *globs[] = {"*.txt", "out/**"};
        struct job job = {.has_code = true, .artifacts = globs, .artifact_count = 2};
        struct frame frame;
        tell(&told, &job, &language, RISK_LOW, 777);
        do
                frame = next(&told);
        while (frame.type != FRAME_ARTIFACTS);
        struct frame_artifacts artifacts;
        size_t text = frame_decode_artifacts(&frame, &artifacts);
        assert_int_equal(artifacts.files_max, 64);
        assert_int_equal(frame.size - text, 13);
        assert_memory_equal(frame.payload + text, "*.txt\0out/**", 13);
        frame = next(&told);
        struct frame_keepalive keepalive;
        assert_true(frame_decode_keepalive(&frame, &keepalive));
        assert_int_equal(keepalive.deadline_ms, 777);
        assert_int_equal(next(&told).type, FRAME_COMMAND);
        bytes_deinit(&told.frames);
}

static void test_what_is_compiled_lies_where_each_container_finds_it(void **state)
{
        (void)state;
        struct told told;
        const struct language compiled = {.name = "go", .file = "main.go", .compile = {"go"}, .command = {"{program}"}};
        const struct language compiler = {.name = "go", .file = "main.go", .command = {"go", "{program}", "./{folder}"}};
        const struct job job = {.entrypoint = (char *)"cmd/x/main.go"};
        const struct job code = {.has_code = true};
        tell(&told, &job, &compiled, RISK_HIGH, 0);
        assert_int_equal(next(&told).type, FRAME_LIMITS);
        expect_text(&told, FRAME_ARGUMENT, "/code/program");
        bytes_deinit(&told.frames);
        tell(&told, &job, &compiler, RISK_HIGH, 0);
        assert_int_equal(next(&told).type, FRAME_LIMITS);
        expect_text(&told, FRAME_ARGUMENT, "go");
        expect_text(&told, FRAME_ARGUMENT, "/work/program");
        expect_text(&told, FRAME_ARGUMENT, "./cmd/x");
        bytes_deinit(&told.frames);
        tell(&told, &code, &compiler, RISK_HIGH, 0);
        (void)next(&told);
        expect_text(&told, FRAME_ARGUMENT, "go");
        expect_text(&told, FRAME_ARGUMENT, "/work/program");
        expect_text(&told, FRAME_ARGUMENT, "./.");
        bytes_deinit(&told.frames);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_is_compiled_lies_where_each_container_finds_it),
                        cmocka_unit_test(test_the_command_is_the_languages_and_the_jobs),
                        cmocka_unit_test(test_a_fence_stands_where_the_level_blocks_names),
                        cmocka_unit_test(test_a_lease_and_artifacts_are_told_before_the_command),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
