#include <stdio.h>

#include "clients/cli/accepted_record.h"
#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/job_options.h"
#include "clients/cli/options.h"
#include "clients/cli/preparation.h"
#include "clients/cli/record_print.h"
#include "clients/cli/session.h"
#include "clients/cli/topic_send.h"

enum { WAIT_MS = 3600000 };

struct submit_options {
        struct job_options job;
        bool wait, json;
        uint64_t timeout_ms;
};

static const struct option_row ROWS[] = {
                JOB_OPTION_ROWS(struct submit_options),
                JOB_OPTION(struct submit_options, "on-limit", OPTION_TEXT, on_limit, "reject|defer", "what a rate limit does to the job"),
                JOB_OPTION(struct submit_options, "expires", OPTION_TEXT, expires, "TIME", "from now; later it is not started any more"),
                {"wait", OPTION_SWITCH, offsetof(struct submit_options, wait), NULL, "for the result, and print it as brig run does"},
                {"timeout-wait", OPTION_DURATION, offsetof(struct submit_options, timeout_ms), "TIME", "wait no longer; default 1h"},
                {"json", OPTION_SWITCH, offsetof(struct submit_options, json), NULL, "the result record, or where the job lies, as JSON"},
};

static const struct options OPTIONS = {
                .command = "submit",
                .synopsis = "submit [OPTIONS] --code FILE [-- ARGUMENT ...]\n"
                            "       brig submit [OPTIONS] --job FILE",
                .about = "Puts a job on the queue and prints its id. With --wait it waits for the result, and ends\n"
                         "as brig run does.",
                .examples = "  brig submit --code hello.py --agent-id test-001\n"
                            "  brig submit --wait --risk-level high --memory 128m --code test.py --agent-id test-001\n"
                            "  brig submit --job job.json --wait --json\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct submission {
        const struct submit_options *options;
        const struct cluster *cluster;
        const struct preparation *preparation;
        const char *code_name;
        int64_t results_offset; /* where its result can be looked for */
};

/* A record that says its own job id may have been answered before. */
static int find_results_offset(struct submission *s, struct error *e)
{
        s->results_offset = TOPIC_BEGINNING;
        if (!s->options->wait || s->options->job.job_file)
                return 0;
        return cluster_end(s->cluster, s->cluster->topics.results, cluster_partition(s->cluster, s->preparation->agent_id),
                           &s->results_offset, e);
}

static int await_result(const struct submission *s)
{
        struct accepted_record record = {0};
        const char *job_id = s->preparation->job_id;
        struct accepted_record_search search = {job_id, s->preparation->agent_id, s->results_offset, true,
                                                s->options->timeout_ms ? s->options->timeout_ms : WAIT_MS};
        struct error e = {0};
        bool found = false;
        int status;
        if (accepted_record_find(s->cluster, &search, &record, &found, &e) < 0)
                status = complain_error("result", &e, NULL);
        else if (!found)
                status = complain(CLI_UNAVAILABLE, job_id, "has no result yet", "it stays queued; ask later with brig result");
        else
                status = accepted_record_print(&record, s->code_name, s->options->json);
        accepted_record_deinit(&record);
        return status;
}

static void print_receipt(const struct submission *s, const struct topic_send *send)
{
        if (s->options->json && !s->options->wait)
                printf("{\"job_id\":\"%s\",\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld}\n", s->preparation->job_id, send->topic,
                       (int)send->partition, (long long)send->offset);
        else if (!s->options->wait)
                printf("%s\n", s->preparation->job_id);
        else if (!s->options->json)
                fprintf(stderr, "Job: %s\n", s->preparation->job_id);
        fflush(stdout);
}

static int submit(struct submission *s, struct span record)
{
        struct error e = {0};
        struct topic_send send = {
                        .config = s->cluster->config,
                        .topic = s->cluster->topics.jobs,
                        .type = "brig.job",
                        .id = s->preparation->job_id,
                        .key = span_of(s->preparation->agent_id),
                        .value = record,
        };
        if (find_results_offset(s, &e) < 0 || topic_send_run(&send, &e) < 0)
                return complain_error("submit", &e, NULL);
        print_receipt(s, &send);
        return s->options->wait ? await_result(s) : CLI_OK;
}

/* What the dispatcher would refuse is said at once. */
static int refuse(const struct submission *s)
{
        struct result result = {0};
        struct error e = {0};
        int failed = preparation_reject(s->preparation, &result, &e);
        struct summary summary = record_summary(&result, s->code_name);
        if (!failed)
                failed = s->options->json ? record_print_json(&result, &e) : record_print_for_people(&summary, &e);
        int status = failed ? complain_error("submit", &e, NULL) : summary_exit_status(&result);
        result_deinit(&result);
        return status;
}

static int submit_record(const struct submit_options *options, const struct operands *operands, const struct cluster *cluster,
                         struct span record)
{
        struct preparation p;
        struct error e = {0};
        if (preparation_read(&p, cluster->config, record, &e) < 0)
                return complain_error("submit", &e, NULL);
        struct submission s = {options, cluster, &p, job_options_code_name(&options->job, operands), 0};
        int status = p.rejection.reason == REJECTION_NONE ? submit(&s, record) : refuse(&s);
        preparation_deinit(&p);
        return status;
}

int command_submit(int argc, char **argv)
{
        struct submit_options options = {0};
        struct operands operands;
        struct session session;
        struct bytes record = {0};
        struct error e = {0};
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (!session_open(&session, options.job.config_file, &status))
                return status;
        if (job_options_record(&options.job, &operands, &session.config, &record, &e) < 0)
                status = complain_error("submit", &e, NULL);
        else
                status = submit_record(&options, &operands, &session.cluster, bytes_span(&record));
        bytes_deinit(&record);
        session_close(&session);
        return status;
}
