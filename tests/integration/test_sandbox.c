/* Jobs through the sandbox on the real engine. SKIPPED when none answers, or when it has no image with python3 (BRIG_TEST_IMAGE). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/sandbox.h"

enum { PATIENCE_MS = 60000 };

static const char *const images[] = {"brig/python", "t/python"};

struct fixture {
        uv_loop_t loop;
        uv_timer_t patience;
        struct config config;
        struct log log;
        struct sandbox *sandbox;
        const char *image;
        char folder[64]; /* runtime and logs of this test */
        char engine[96]; /* the way to the engine's socket, which a test may cut */
        char host[112];
        bool ready, closed, impatient, troubled;
        bool attacked; /* by itself, before a level is offered */
        struct error trouble;
};

struct outcome {
        struct fixture *fixture;
        struct sandbox_run run;
        struct bytes seen; /* stdout as it came */
        bool started, done;
        enum sandbox_outcome outcome;
        struct result result;
        struct error error;
        const char *kill_at; /* cancel when this was written */
        enum sandbox_cancel why;
};

static void on_ready(void *data)
{
        struct fixture *f = data;
        f->ready = true;
}

static void on_trouble(void *data, const struct error *e)
{
        struct fixture *f = data;
        f->trouble = *e;
        f->troubled = true;
}

static void on_closed(void *data)
{
        struct fixture *f = data;
        f->closed = true;
}

static void on_impatience(uv_timer_t *timer)
{
        struct fixture *f = timer->data;
        f->impatient = true;
}

/* Runs the loop until `condition`; fails after a bound. */
static void wait_for(struct fixture *f, const bool *condition)
{
        f->impatient = false;
        uv_timer_start(&f->patience, on_impatience, PATIENCE_MS, 0);
        while (!*condition && !f->impatient)
                uv_run(&f->loop, UV_RUN_ONCE);
        uv_timer_stop(&f->patience);
        assert_true(*condition);
}

static const char *engine_socket(void)
{
        const char *host = getenv("BRIG_DOCKER_HOST");
        return host ? host + strlen("unix://") : "/var/run/docker.sock";
}

static void set_directory(char **directory, const char *folder, const char *name)
{
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        free(*directory);
        *directory = strdup(path);
}

static void open_sandbox(struct fixture *f)
{
        struct error e = {0};
        struct sandbox_options options = {
                        .config = &f->config,
                        .log = &f->log,
                        .clock = &clock_system,
                        .worker = "test",
                        .init_path = BRIG_BIN_DIR "/brig-init",
                        .attacked = f->attacked,
                        .ready = on_ready,
                        .trouble = on_trouble,
                        .data = f,
        };
        f->ready = f->closed = false;
        if (sandbox_open(&f->sandbox, &f->loop, &options, &e) < 0)
                fail_msg("%s", e.text);
        wait_for(f, &f->ready);
}

static void close_sandbox(struct fixture *f)
{
        sandbox_close(f->sandbox, on_closed, f);
        wait_for(f, &f->closed);
        f->sandbox = NULL;
}

