#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/cli/execution.h"
#include "common/clock.h"
#include "worker/sandbox/sandbox.h"

/* An engine that does as the test says, in place of the real one. */
struct sandbox {
        const struct sandbox_options *options;
        struct sandbox_options kept;
        struct sandbox_run *run;
        uv_timer_t turn;
        void (*closed)(void *data);
        void *closed_data;
};

enum play { PLAY_FINISHES, PLAY_TROUBLE, PLAY_REFUSES_OPEN, PLAY_REFUSES_START, PLAY_INTERRUPTED, PLAY_WAITS_FOR_CANCEL };

static enum play play;
static int signal_when_running; /* 0: none */
static bool was_closed;

static void end_run(struct sandbox *s, enum status status, enum cause cause)
{
        struct result result = {.status = status, .termination = {.cause = cause}};
        struct sandbox_run *run = s->run;
        s->run = NULL;
        run->done(run, SANDBOX_FINISHED, &result, NULL);
        result_deinit(&result);
}

static void interrupt_run(struct sandbox_run *run)
{
        struct error e;
        error_set(&e, ERROR_DOCKER, "the stream broke");
        run->done(run, SANDBOX_INTERRUPTED, NULL, &e);
}

static void act_on_run(struct sandbox *s)
{
        struct sandbox_run *run = s->run;
        if (run->output)
                run->output(run, SANDBOX_STDOUT, span_of("x"));
        if (play == PLAY_FINISHES)
                end_run(s, STATUS_SUCCEEDED, CAUSE_EXIT);
        if (play == PLAY_INTERRUPTED)
                interrupt_run(run);
        if (signal_when_running)
                raise(signal_when_running);
}

static void on_turn(uv_timer_t *timer)
{
        struct sandbox *s = timer->data;
        struct error e;
        if (s->run)
                act_on_run(s);
        else if (play == PLAY_TROUBLE)
                s->kept.trouble(s->kept.data, (error_set(&e, ERROR_DOCKER, "nobody listens"), &e));
        else
                s->kept.ready(s->kept.data);
}

int sandbox_open(struct sandbox **ret_sandbox, uv_loop_t *loop, const struct sandbox_options *options, struct error *e)
{
        if (play == PLAY_REFUSES_OPEN)
                return error_set(e, ERROR_CONFIG, "no such profile");
        struct sandbox *s = calloc(1, sizeof *s);
        s->kept = *options;
        s->turn.data = s;
        uv_timer_init(loop, &s->turn);
        uv_timer_start(&s->turn, on_turn, 0, 0);
        *ret_sandbox = s;
        return 0;
}

static void on_turn_closed(uv_handle_t *handle)
{
        struct sandbox *s = handle->data;
        s->closed(s->closed_data);
        free(s);
}

void sandbox_close(struct sandbox *s, void (*closed)(void *data), void *data)
{
        was_closed = true;
        s->closed = closed;
        s->closed_data = data;
        uv_close((uv_handle_t *)&s->turn, on_turn_closed);
}

int sandbox_run_start(struct sandbox *s, struct sandbox_run *run, struct error *e)
{
        if (play == PLAY_REFUSES_START)
                return error_set(e, ERROR_SANDBOX, "level high is not offered");
        s->run = run;
        run->private = s;
        uv_timer_start(&s->turn, on_turn, 0, 0);
        return 0;
}

void sandbox_run_cancel(struct sandbox_run *run, enum sandbox_cancel why)
{
        assert_int_equal(why, SANDBOX_CANCEL_REQUEST);
        struct sandbox *s = run->private;
        if (s->run)
                end_run(s, STATUS_CANCELLED, CAUSE_CANCELLED);
}

static void execute(enum play wanted, struct result *ret_result, int *ret_signal)
{
        static struct config config;
        struct preparation p = {.job_id = "0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c", .agent_id = "test-001", .risk = RISK_HIGH};
        struct log log = {.program = "test", .fd = -1, .clock = &clock_system};
        struct execution_options options = {.config = &config, .preparation = &p, .log = &log};
        struct error e = {0};
        p.job.language = strdup("python");
        play = wanted;
        was_closed = false;
        *ret_result = (struct result){0};
        assert_int_equal(execution_run(&options, ret_result, ret_signal, &e), 0);
        assert_int_equal(was_closed, wanted != PLAY_REFUSES_OPEN);
        job_deinit(&p.job);
}

static void test_record_of_the_engine_is_handed_on(void **state)
{
        (void)state;
        struct result r;
        int number;
        execute(PLAY_FINISHES, &r, &number);
        assert_int_equal(r.status, STATUS_SUCCEEDED);
        assert_int_equal(number, 0);
        result_deinit(&r);
}

static void assert_infrastructure(enum play wanted, const char *reason)
{
        struct result r;
        int number;
        execute(wanted, &r, &number);
        assert_int_equal(r.status, STATUS_ERROR);
        assert_int_equal(r.termination.cause, CAUSE_INFRASTRUCTURE);
        assert_string_equal(r.termination.reason, reason);
        assert_string_equal(r.agent_id, "test-001");
        assert_int_equal(r.risk, RISK_HIGH);
        result_deinit(&r);
}

static void test_engine_that_fails_gives_a_record_with_the_reason(void **state)
{
        (void)state;
        assert_infrastructure(PLAY_TROUBLE, "nobody listens");
        assert_infrastructure(PLAY_REFUSES_OPEN, "no such profile");
        assert_infrastructure(PLAY_REFUSES_START, "level high is not offered");
        assert_infrastructure(PLAY_INTERRUPTED, "the stream broke");
}

static void test_signals_cancel_the_run(void **state)
{
        (void)state;
        const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                struct result r;
                int number;
                signal_when_running = numbers[i];
                execute(PLAY_WAITS_FOR_CANCEL, &r, &number);
                assert_int_equal(r.status, STATUS_CANCELLED);
                assert_int_equal(number, numbers[i]);
                result_deinit(&r);
        }
        signal_when_running = 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_record_of_the_engine_is_handed_on),
                        cmocka_unit_test(test_engine_that_fails_gives_a_record_with_the_reason),
                        cmocka_unit_test(test_signals_cancel_the_run),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
