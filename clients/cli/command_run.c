#include <stdio.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/dry_run.h"
#include "clients/cli/execution.h"
#include "clients/cli/job_options.h"
#include "clients/cli/options.h"
#include "clients/cli/preparation.h"
#include "clients/cli/record_print.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/summary.h"
#include "worker/sandbox/artifact_index.h"

enum { SIGNAL_BASE = 128 };

struct run_options {
        struct job_options job;
        bool dry_run, json, verbose;
};

static const struct option_row ROWS[] = {
                JOB_OPTION_ROWS(struct run_options),
                {"dry-run", OPTION_SWITCH, offsetof(struct run_options, dry_run), NULL,
                 "show everything that would be in force, start nothing"},
                {"json", OPTION_SWITCH, offsetof(struct run_options, json), NULL, "print exactly one result record on standard output"},
                {"verbose", OPTION_SWITCH, offsetof(struct run_options, verbose), NULL, "tell what the engine does, on standard error"},
};

static const struct options OPTIONS = {
                .command = "run",
                .synopsis = "run [OPTIONS] --code FILE [-- ARGUMENT ...]\n"
                            "       brig run [OPTIONS] FILE [-- ARGUMENT ...]\n"
                            "       brig run --job FILE",
                .about = "Runs a program in a sandbox on this host's Docker engine, with neither Kafka nor Redis.\n"
                         "Its output appears as it comes; the summary goes to standard error, and a log of the run\n"
                         "to the log directory.\n\n"
                         "Exit status: the program's own; 128+n after signal n; 124 out of time; 137 killed for\n"
                         "another limit; 125 wrong usage or an invalid job; 126 refused; 127 no engine; 130 or 143\n"
                         "after Ctrl-C or SIGTERM. Never 0 unless it succeeded.",
                .examples = "  brig run --code hello.py\n"
                            "  brig run --risk-level medium --timeout 300 --memory 512m --cpu 1.0 --code test.py --agent-id test-001\n"
                            "  echo 'print(input())' | brig run --language python --code - --stdin names.txt --json\n"
                            "  brig run --code plot.py --artifact '*.png' -- --width 800\n"
                            "  brig run --dry-run --risk-level high --code suspect.py\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct run_context {
        const struct run_options *options;
        const struct config *config;
        const char *code_name;
};

static int print_dry_run(const struct run_context *c, const struct preparation *p, struct error *e)
{
        struct bytes text = {0};
        int failed = dry_run_describe(c->config, p, &text, e);
        if (!failed)
                fwrite(text.data, 1, text.size, stdout);
        bytes_deinit(&text);
        return failed ? complain_error("dry run", e, NULL) : CLI_OK;
}

static int write_log(const struct run_context *c, const struct summary *summary, char ret_path[static PATH_MAX], struct error *e)
{
        struct bytes text = {0};
        char name[SUMMARY_LOG_NAME_SIZE];
        summary_log_name(summary, name);
        int failed = summary_append_log(&text, summary) < 0
                                     ? error_set(e, ERROR_MEMORY, "out of memory")
                                     : summary_log_write(c->config->log_directory, name, bytes_span(&text), ret_path, e);
        bytes_deinit(&text);
        return failed;
}

/* A log that cannot be written is said, and is no reason to fail. */
static void keep_log(const struct run_context *c, const struct summary *summary)
{
        struct error e = {0};
        char path[PATH_MAX];
        if (write_log(c, summary, path, &e) == 0 && !c->options->json)
                fprintf(stderr, "Log: %s\n", path);
        if (!e.code)
                artifact_index_add(c->config->log_directory, summary->result, &e);
        if (e.code)
                complain(0, "no log of this run", e.text, "make it writable or set logs.directory (BRIG_LOGS_DIRECTORY)");
}

static int conclude(const struct run_context *c, const struct result *result, int signal_number, struct error *e)
{
        struct summary summary = record_summary(result, c->code_name);
        int failed = c->options->json ? record_print_json(result, e) : record_print_for_people(&summary, e);
        if (result->started_at_ms > 0)
                keep_log(c, &summary);
        if (failed)
                return complain_error("run", e, NULL);
        return result->status == STATUS_CANCELLED && signal_number ? SIGNAL_BASE + signal_number : summary_exit_status(result);
}

static int execute(const struct run_context *c, const struct preparation *p, struct error *e)
{
        struct log log = {.program = "brig", .level = LOG_DEBUG, .clock = &clock_system, .fd = c->options->verbose ? STDERR_FILENO : -1};
        struct execution_options options = {.config = c->config, .preparation = p, .log = &log, .echo = !c->options->json};
        struct result result = {0};
        int signal_number = 0;
        int status = execution_run(&options, &result, &signal_number, e) < 0 ? complain_error("run", e, NULL)
                                                                             : conclude(c, &result, signal_number, e);
        result_deinit(&result);
        return status;
}

static int reject(const struct run_context *c, const struct preparation *p, struct error *e)
{
        struct result result = {0};
        int status = preparation_reject(p, &result, e) < 0 ? complain_error("run", e, NULL) : conclude(c, &result, 0, e);
        result_deinit(&result);
        return status;
}

static int run_record(const struct run_context *c, struct span record, struct error *e)
{
        struct preparation p;
        int status;
        if (preparation_read(&p, c->config, record, e) < 0)
                status = complain_error("run", e, NULL);
        else if (p.rejection.reason != REJECTION_NONE)
                status = reject(c, &p, e);
        else if (preparation_analyse(&p, c->config, e) < 0)
                status = complain_error("code analysis", e, NULL);
        else
                status = c->options->dry_run ? print_dry_run(c, &p, e) : execute(c, &p, e);
        preparation_deinit(&p);
        return status;
}

static int run_configured(const struct run_options *options, const struct operands *operands, const struct config *config)
{
        struct run_context context = {options, config, job_options_code_name(&options->job, operands)};
        struct bytes record = {0};
        struct error e = {0};
        int status = job_options_record(&options->job, operands, config, &record, &e) < 0 ? complain_error(NULL, &e, NULL)
                                                                                          : run_record(&context, bytes_span(&record), &e);
        bytes_deinit(&record);
        return status;
}

int command_run(int argc, char **argv)
{
        struct run_options options = {0};
        struct operands operands;
        struct config config;
        struct error e = {0};
        enum risk risk;
        int status;
        if (risk_parse(span_of(argv[0]), &risk))
                options.job.risk_level = argv[0];
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (options.dry_run && options.json)
                return complain(CLI_USAGE, "run", "--dry-run prints text for people", "leave --json out");
        if (config_load(&config, options.job.config_file, environ, &e) < 0)
                return complain_error("configuration", &e, NULL);
        status = run_configured(&options, &operands, &config);
        config_deinit(&config);
        return status;
}
