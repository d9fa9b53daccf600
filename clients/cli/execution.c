#include "clients/cli/execution.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/echo.h"
#include "common/clock.h"
#include "worker/sandbox/sandbox.h"

enum { ENGINE_ANSWER_MS = 30000, SIGNAL_COUNT = 3 };

static const int SIGNALS[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};

enum phase { PHASE_OPENING, PHASE_RUNNING, PHASE_CLOSING };

struct execution {
        const struct execution_options *options;
        struct sandbox *sandbox;
        struct sandbox_run run;
        enum phase phase;
        int signal;
        bool failed; /* `e` is set, and there is no record */
        struct result *result;
        struct error *e;
        uv_loop_t loop;
        uv_signal_t signals[SIGNAL_COUNT];
        uv_timer_t patience;
        struct echo streams[2];
};

static void on_sandbox_closed(void *data)
{
        struct execution *x = data;
        x->sandbox = NULL;
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
                uv_close((uv_handle_t *)&x->signals[i], NULL);
        uv_close((uv_handle_t *)&x->patience, NULL);
        echo_close(&x->streams[SANDBOX_STDOUT]);
        echo_close(&x->streams[SANDBOX_STDERR]);
}

static void finish(struct execution *x)
{
        x->phase = PHASE_CLOSING;
        uv_timer_stop(&x->patience);
        if (x->sandbox)
                sandbox_close(x->sandbox, on_sandbox_closed, x);
        else
                on_sandbox_closed(x);
}

static void finish_unrun(struct execution *x, enum status status, enum cause cause, const char *reason)
{
        x->failed = preparation_end(x->options->preparation, status, cause, reason, x->result, x->e) < 0;
        finish(x);
}

static void finish_error(struct execution *x, const struct error *why)
{
        if (x->signal)
                finish_unrun(x, STATUS_CANCELLED, CAUSE_CANCELLED, NULL);
        else
                finish_unrun(x, STATUS_ERROR, CAUSE_INFRASTRUCTURE, why->text);
}

static void on_output(struct sandbox_run *run, enum sandbox_stream stream, struct span data)
{
        struct execution *x = run->data;
        if (echo_write(&x->streams[stream], data) == 0 || x->signal)
                return;
        x->signal = SIGPIPE;
        sandbox_run_cancel(run, SANDBOX_CANCEL_REQUEST);
}

static void on_done(struct sandbox_run *run, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct execution *x = run->data;
        if (outcome != SANDBOX_FINISHED) {
                finish_error(x, e);
                return;
        }
        *x->result = *result;
        *result = (struct result){0};
        finish(x);
}

static int start_run(struct execution *x, struct error *e)
{
        const struct preparation *p = x->options->preparation;
        x->run = (struct sandbox_run){
                        .job = &p->job,
                        .risk = p->risk,
                        .findings = p->findings,
                        .finding_count = p->finding_count,
                        .attempt = 1,
                        .output = x->options->echo ? on_output : NULL,
                        .done = on_done,
                        .data = x,
        };
        return sandbox_run_start(x->sandbox, &x->run, e);
}

static void on_ready(void *data)
{
        struct execution *x = data;
        struct error e = {0};
        if (x->phase != PHASE_OPENING)
                return;
        uv_timer_stop(&x->patience);
        if (start_run(x, &e) < 0)
                finish_error(x, &e);
        else
                x->phase = PHASE_RUNNING;
}

/* Trouble while a program runs is the run's own matter: it ends with an outcome. */
static void on_trouble(void *data, const struct error *e)
{
        struct execution *x = data;
        if (x->phase == PHASE_OPENING)
                finish_error(x, e);
}

static void on_patience_over(uv_timer_t *timer)
{
        struct error e;
        error_set(&e, ERROR_DOCKER, "the Docker engine did not answer within %d s", ENGINE_ANSWER_MS / 1000);
        on_trouble(timer->data, &e);
}

static void on_signal(uv_signal_t *handle, int number)
{
        struct execution *x = handle->data;
        if (x->signal)
                return;
        x->signal = number;
        if (x->phase == PHASE_RUNNING)
                sandbox_run_cancel(&x->run, SANDBOX_CANCEL_REQUEST);
        else if (x->phase == PHASE_OPENING)
                finish_unrun(x, STATUS_CANCELLED, CAUSE_CANCELLED, NULL);
}

static void watch_signal(struct execution *x, uv_signal_t *handle, int number)
{
        uv_signal_init(&x->loop, handle);
        handle->data = x;
        uv_signal_start(handle, on_signal, number);
}

static void watch(struct execution *x)
{
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
                watch_signal(x, &x->signals[i], SIGNALS[i]);
        uv_timer_init(&x->loop, &x->patience);
        x->patience.data = x;
        uv_timer_start(&x->patience, on_patience_over, ENGINE_ANSWER_MS, 0);
        echo_open(&x->streams[SANDBOX_STDOUT], &x->loop, STDOUT_FILENO);
        echo_open(&x->streams[SANDBOX_STDERR], &x->loop, STDERR_FILENO);
}

static void open_sandbox(struct execution *x)
{
        struct error e = {0};
        struct sandbox_options options = {
                        .config = x->options->config,
                        .log = x->options->log,
                        .clock = &clock_system,
                        .worker = x->options->config->worker_name,
                        .levels = 1U << x->options->preparation->risk,
                        .one_shot = true,
                        .ready = on_ready,
                        .trouble = on_trouble,
                        .data = x,
        };
        if (sandbox_open(&x->sandbox, &x->loop, &options, &e) < 0) {
                x->sandbox = NULL;
                finish_error(x, &e);
        }
}

int execution_run(const struct execution_options *options, struct result *ret_result, int *ret_signal, struct error *e)
{
        struct execution x = {.options = options, .result = ret_result, .e = e};
        if (uv_loop_init(&x.loop) < 0)
                return error_set(e, ERROR_SYSTEM, "cannot make an event loop");
        signal(SIGPIPE, SIG_IGN);
        watch(&x);
        open_sandbox(&x);
        uv_run(&x.loop, UV_RUN_DEFAULT);
        uv_loop_close(&x.loop);
        echo_finish(&x.streams[SANDBOX_STDOUT]);
        echo_finish(&x.streams[SANDBOX_STDERR]);
        *ret_signal = x.signal;
        return x.failed ? -1 : 0;
}