static void find_image(struct fixture *f)
{
        const char *id;
        struct error e;
        f->image = getenv("BRIG_TEST_IMAGE");
        for (size_t i = 0; !f->image && i < sizeof(images) / sizeof(*images); i++)
                if (sandbox_find_image(f->sandbox, images[i], &id, &e) == 0)
                        f->image = images[i];
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct error e = {0};
        *state = f;
        if (access(engine_socket(), R_OK | W_OK) < 0)
                return 0;
        strcpy(f->folder, "/tmp/brig-test-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        snprintf(f->engine, sizeof(f->engine), "%s/engine", f->folder);
        snprintf(f->host, sizeof(f->host), "BRIG_DOCKER_HOST=unix://%s", f->engine);
        assert_int_equal(symlink(engine_socket(), f->engine), 0);
        char *environment[] = {"BRIG_IMAGES_ALLOW=*", "BRIG_WORKER_SLOTS=2", "BRIG_WORKER_WARM=1", f->host, NULL};
        if (config_load(&f->config, BRIG_SOURCE_DIR "/config/sandbox-config.yaml", environment, &e) < 0)
                fail_msg("%s", e.text);
        set_directory(&f->config.runtime_directory, f->folder, "run");
        set_directory(&f->config.log_directory, f->folder, "log");
        f->log = (struct log){"test", getenv("BRIG_TEST_DEBUG") ? LOG_DEBUG : LOG_WARNING, &clock_system, 2};
        uv_loop_init(&f->loop);
        uv_timer_init(&f->loop, &f->patience);
        f->patience.data = f;
        open_sandbox(f);
        find_image(f);
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        char command[128];
        if (f->sandbox)
                close_sandbox(f);
        if (f->folder[0]) {
                uv_close((uv_handle_t *)&f->patience, NULL);
                uv_run(&f->loop, UV_RUN_DEFAULT);
                assert_int_equal(uv_loop_close(&f->loop), 0);
                config_deinit(&f->config);
                snprintf(command, sizeof(command), "rm -rf %s", f->folder);
                assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
        }
        free(f);
        return 0;
}

static struct fixture *fixture_of(void **state)
{
        struct fixture *f = *state;
        if (!f->sandbox || !f->image) {
                print_message("SKIPPED: %s\n", f->sandbox ? "the engine has no image with python3" : "no Docker engine answers");
                skip();
        }
        return f;
}

/* --- jobs --- */

static void job_init(struct job *job, const struct fixture *f, const char *code)
{
        memset(job, 0, sizeof(*job));
        uuid_make(job->job_id);
        job->agent_id = strdup("tester");
        job->language = strdup("python");
        job->image = strdup(f->image);
        job->has_code = true;
        assert_int_equal(bytes_append_string(&job->code, code), 0);
}

static void on_started(struct sandbox_run *run)
{
        struct outcome *o = run->data;
        o->started = true;
}

static void on_output(struct sandbox_run *run, enum sandbox_stream stream, struct span data)
{
        struct outcome *o = run->data;
        if (stream != SANDBOX_STDOUT)
                return;
        assert_int_equal(bytes_append(&o->seen, data.data, data.size), 0);
        if (o->kill_at && strstr((const char *)o->seen.data, o->kill_at)) {
                o->kill_at = NULL;
                sandbox_run_cancel(run, o->why);
        }
}

static void on_done(struct sandbox_run *run, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct outcome *o = run->data;
        o->outcome = outcome;
        o->done = true;
        if (e)
                o->error = *e;
        if (!result)
                return;
        o->result = *result;
        memset(result, 0, sizeof(*result));
}

static void start(struct fixture *f, struct outcome *o, const struct job *job, enum risk risk)
{
        struct error e = {0};
        o->fixture = f;
        o->run.job = job;
        o->run.risk = risk;
        o->run.attempt = 1;
        o->run.fence = 7;
        o->run.started = on_started;
        o->run.output = on_output;
        o->run.done = on_done;
        o->run.data = o;
        if (sandbox_run_start(f->sandbox, &o->run, &e) < 0)
                fail_msg("%s", e.text);
        assert_false(o->done);
}

static void finish(struct outcome *o)
{
        wait_for(o->fixture, &o->done);
        if (o->outcome != SANDBOX_FINISHED && !o->error.code)
                fail_msg("no result and no reason");
}

static void run_job(struct fixture *f, struct outcome *o, const struct job *job, enum risk risk)
{
        start(f, o, job, risk);
        finish(o);
        if (o->outcome != SANDBOX_FINISHED)
                fail_msg("%s", o->error.text);
}

static void run_code(struct fixture *f, struct outcome *o, const char *code)
{
        struct job job;
        job_init(&job, f, code);
        run_job(f, o, &job, RISK_MEDIUM);
        job_deinit(&job);
}

static void outcome_deinit(struct outcome *o)
{
        result_deinit(&o->result);
        bytes_deinit(&o->seen);
}

static const char *stdout_of(const struct outcome *o)
{
        return o->result.stdout_data.data ? (const char *)o->result.stdout_data.data : "";
}

static const char *stderr_of(const struct outcome *o)
{
        return o->result.stderr_data.data ? (const char *)o->result.stderr_data.data : "";
}

/* --- what a job finds --- */

static void test_a_program_runs_and_its_record_is_complete(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        run_code(f, &o, "print('hello')\n");
        assert_int_equal(o.result.status, STATUS_SUCCEEDED);
        assert_int_equal(o.result.termination.cause, CAUSE_EXIT);
        assert_string_equal(stdout_of(&o), "hello\n");
        assert_string_equal((char *)o.seen.data, "hello\n");
        assert_int_equal(o.result.stdout_bytes, 6);
        assert_false(o.result.truncated);
        assert_true(o.started);
        assert_true(o.result.cpu_ms > 0 && o.result.peak_memory_bytes > (1 << 20));
        assert_true(o.result.started_at_ms > 0 && o.result.finished_at_ms >= o.result.started_at_ms);
        assert_true(o.result.has_limits);
        assert_int_equal(o.result.limits.limits.memory_bytes, 256 << 20);
        assert_int_equal(o.result.limits.limits.processes, 20);
        assert_int_equal(o.result.limits.limits.cpu_millis, 500);
        assert_int_equal(o.result.limits.disk_bytes, 32 << 20);
        assert_string_equal(o.result.limits.network, "loopback");
        assert_string_equal(o.result.limits.user, "65534:65534");
        assert_memory_equal(o.result.image, "sha256:", 7);
        assert_string_equal(o.result.worker, "test");
        assert_int_equal(o.result.attempt, 1);
        assert_int_equal(o.result.fence, 7);
        outcome_deinit(&o);
}

static void test_arguments_environment_input_and_files_reach_the_program(void **state)
{
        static const char main_code[] =
                        "import sys, environment, lib.answer\n"
                        "print(sys.argv[1:], lib.answer.ANSWER, len(sys.stdin.buffer.read()), environment.of('WORD', 'HOME'))\n";
        static const char environment_code[] = "import pathlib\ndef of(*names): return [pathlib.os.environ[n] for n in names]\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        struct job_file files[3] = {{.path = "main.py"}, {.path = "lib/answer.py"}, {.path = "environment.py"}};
        char *args[] = {"one", "two words"};
        struct job_env env[] = {{"WORD", "value"}};
        job_init(&job, f, "");
        assert_int_equal(bytes_append_string(&files[0].content, main_code), 0);
        assert_int_equal(bytes_append_string(&files[1].content, "ANSWER = 42\n"), 0);
        assert_int_equal(bytes_append_string(&files[2].content, environment_code), 0);
        assert_int_equal(bytes_reserve(&job.stdin_data, 1 << 20), 0);
        memset(job.stdin_data.data, 'i', 1 << 20);
        job.stdin_data.size = 1 << 20;
        job.has_code = false;
        job.files = files;
        job.file_count = 3;
        job.entrypoint = "main.py";
        job.args = args;
        job.arg_count = 2;
        job.env = env;
        job.env_count = 1;
        run_job(f, &o, &job, RISK_LOW + 1);
        assert_string_equal(stderr_of(&o), "");
        assert_string_equal(stdout_of(&o), "['one', 'two words'] 42 1048576 ['value', '/work']\n");
        for (size_t i = 0; i < 3; i++)
                bytes_deinit(&files[i].content);
        job.files = NULL;
        job.args = NULL;
        job.env = NULL;
        job.entrypoint = NULL;
        job.file_count = job.arg_count = job.env_count = 0;
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_code_cannot_be_changed_and_root_is_read_only(void **state)
{
        static const char code[] =
                        "import shutil, pathlib\n"
                        "for act in (lambda: open('/code/main.py', 'a'), lambda: open('/code/new', 'w'),\n"
                        "            lambda: pathlib.Path('/code/main.py').unlink(), lambda: pathlib.Path('/code/main.py').chmod(0o777),\n"
                        "            lambda: open('/etc/new', 'w'), lambda: open('/brig/init', 'a')):\n"
                        "    try:\n        act()\n        print('done')\n    except OSError as e:\n        print(e.errno in (1, 13, 30))\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        run_code(f, &o, code);
        assert_string_equal(stdout_of(&o), "True\nTrue\nTrue\nTrue\nTrue\nTrue\n");
        outcome_deinit(&o);
}

static void test_no_container_serves_two_jobs(void **state)
{
        static const char code[] = "import pathlib\n"
                                   "for place in ('/work', '/tmp', '/dev/shm'):\n"
                                   "    found = [p.name for p in pathlib.Path(place).iterdir()]\n"
                                   "    pathlib.Path(place, 'left').write_text('x')\n    print(found)\n"
                                   "print([p.name for p in pathlib.Path('/code').iterdir()])\n";
        struct fixture *f = fixture_of(state);
        for (unsigned i = 0; i < 4; i++) {
                struct outcome o = {0};
                run_code(f, &o, code);
                assert_string_equal(stdout_of(&o), "[]\n[]\n[]\n['main.py']\n");
                outcome_deinit(&o);
        }
}

static void test_high_has_no_loopback_and_no_shared_memory(void **state)
{
        static const char code[] = "import pathlib\nprint(pathlib.Path('/dev/shm').exists() and list(pathlib.Path('/dev/shm').iterdir()))\n"
                                   "try:\n    open('/dev/shm/x', 'w')\nexcept OSError: print('refused')\n"
                                   "print(pathlib.Path('/etc/hosts').read_text().split()[:3])\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, code);
        run_job(f, &o, &job, RISK_HIGH);
        assert_non_null(strstr(stdout_of(&o), "refused\n['127.0.0.1', 'localhost', 'sandbox']\n"));
        assert_string_equal(o.result.limits.network, "none");
        job_deinit(&job);
        outcome_deinit(&o);
}

/* --- what ends a job --- */

static void test_exit_code_and_signal_are_the_programs_own(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        run_code(f, &o, "raise SystemExit(3)\n");
        assert_int_equal(o.result.status, STATUS_FAILED);
        assert_int_equal(o.result.termination.cause, CAUSE_EXIT);
        assert_int_equal(o.result.termination.code, 3);
        outcome_deinit(&o);
        memset(&o, 0, sizeof(o));
        run_code(f, &o, "import signal\nsignal.raise_signal(15)\n");
        assert_int_equal(o.result.status, STATUS_FAILED);
        assert_int_equal(o.result.termination.cause, CAUSE_SIGNAL);
        assert_int_equal(o.result.termination.signal, SIGTERM);
        outcome_deinit(&o);
}

struct ending {
        const char *code;
        unsigned named;
        struct limits limits;
        enum cause cause;
        uint64_t limit;
        const char *partial; /* what stdout begins with */
};

static void run_ending(struct fixture *f, const struct ending *ending)
{
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, ending->code);
        job.limits_named = ending->named;
        job.limits = ending->limits;
        run_job(f, &o, &job, RISK_MEDIUM);
        assert_int_equal(o.result.status, STATUS_KILLED);
        assert_int_equal(o.result.termination.cause, ending->cause);
        assert_true(o.result.termination.has_limit);
        assert_int_equal(o.result.termination.limit, ending->limit);
        assert_true(o.result.termination.observed > 0);
        assert_memory_equal(stdout_of(&o), ending->partial, strlen(ending->partial));
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_wall_time_ends_a_sleeper(void **state)
{
        run_ending(fixture_of(state), &(struct ending){
                                                      .code = "import time\nprint('partial')\ntime.sleep(999)\n",
                                                      .named = LIMIT_TIMEOUT,
                                                      .limits = {.timeout_ms = 700},
                                                      .cause = CAUSE_WALL_TIMEOUT,
                                                      .limit = 700,
                                                      .partial = "partial\n",
                                      });
}

static void test_cpu_time_ends_a_busy_loop_in_a_child(void **state)
{
        run_ending(fixture_of(state), &(struct ending){
                                                      .code = "import posix\nprint('partial')\n"
                                                              "if posix.fork() == 0:\n    while True: pass\nposix.wait()\n",
                                                      .named = LIMIT_CPU_TIME,
                                                      .limits = {.cpu_ms = 300},
                                                      .cause = CAUSE_CPU_TIMEOUT,
                                                      .limit = 300,
                                                      .partial = "partial\n",
                                      });
}

static void test_memory_ends_a_hog(void **state)
{
        run_ending(fixture_of(state), &(struct ending){
                                                      .code = "print('partial')\nx = []\nwhile True: x.append(bytearray(1 << 20))\n",
                                                      .named = LIMIT_MEMORY,
                                                      .limits = {.memory_bytes = 64 << 20},
                                                      .cause = CAUSE_MEMORY,
                                                      .limit = 64 << 20,
                                                      .partial = "partial\n",
                                      });
}

static void test_memory_held_by_files_ends_the_job_though_it_is_the_smallest(void **state)
{
        run_ending(fixture_of(state),
                   &(struct ending){
                                   .code = "print('partial')\nfor i in range(99):\n"
                                           "    for place in ('/work', '/tmp', '/dev/shm'):\n        try:\n"
                                           "            open(f'{place}/{i}', 'wb').write(bytes(1 << 20))\n        except OSError: pass\n"
                                           "x = []\nwhile True: x.append(bytearray(1 << 16))\n",
                                   .named = LIMIT_MEMORY,
                                   .limits = {.memory_bytes = 32 << 20},
                                   .cause = CAUSE_MEMORY,
                                   .limit = 32 << 20,
                                   .partial = "partial\n",
                   });
}

static void test_a_fork_storm_is_ended(void **state)
{
        run_ending(fixture_of(state),
                   &(struct ending){
                                   .code = "import posix\nprint('partial')\nwhile True:\n    try:\n        posix.fork()\n"
                                           "    except OSError: pass\n",
                                   .cause = CAUSE_PROCESSES,
                                   .limit = 20,
                                   .partial = "partial\n",
                   });
}

static void test_output_beyond_its_budget_ends_the_job(void **state)
{
        run_ending(fixture_of(state), &(struct ending){
                                                      .code = "while True: print('xxxxxxx')\n",
                                                      .named = LIMIT_OUTPUT,
                                                      .limits = {.output_bytes = 4096},
                                                      .cause = CAUSE_OUTPUT,
                                                      .limit = 4096,
                                                      .partial = "xxxxxxx\nxxxxxxx\n",
                                      });
}

static void test_output_is_cut_between_characters(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, "print('x' + '€' * 1000)\n");
        job.limits_named = LIMIT_OUTPUT;
        job.limits.output_bytes = 1000;
        run_job(f, &o, &job, RISK_MEDIUM);
        assert_int_equal(o.result.termination.cause, CAUSE_OUTPUT);
        assert_true(o.result.truncated);
        assert_true(o.result.stdout_bytes > 1000); /* the newline may come too late */
        assert_int_equal(o.result.stdout_data.size, 1000);
        assert_true(utf8_valid(bytes_span(&o.result.stdout_data)));
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_exactly_the_budget_is_no_violation_of_it(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, "print('x' * 999)\n");
        job.limits_named = LIMIT_OUTPUT;
        job.limits.output_bytes = 1000;
        run_job(f, &o, &job, RISK_MEDIUM);
        assert_int_equal(o.result.status, STATUS_SUCCEEDED);
        assert_false(o.result.truncated);
        assert_int_equal(o.result.stdout_data.size, 1000);
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_a_full_disk_is_said_and_ends_nothing(void **state)
{
        static const char code[] = "try:\n    for i in range(99): open(f'/work/{i}', 'wb').write(bytes(1 << 20))\n"
                                   "except OSError as e: print(e.errno)\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        run_code(f, &o, code);
        assert_int_equal(o.result.status, STATUS_SUCCEEDED);
        assert_string_equal(stdout_of(&o), "28\n");
        assert_int_equal(o.result.limit_hit_count, 1);
        assert_string_equal(o.result.limits_hit[0].limit, "disk_bytes");
        assert_int_equal(o.result.limits_hit[0].value, 32 << 20);
        outcome_deinit(&o);
}

static void test_artifacts_are_kept_by_content(void **state)
{
        static const char code[] = "import pathlib, posix\npathlib.Path('out').mkdir()\npathlib.Path('out/a.txt').write_text('abc')\n"
                                   "pathlib.Path('empty').write_text('')\nposix.symlink('/etc/passwd', 'out/link')\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        char *globs[] = {"out/*", "empty"};
        char path[256];
        job_init(&job, f, code);
        job.artifacts = globs;
        job.artifact_count = 2;
        run_job(f, &o, &job, RISK_MEDIUM);
        assert_string_equal(stderr_of(&o), "");
        assert_int_equal(o.result.artifact_count, 2);
        assert_int_equal(o.result.omitted_count, 1);
        for (size_t i = 0; i < 2; i++) {
                const struct artifact *artifact = &o.result.artifacts[i];
                snprintf(path, sizeof(path), "%s/artifacts/sha256/%.2s/%s", f->config.log_directory, artifact->sha256,
                         artifact->sha256 + 2);
                assert_int_equal(access(path, R_OK), 0);
                bool is_text = strcmp(artifact->path, "out/a.txt") == 0;
                assert_int_equal(artifact->bytes, is_text ? 3 : 0);
                assert_memory_equal(artifact->sha256, is_text ? "ba7816bf" : "e3b0c442", 8);
        }
        job.artifacts = NULL;
        job.artifact_count = 0;
        job_deinit(&job);
        outcome_deinit(&o);
}

/* --- ends from outside --- */

static void test_a_cancelled_job_keeps_its_output(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {.kill_at = "partial\n", .why = SANDBOX_CANCEL_REQUEST};
        run_code(f, &o, "import time\nprint('partial')\ntime.sleep(999)\n");
        assert_int_equal(o.result.status, STATUS_CANCELLED);
        assert_int_equal(o.result.termination.cause, CAUSE_CANCELLED);
        assert_string_equal(stdout_of(&o), "partial\n");
        outcome_deinit(&o);
}

static void test_a_job_cancelled_before_its_start_never_starts(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, "print('never')\n");
        start(f, &o, &job, RISK_MEDIUM);
        sandbox_run_cancel(&o.run, SANDBOX_CANCEL_REQUEST);
        assert_false(o.done);
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_FINISHED);
        assert_int_equal(o.result.status, STATUS_CANCELLED);
        assert_int_equal(o.result.started_at_ms, 0);
        assert_false(o.started);
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_a_job_whose_lease_is_lost_leaves_no_record(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {.kill_at = "partial\n", .why = SANDBOX_CANCEL_LEASE};
        struct job job;
        job_init(&job, f, "import time\nprint('partial')\ntime.sleep(999)\n");
        start(f, &o, &job, RISK_MEDIUM);
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_INTERRUPTED);
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_a_job_does_not_outlive_its_deadline(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, "import time\ntime.sleep(999)\n");
        o.run.deadline_ms = clock_boottime_ms(&clock_system) + 2000;
        start(f, &o, &job, RISK_MEDIUM);
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_INTERRUPTED);
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_an_extended_deadline_lets_it_live(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        job_init(&job, f, "import time\ntime.sleep(2.5)\nprint('done')\n");
        o.run.deadline_ms = clock_boottime_ms(&clock_system) + 2000;
        start(f, &o, &job, RISK_MEDIUM);
        wait_for(f, &o.started);
        sandbox_run_extend(&o.run, clock_boottime_ms(&clock_system) + PATIENCE_MS);
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_FINISHED);
        assert_string_equal(stdout_of(&o), "done\n");
        job_deinit(&job);
        outcome_deinit(&o);
}

