/* The nth allocation fails, for every n: nothing leaks, nothing crashes, and lack of memory is never called the job's fault. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/preparation.h"
#include "common/analysis.h"
#include "common/audit.h"
#include "common/config.h"
#include "common/json.h"
#include "common/result.h"
#include "dispatcher/intake.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
        puts("[  SKIPPED ] 1 test(s): SKIPPED: the sanitizers bring a malloc of their own");
        return 0;
}
#else

/* malloc itself is replaced, so that every library's allocations count; there is no other way to reach it than by globals. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static bool counting;
static long before_failure; /* allocations that still succeed; -1: all */
static long live;

static bool fails(void)
{
        if (!counting || before_failure < 0)
                return false;
        if (before_failure-- > 0)
                return false;
        before_failure = 0;
        errno = ENOMEM;
        return true;
}

static void *counted(void *memory)
{
        live += counting && memory;
        return memory;
}

void *malloc(size_t size)
{
        return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
        return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
        if (fails())
                return NULL;
        void *memory = __libc_realloc(old, size);
        return old ? memory : counted(memory);
}

void free(void *memory)
{
        live -= counting && memory;
        __libc_free(memory);
}

/* Runs `attempt` with its nth allocation failing, for every `step`th n until it succeeds; each must leave as much memory as it found. */
static void fail_allocations(bool (*attempt)(void), long step)
{
        bool done = false;
        for (long n = 0; !done && n < 100000; n += step) {
                live = 0;
                before_failure = n;
                counting = true;
                done = attempt();
                counting = false;
                if (live != 0)
                        fail_msg("allocation %ld failed, and %ld blocks are left", n, live);
        }
        assert_true(done);
}

static const char *const languages[] = {"python"};
static const struct job_bounds bounds = {{300000, 0, 512 << 20, 1000, 50, 1 << 20}, languages, 1};

#define HEAD "{\"job_id\":\"0b0e7a52-6f43-4a7e-9c0e-0d6f3c1f2a11\",\"agent_id\":\"a\",\"language\":\"python\","

static bool parse(const char *record, struct job *ret_job)
{
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        struct rejection r;
        if (job_parse(span_of(record), &bounds, ret_job, &r, job_id, agent_id) == 0)
                return true;
        if (r.reason != REJECTION_NONE)
                fail_msg("%s", r.message);
        return false;
}

static bool attempt_job(void)
{
        static const char record[] = HEAD "\"files\":[{\"path\":\"a\",\"content\":\"eA==\",\"encoding\":\"base64\"},{\"path\":\"b\","
                                          "\"content\":\"x\"}],\"entrypoint\":\"a\",\"args\":[\"x\",\"y\"],\"env\":{\"A\":\"b\"},"
                                          "\"stdin\":\"z\",\"limits\":{\"cpus\":0.5},\"artifacts\":[\"*\"],\"image\":\"i\","
                                          "\"expires_at\":\"2026-01-10T02:27:34Z\",\"metadata\":{\"a\":[1,{}]}}";
        struct bytes text = {0};
        struct job job;
        if (!parse(record, &job))
                return false;
        json_t *object = job_to_json(&job);
        bool done = object && json_document_append(object, &text) == 0;
        bytes_deinit(&text);
        json_decref(object);
        job_deinit(&job);
        return done;
}

static char python[] = "python", image[] = "brig/python";

static struct config small_config(void)
{
        return (struct config){.maximum = bounds.maximum,
                               .languages[0] = {.name = python, .image = image},
                               .language_names[0] = python,
                               .language_count = 1};
}

#define CODE_RECORD HEAD "\"code\":\"print()\",\"env\":{\"A\":\"b\"},\"metadata\":{\"a\":[1]}}"

static bool attempt_intake(void)
{
        struct config config = small_config();
        struct kafka_record record = {.topic = "brig.jobs", .value = span_of(CODE_RECORD)};
        struct intake intake;
        enum intake_verdict verdict = intake_open(&intake, &config, &record);
        intake_close(&intake);
        if (verdict != INTAKE_JOB && verdict != INTAKE_AGAIN)
                fail_msg("verdict %d", verdict);
        return verdict == INTAKE_JOB;
}

static bool attempt_preparation(void)
{
        struct config config = small_config();
        struct preparation preparation;
        struct error e;
        int status = preparation_read(&preparation, &config, span_of(CODE_RECORD), &e);
        bool whole = status == 0 && preparation.rejection.reason == REJECTION_NONE && preparation.job.has_code;
        preparation_deinit(&preparation);
        if (status == 0 && !whole)
                fail_msg("half a job was taken for a whole one");
        return whole;
}

static bool write_result(const struct result *result)
{
        struct result back = {0};
        struct error e;
        json_t *record = result_to_json(result);
        bool done = record && result_from_json(&back, record, &e) == 0;
        json_t *event = done ? audit_job_finished(&back, "test", 1) : NULL;
        done = event != NULL;
        json_decref(event);
        json_decref(record);
        result_deinit(&back);
        return done;
}

static bool attempt_result(void)
{
        struct result result = {0};
        bool done = result_init_ended(&result, "", "agent", STATUS_ERROR, CAUSE_INFRASTRUCTURE, "lost", NULL) == 0;
        done = done && result_add_violation(&result, VIOLATION_ATTACK, "seccomp", "x", 1) == 0;
        done = done && bytes_append(&result.stdout_data, "\xFF", 1) == 0 && bytes_append_string(&result.stderr_data, "text") == 0;
        result.has_limits = true;
        result.limits = (struct limits_in_force){{1, 2, 3, 4, 5, 6}, 7, "none", "high", "1:1"};
        done = done && write_result(&result);
        result_deinit(&result);
        return done;
}

static bool attempt_config(void)
{
        char *const environment[] = {"BRIG_KAFKA_SASL_PASSWORD=x", "BRIG_WORKER_RISKS=low", NULL};
        struct config config;
        struct error e;
        if (config_load(&config, BRIG_SOURCE_DIR "/config/sandbox-config.yaml", environment, &e) < 0)
                return false;
        config_deinit(&config);
        return true;
}

static bool attempt_analysis(void)
{
        struct analysis *analysis;
        struct error e;
        if (analysis_open(&analysis, BRIG_SOURCE_DIR "/config", &e) < 0)
                return false;
        analysis_close(analysis);
        return true;
}

static void test_jobs(void **state)
{
        (void)state;
        fail_allocations(attempt_job, 1);
}

static void test_records_of_the_queue(void **state)
{
        (void)state;
        fail_allocations(attempt_intake, 1);
}

static void test_records_of_the_command_line(void **state)
{
        (void)state;
        fail_allocations(attempt_preparation, 1);
}

static void test_results(void **state)
{
        (void)state;
        fail_allocations(attempt_result, 1);
}

static void test_configurations(void **state)
{
        (void)state;
        fail_allocations(attempt_config, 23);
}

static void test_analysis_rules(void **state)
{
        (void)state;
        attempt_analysis(); /* the JIT keeps an allocator of its own from its first use on */
        fail_allocations(attempt_analysis, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_jobs),
                        cmocka_unit_test(test_records_of_the_queue),
                        cmocka_unit_test(test_records_of_the_command_line),
                        cmocka_unit_test(test_results),
                        cmocka_unit_test(test_configurations),
                        cmocka_unit_test(test_analysis_rules),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
