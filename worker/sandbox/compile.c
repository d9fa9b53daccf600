#include "worker/sandbox/compile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/sandbox/command.h"
#include "worker/sandbox/compile_key.h"
#include "worker/sandbox/want.h"

struct compile {
        struct compile_host *host;
        struct sandbox_run *request; /* the caller's */
        struct slot_want want;       /* of its own run */
        const struct language *language;
        char key[SHA256_HEX_SIZE];
        struct bytes program;

        struct sandbox_run compiler; /* the run that makes it */
        struct job job;              /* borrows from the caller's */
        struct language tool;        /* the compiler as a language whose interpreter it is; borrows too */
        char *product[1];
        char product_name[sizeof(COMMAND_PROGRAM)];
};

static void compile_free(struct compile *c)
{
        bytes_deinit(&c->program);
        free(c);
}

bool compile_made_program(struct span program)
{
        static const char elf[] = "\177ELF";
        return program.size > strlen(elf) && memcmp(program.data, elf, strlen(elf)) == 0;
}

int compile_conclude(struct result *result, const char *why)
{
        struct termination *t = &result->termination;
        result->phase_compile = true;
        if (t->cause != CAUSE_EXIT)
                return 0;
        t->cause = CAUSE_COMPILE_FAILED;
        result->status = STATUS_FAILED;
        if (t->code != 0)
                return 0;
        size_t before = result->stderr_data.size;
        int failed = bytes_append_format(&result->stderr_data, "brig: %s\n", why);
        result->stderr_bytes += result->stderr_data.size - before;
        return failed;
}

/* Takes the program. */
static int run_program(struct compile *c, uint64_t compiler_cpu_ms, struct error *e)
{
        struct sandbox_run *request = c->request;
        struct run *run;
        if (run_new(&run, c->host->runs, request, &c->want, c->language, e) < 0)
                return -1;
        run->program = c->program;
        c->program = (struct bytes){0};
        run->result.cpu_ms = compiler_cpu_ms;
        request->private = run;
        c->host->enqueue(c->host, run);
        if (request->cancel_asked) /* too late for the compiler to hear */
                run_cancel(run, request->cancel);
        return 0;
}

static bool fits(const struct compile *c)
{
        return c->program.size + want_code_bytes(c->request->job) <= c->want.profile.code_bytes_max;
}

static void keep(struct compile *c)
{
        struct error e;
        if (compile_cache_keep(&c->host->cache, c->key, bytes_span(&c->program), &e) < 0)
                log_error(c->host->runs->slots->log, LOG_WARNING, "a compiled program is not kept", &e, NULL);
}

/* The job ends with its compiler. */
static void report(struct compile *c, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct sandbox_run *request = c->request;
        if (result && result->stderr_data.size && request->output)
                request->output(request, SANDBOX_STDERR, bytes_span(&result->stderr_data));
        request->done(request, outcome, result, e);
}

static void report_no_program(struct compile *c, struct result *result)
{
        struct error e;
        char why[160] = "the compiler made no program";
        if (compile_made_program(bytes_span(&c->program)))
                snprintf(why, sizeof(why), "the program (%zu bytes) and the job's files are larger than /code at level %s", c->program.size,
                         risk_name(c->request->risk));
        if (compile_conclude(result, why) == 0) {
                report(c, SANDBOX_FINISHED, result, NULL);
        } else {
                error_set(&e, ERROR_MEMORY, "no memory for the compiler's record");
                report(c, SANDBOX_INTERRUPTED, NULL, &e);
        }
}

static void compiler_done(struct sandbox_run *compiler, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct compile *c = compiler->data;
        struct error failure;
        c->request->private = NULL;
        if (outcome != SANDBOX_FINISHED) {
                report(c, outcome, NULL, e);
        } else if (result->status != STATUS_SUCCEEDED || !compile_made_program(bytes_span(&c->program)) || !fits(c)) {
                report_no_program(c, result);
        } else {
                keep(c);
                if (run_program(c, result->cpu_ms, &failure) < 0)
                        report(c, SANDBOX_NOT_STARTED, NULL, &failure);
        }
        compile_free(c);
}

/* The job's files and names, nothing of what is for the program alone. */
static void describe_job(struct compile *c)
{
        c->job = *c->request->job;
        c->job.args = NULL;
        c->job.arg_count = 0;
        c->job.stdin_data = (struct bytes){0};
        c->job.env = NULL;
        c->job.env_count = 0;
        memcpy(c->product_name, COMMAND_PROGRAM, sizeof(c->product_name));
        c->product[0] = c->product_name;
        c->job.artifacts = c->product;
        c->job.artifact_count = 1;
}

static void describe_tool(struct compile *c)
{
        c->tool = (struct language){.name = c->language->name, .image = c->language->image, .file = c->language->file};
        memcpy(c->tool.command, c->language->compile, sizeof(c->tool.command));
        memcpy(c->tool.env, c->language->env, sizeof(c->tool.env));
}

static int run_compiler(struct compile *c, const struct slot_want *want, struct error *e)
{
        const struct sandbox_run *request = c->request;
        struct run *run;
        describe_job(c);
        describe_tool(c);
        c->compiler = (struct sandbox_run){
                        .job = &c->job,
                        .risk = request->risk,
                        .findings = request->findings,
                        .finding_count = request->finding_count,
                        .attempt = request->attempt,
                        .fence = request->fence,
                        .deadline_ms = request->deadline_ms,
                        .done = compiler_done,
                        .data = c,
        };
        if (run_new(&run, c->host->runs, &c->compiler, want, &c->tool, e) < 0)
                return -1;
        run->dialogue.product = &c->program;
        c->request->private = c->compiler.private = run;
        c->host->enqueue(c->host, run);
        return 0;
}

static int find_or_compile(struct compile *c, bool *ret_found, struct error *e)
{
        const struct compile_host *host = c->host;
        struct slot_want want;
        if (want_of_compiler(&want, host->config, host->images, c->language, c->request->risk, e) < 0)
                return -1;
        if (compile_key(c->key, c->request->job, c->language, want.image_id) < 0)
                return error_set(e, ERROR_MEMORY, "no memory for a compiled program's key");
        *ret_found = compile_cache_find(&host->cache, c->key, &c->program) && fits(c);
        if (*ret_found)
                return run_program(c, 0, e);
        bytes_clear(&c->program);
        return run_compiler(c, &want, e);
}

int compile_start(struct compile_host *host, struct sandbox_run *request, const struct slot_want *want, struct error *e)
{
        struct compile *c = calloc(1, sizeof(*c));
        bool found = false;
        if (!c)
                return error_set(e, ERROR_MEMORY, "no memory for a compilation");
        c->host = host;
        c->request = request;
        c->want = *want;
        c->language = config_language(host->config, request->job->language);
        request->cancel_asked = false;
        int result = find_or_compile(c, &found, e);
        if (result < 0 || found)
                compile_free(c);
        return result;
}