static void shell(const char *format, const char *argument, char *ret_line, size_t size)
{
        char command[512];
        snprintf(command, sizeof(command), format, argument);
        FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c): the test's own commands */
        assert_non_null(pipe);
        if (!fgets(ret_line, (int)size, pipe))
                ret_line[0] = 0;
        ret_line[strcspn(ret_line, "\n")] = 0;
        pclose(pipe);
}

/* The container whose code folder holds a file that says `mark`. */
static void find_container(const struct fixture *f, const char *mark, char ret_name[static 128])
{
        char command[256];
        snprintf(command, sizeof(command), "grep -l '%s' %s/*/*/main.py 2>/dev/null | xargs -r dirname | xargs -r basename", mark,
                 f->config.runtime_directory);
        shell("%s", command, ret_name, 128);
        assert_true(ret_name[0]);
}

static void test_a_container_removed_from_outside_runs_its_job_again(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        char name[128];
        char line[128];
        job_init(&job, f, "import time # removed from outside\ntime.sleep(999)\n");
        start(f, &o, &job, RISK_MEDIUM);
        wait_for(f, &o.started);
        find_container(f, "removed from outside", name);
        shell("docker rm -f %s", name, line, sizeof(line));
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_INTERRUPTED);
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_the_death_of_init_is_a_violation(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        char name[128];
        char line[128];
        job_init(&job, f, "import time # init dies\nprint('partial')\ntime.sleep(999)\n");
        start(f, &o, &job, RISK_MEDIUM);
        wait_for(f, &o.started);
        find_container(f, "init dies", name);
        shell("kill -9 $(docker inspect -f '{{.State.Pid}}' %s)", name, line, sizeof(line));
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_FINISHED);
        assert_int_equal(o.result.status, STATUS_KILLED);
        assert_int_equal(o.result.termination.cause, CAUSE_VIOLATION);
        assert_string_equal(o.result.termination.rule, "init");
        assert_int_equal(o.result.violation_count, 1);
        job_deinit(&job);
        outcome_deinit(&o);
}

