#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/accepted_record.h"
#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/options.h"
#include "common/config.h"
#include "worker/sandbox/artifact_index.h"

enum { CHUNK_BYTES = 64 << 10, SHA256_DIGITS = SHA256_HEX_SIZE - 1 };

struct artifacts_options {
        const char *agent_id, *to, *config_file;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct artifacts_options, agent_id), "ID",
                 "whose job it is; needed for jobs of other hosts"},
                {"to", OPTION_TEXT, offsetof(struct artifacts_options, to), "FILE", "get: write here; default: standard output"},
                {"config", OPTION_TEXT, offsetof(struct artifacts_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "artifacts",
                .synopsis = "artifacts list JOB_ID\n"
                            "       brig artifacts get JOB_ID PATH [--to FILE]",
                .about = "Lists and gets the files that a job left and this host keeps. What a job of brig run\n"
                         "left is known here; of a job of the queue the record is looked for on the results topic.",
                .examples = "  brig artifacts list 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c\n"
                            "  brig artifacts get 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c plot.png --to plot.png\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

static int find_queued(const struct config *config, const struct artifacts_options *options, const char *job_id, struct result *ret_result,
                       struct error *e)
{
        struct cluster cluster;
        struct accepted_record record = {0};
        struct accepted_record_search search = {.job_id = job_id, .agent_id = options->agent_id, .offset = TOPIC_BEGINNING};
        bool found = false;
        int failed = cluster_open(&cluster, config, e) < 0 || accepted_record_find(&cluster, &search, &record, &found, e) < 0;
        if (!failed && !found)
                failed = error_set(e, ERROR_NOT_FOUND, "neither this host nor the results topic knows the job");
        if (!failed) {
                *ret_result = record.result;
                record.result = (struct result){0};
        }
        accepted_record_deinit(&record);
        return failed ? -1 : 0;
}

static int list(const struct result *result)
{
        for (size_t i = 0; i < result->artifact_count; i++)
                printf("%10" PRIu64 "  %s  %s\n", result->artifacts[i].bytes, result->artifacts[i].sha256, result->artifacts[i].path);
        for (size_t i = 0; i < result->omitted_count && i < RESULT_OMITTED_MAX; i++)
                printf("   omitted  %s  %s\n", result->omitted[i].path, result->omitted[i].reason);
        return CLI_OK;
}

static const struct artifact *artifact_named(const struct result *result, const char *path)
{
        for (size_t i = 0; i < result->artifact_count; i++)
                if (strcmp(result->artifacts[i].path, path) == 0)
                        return &result->artifacts[i];
        return NULL;
}

static int copy_stream(FILE *from, FILE *to)
{
        char chunk[CHUNK_BYTES];
        size_t n;
        while ((n = fread(chunk, 1, sizeof chunk, from)) > 0)
                if (fwrite(chunk, 1, n, to) != n)
                        return -1;
        return ferror(from) || fflush(to) != 0 ? -1 : 0;
}

static int write_artifact(FILE *from, const char *to_path)
{
        FILE *to = to_path ? fopen(to_path, "wbe") : stdout;
        if (!to)
                return -1;
        int failed = copy_stream(from, to);
        if (to_path && fclose(to) != 0)
                failed = -1;
        return failed;
}

static int get(const struct config *config, const struct result *result, const char *path, const char *to)
{
        char source[PATH_MAX];
        const struct artifact *artifact = artifact_named(result, path);
        if (!artifact || strspn(artifact->sha256, "0123456789abcdef") != SHA256_DIGITS)
                return complain(CLI_UNAVAILABLE, path, "the job left no such file", "brig artifacts list JOB_ID shows them");
        artifact_path(config->log_directory, artifact, source);
        FILE *from = fopen(source, "rbe");
        if (!from)
                return complain(CLI_UNAVAILABLE, source, strerror(errno), "artifacts lie on the host that ran the job, and expire");
        int failed = write_artifact(from, to);
        fclose(from);
        return failed ? complain(CLI_FAILED, to ? to : "standard output", strerror(errno), NULL) : CLI_OK;
}

static int find_and_serve(const struct config *config, const struct artifacts_options *options, const struct operands *operands)
{
        struct result result = {0};
        struct error e = {0};
        bool found = false;
        const char *job_id = operands->items[1];
        int failed = artifact_index_find(config->log_directory, job_id, options->agent_id, &result, &found, &e);
        if (!failed && !found)
                failed = find_queued(config, options, job_id, &result, &e);
        int status = failed                 ? complain_error("artifacts", &e, NULL)
                     : operands->count == 2 ? list(&result)
                                            : get(config, &result, operands->items[2], options->to);
        result_deinit(&result);
        return status;
}

static bool operands_fit(const struct operands *operands)
{
        if (operands->count < 2 || !uuid_valid(span_of(operands->items[1])))
                return false;
        return (strcmp(operands->items[0], "list") == 0 && operands->count == 2) ||
               (strcmp(operands->items[0], "get") == 0 && operands->count == 3);
}

int command_artifacts(int argc, char **argv)
{
        struct artifacts_options options = {0};
        struct operands operands;
        struct config config;
        struct error e = {0};
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (!operands_fit(&operands))
                return complain(CLI_USAGE, "artifacts", "needs `list JOB_ID` or `get JOB_ID PATH`", "see brig artifacts --help");
        if (config_load(&config, options.config_file, environ, &e) < 0)
                return complain_error("configuration", &e, NULL);
        status = find_and_serve(&config, &options, &operands);
        config_deinit(&config);
        return status;
}
