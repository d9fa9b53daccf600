#include "clients/cli/accepted_record.h"
#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/options.h"
#include "clients/cli/session.h"

struct result_options {
        const char *agent_id, *config_file;
        bool wait, json;
        uint64_t timeout_ms;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct result_options, agent_id), "ID",
                 "whose job it is; reads one partition instead of all"},
                {"wait", OPTION_SWITCH, offsetof(struct result_options, wait), NULL, "until the job has ended"},
                {"timeout-wait", OPTION_DURATION, offsetof(struct result_options, timeout_ms), "TIME", "wait no longer; default 30"},
                {"json", OPTION_SWITCH, offsetof(struct result_options, json), NULL, "the record as it is"},
                {"config", OPTION_TEXT, offsetof(struct result_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "result",
                .synopsis = "result JOB_ID [OPTIONS]",
                .about = "Shows what became of a queued job: its output, then the summary on standard error. The\n"
                         "accepted record is the first one of a job. Exit status as of brig run; 127 when there is\n"
                         "no record.",
                .examples = "  brig result 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c --agent test-001\n"
                            "  brig result 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c --agent test-001 --wait --timeout-wait 5m --json\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

static int find_and_print(const struct cluster *cluster, const struct result_options *options, const char *job_id)
{
        struct accepted_record record = {0};
        struct accepted_record_search search = {job_id, options->agent_id, TOPIC_BEGINNING, options->wait, options->timeout_ms};
        struct error e = {0};
        bool found = false;
        int status;
        if (accepted_record_find(cluster, &search, &record, &found, &e) < 0)
                status = complain_error("result", &e, NULL);
        else if (!found)
                status = complain(CLI_UNAVAILABLE, job_id, "has no record yet",
                                  options->wait ? "wait longer: --timeout-wait 5m" : "wait for it: --wait");
        else
                status = accepted_record_print(&record, "(queued)", options->json);
        accepted_record_deinit(&record);
        return status;
}

int command_result(int argc, char **argv)
{
        struct result_options options = {0};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (operands.count != 1 || !uuid_valid(span_of(operands.items[0])))
                return complain(CLI_USAGE, "result", "needs one job id, a UUID", "see brig result --help");
        if (!session_open(&session, options.config_file, &status))
                return status;
        status = find_and_print(&session.cluster, &options, operands.items[0]);
        session_close(&session);
        return status;
}