/* --- many, and what is left --- */

static void test_two_jobs_at_once_are_strangers(void **state)
{
        static const char code[] = "import time, pathlib\npathlib.Path('/tmp/mine').write_text('x')\ntime.sleep(0.3)\n"
                                   "print(len([p for p in pathlib.Path('/proc').iterdir() if p.name.isdigit()]))\n";
        struct fixture *f = fixture_of(state);
        struct outcome outcomes[2] = {0};
        struct job jobs[2];
        struct error e;
        struct sandbox_run third = {0};
        for (size_t i = 0; i < 2; i++) {
                job_init(&jobs[i], f, code);
                start(f, &outcomes[i], &jobs[i], RISK_MEDIUM);
        }
        assert_int_equal(sandbox_free_slots(f->sandbox), 0);
        third.job = &jobs[0];
        third.risk = RISK_MEDIUM;
        assert_int_equal(sandbox_run_start(f->sandbox, &third, &e), -1);
        for (size_t i = 0; i < 2; i++) {
                finish(&outcomes[i]);
                assert_string_equal(stdout_of(&outcomes[i]), "2\n"); /* itself and init */
                job_deinit(&jobs[i]);
                outcome_deinit(&outcomes[i]);
        }
        assert_int_equal(sandbox_free_slots(f->sandbox), 2);
}

static void test_what_cannot_run_is_refused_with_its_reason(void **state)
{
        struct fixture *f = fixture_of(state);
        struct sandbox_run run = {.risk = RISK_MEDIUM};
        struct error e = {0};
        struct job job;
        job_init(&job, f, "");
        free(job.image);
        job.image = strdup("no/such-image");
        run.job = &job;
        assert_int_equal(sandbox_run_start(f->sandbox, &run, &e), -1);
        assert_int_equal(e.code, ERROR_NOT_FOUND);
        assert_non_null(strstr(e.text, "no/such-image"));
        job_deinit(&job);
}

static size_t count_matches(const char *pattern)
{
        glob_t found = {0};
        size_t count = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 ? found.gl_pathc : 0;
        globfree(&found);
        return count;
}

static void test_nothing_is_left_behind(void **state)
{
        struct fixture *f = fixture_of(state);
        char instance[256];
        char pattern[512];
        char line[512];
        snprintf(pattern, sizeof(pattern), "%s/*", f->config.runtime_directory);
        assert_int_equal(count_matches(pattern), 1);
        shell("ls -d %s/*", f->config.runtime_directory, instance, sizeof(instance));
        close_sandbox(f);
        assert_int_equal(count_matches(pattern), 0);
        shell("docker ps -aq --filter label=brig.folder=%s", instance, line, sizeof(line));
        assert_string_equal(line, "");
        shell("grep %s /proc/mounts", instance, line, sizeof(line));
        assert_string_equal(line, "");
        snprintf(pattern, sizeof(pattern), "/sys/fs/cgroup/*/%s*", strrchr(instance, '/') + 1);
        assert_int_equal(count_matches(pattern), 0);
        open_sandbox(f);
}

static void test_leftovers_of_the_dead_are_removed_at_the_start(void **state)
{
        struct fixture *f = fixture_of(state);
        char line[512];
        char command[512];
        close_sandbox(f);
        snprintf(command, sizeof(command),
                 "docker create --label brig.worker=dead --label brig.folder=%s/run/brig-dead --network none %s /bin/true", f->folder,
                 f->image);
        shell("%s", command, line, sizeof(line));
        assert_true(line[0]);
        open_sandbox(f);
        shell("docker ps -aq --filter label=brig.folder=%s/run/brig-dead", f->folder, line, sizeof(line));
        assert_string_equal(line, "");
}

static void test_a_blocked_module_is_refused_and_recorded_as_policy(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        run_code(f, &o, "try:\n    import subprocess\nexcept ImportError as e: print(e)\n");
        assert_int_equal(o.result.status, STATUS_SUCCEEDED);
        assert_string_equal(stdout_of(&o), "module 'subprocess' is blocked at risk level medium\n");
        assert_int_equal(o.result.violation_count, 1);
        assert_int_equal(o.result.violations[0].class, VIOLATION_POLICY);
        assert_string_equal(o.result.violations[0].rule, "blocked_module");
        assert_string_equal(o.result.violations[0].detail, "subprocess");
        outcome_deinit(&o);
}

static void test_an_engine_that_goes_away_is_said_and_used_again_when_it_is_back(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        struct error e = {0};
        job_init(&job, f, "print('hello')\n");
        job.limits_named = LIMIT_MEMORY; /* nothing warm fits */
        job.limits.memory_bytes = 100 << 20;
        f->ready = f->troubled = false;
        assert_int_equal(unlink(f->engine), 0);
        start(f, &o, &job, RISK_MEDIUM);
        finish(&o);
        assert_int_equal(o.outcome, SANDBOX_NOT_STARTED);
        wait_for(f, &f->troubled);
        assert_int_equal(f->trouble.code, ERROR_DOCKER);
        assert_false(sandbox_ready(f->sandbox));
        assert_int_equal(sandbox_run_start(f->sandbox, &o.run, &e), -1);
        assert_int_equal(symlink(engine_socket(), f->engine), 0);
        wait_for(f, &f->ready);
        memset(&o, 0, sizeof(o));
        run_job(f, &o, &job, RISK_MEDIUM);
        assert_string_equal(stdout_of(&o), "hello\n");
        job_deinit(&job);
        outcome_deinit(&o);
}

static void test_low_has_a_network_or_is_not_offered(void **state)
{
        static const char code[] = "import socket\nprint(sorted(n for _, n in socket.if_nameindex()))\n"
                                   "for address in ('169.254.169.254', '10.0.0.1', '172.17.0.1', '192.168.0.1'):\n"
                                   "    try:\n        socket.create_connection((address, 80), 5)\n        print('reached', address)\n"
                                   "    except OSError: pass\n";
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        struct job job;
        struct error e = {0};
        job_init(&job, f, code);
        if (!sandbox_offers(f->sandbox, RISK_LOW)) {
                o.run = (struct sandbox_run){.job = &job, .risk = RISK_LOW};
                assert_int_equal(sandbox_run_start(f->sandbox, &o.run, &e), -1);
                print_message("SKIPPED: %s\n", e.text);
                job_deinit(&job);
                skip();
        }
        run_job(f, &o, &job, RISK_LOW);
        assert_string_equal(stderr_of(&o), "");
        assert_string_equal(stdout_of(&o), "['eth0', 'lo']\n");
        assert_string_equal(o.result.limits.network, "bridge");
        assert_string_equal(o.result.limits.user, "1000:1000");
        job_deinit(&job);
        outcome_deinit(&o);
}

static double run_timed(struct fixture *f)
{
        struct outcome o = {0};
        uint64_t begin = uv_hrtime();
        run_code(f, &o, "print('hi')\n");
        assert_string_equal(stdout_of(&o), "hi\n");
        outcome_deinit(&o);
        return (double)(uv_hrtime() - begin) / 1e6;
}

static void on_pause(uv_timer_t *timer)
{
        *(bool *)timer->data = true;
}

/* Time for a replacement to start: nothing tells of it, and nothing depends on it but the figure. */
static void let_it_warm(struct fixture *f)
{
        bool over = false;
        uv_timer_t pause;
        uv_timer_init(&f->loop, &pause);
        pause.data = &over;
        uv_timer_start(&pause, on_pause, 1500, 0);
        wait_for(f, &over);
        uv_close((uv_handle_t *)&pause, NULL);
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* No assertion on time: figures to read. */
static void test_a_warm_container_is_used_when_one_waits(void **state)
{
        struct fixture *f = fixture_of(state);
        close_sandbox(f);
        open_sandbox(f);
        double cold_ms = run_timed(f);
        let_it_warm(f);
        double warm_ms = run_timed(f);
        print_message("python print: cold %.1f ms, warm %.1f ms\n", cold_ms, warm_ms);
}

/* --- its own attack --- */

static void reopen_attacked(struct fixture *f)
{
        close_sandbox(f);
        f->attacked = true;
        open_sandbox(f);
}

static void test_a_level_is_offered_after_its_own_attack_and_takes_no_slot_for_it(void **state)
{
        struct fixture *f = fixture_of(state);
        struct outcome o = {0};
        reopen_attacked(f);
        assert_true(sandbox_is_attacked(f->sandbox));
        assert_false(sandbox_offers(f->sandbox, RISK_MEDIUM));
        assert_int_equal(sandbox_free_slots(f->sandbox), 2);
        while (sandbox_is_attacked(f->sandbox)) {
                f->ready = false;
                wait_for(f, &f->ready);
        }
        assert_true(sandbox_withstood(f->sandbox, RISK_MEDIUM) && sandbox_offers(f->sandbox, RISK_MEDIUM));
        assert_true(sandbox_withstood(f->sandbox, RISK_HIGH) && sandbox_offers(f->sandbox, RISK_HIGH));
        run_code(f, &o, "print('hello')\n");
        assert_int_equal(o.result.status, STATUS_SUCCEEDED);
        outcome_deinit(&o);
}

static void test_it_may_be_closed_at_any_moment_of_its_own_attack(void **state)
{
        struct fixture *f = fixture_of(state);
        for (int depth = 0; depth < 32; depth += 4) {
                reopen_attacked(f);
                for (int i = 0; i < depth; i++)
                        uv_run(&f->loop, UV_RUN_ONCE);
                assert_int_equal(sandbox_free_slots(f->sandbox), 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_program_runs_and_its_record_is_complete),
                        cmocka_unit_test(test_arguments_environment_input_and_files_reach_the_program),
                        cmocka_unit_test(test_code_cannot_be_changed_and_root_is_read_only),
                        cmocka_unit_test(test_no_container_serves_two_jobs),
                        cmocka_unit_test(test_high_has_no_loopback_and_no_shared_memory),
                        cmocka_unit_test(test_exit_code_and_signal_are_the_programs_own),
                        cmocka_unit_test(test_wall_time_ends_a_sleeper),
                        cmocka_unit_test(test_cpu_time_ends_a_busy_loop_in_a_child),
                        cmocka_unit_test(test_memory_ends_a_hog),
                        cmocka_unit_test(test_memory_held_by_files_ends_the_job_though_it_is_the_smallest),
                        cmocka_unit_test(test_a_fork_storm_is_ended),
                        cmocka_unit_test(test_output_beyond_its_budget_ends_the_job),
                        cmocka_unit_test(test_output_is_cut_between_characters),
                        cmocka_unit_test(test_exactly_the_budget_is_no_violation_of_it),
                        cmocka_unit_test(test_a_full_disk_is_said_and_ends_nothing),
                        cmocka_unit_test(test_artifacts_are_kept_by_content),
                        cmocka_unit_test(test_a_cancelled_job_keeps_its_output),
                        cmocka_unit_test(test_a_job_cancelled_before_its_start_never_starts),
                        cmocka_unit_test(test_a_job_whose_lease_is_lost_leaves_no_record),
                        cmocka_unit_test(test_a_job_does_not_outlive_its_deadline),
                        cmocka_unit_test(test_an_extended_deadline_lets_it_live),
                        cmocka_unit_test(test_a_container_removed_from_outside_runs_its_job_again),
                        cmocka_unit_test(test_the_death_of_init_is_a_violation),
                        cmocka_unit_test(test_two_jobs_at_once_are_strangers),
                        cmocka_unit_test(test_what_cannot_run_is_refused_with_its_reason),
                        cmocka_unit_test(test_nothing_is_left_behind),
                        cmocka_unit_test(test_leftovers_of_the_dead_are_removed_at_the_start),
                        cmocka_unit_test(test_a_blocked_module_is_refused_and_recorded_as_policy),
                        cmocka_unit_test(test_an_engine_that_goes_away_is_said_and_used_again_when_it_is_back),
                        cmocka_unit_test(test_low_has_a_network_or_is_not_offered),
                        cmocka_unit_test(test_a_warm_container_is_used_when_one_waits),
                        cmocka_unit_test(test_it_may_be_closed_at_any_moment_of_its_own_attack),
                        cmocka_unit_test(test_a_level_is_offered_after_its_own_attack_and_takes_no_slot_for_it),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
