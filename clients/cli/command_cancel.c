#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/control_request.h"
#include "clients/cli/options.h"
#include "clients/cli/session.h"
#include "common/encoding.h"
#include "common/json.h"

enum { REPLY_MS = 15000 };

struct cancel_options {
        const char *agent_id, *config_file;
        bool json;
        uint64_t timeout_ms;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct cancel_options, agent_id), "ID", "whose job it is (needed)"},
                {"timeout-wait", OPTION_DURATION, offsetof(struct cancel_options, timeout_ms), "TIME", "wait for the answer; default 15"},
                {"json", OPTION_SWITCH, offsetof(struct cancel_options, json), NULL, "the dispatcher's reply as it is"},
                {"config", OPTION_TEXT, offsetof(struct cancel_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "cancel",
                .synopsis = "cancel JOB_ID --agent ID [OPTIONS]",
                .about = "Ends a job: one that waits never starts, one that runs is killed and its record holds\n"
                         "the output so far. Says `cancelled` (it had not started), `cancelling` (it is being\n"
                         "killed), `done` (it had ended already) or `noted` (no such job is known yet; if it comes\n"
                         "it will not start).",
                .examples = "  brig cancel 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c --agent test-001\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

static int print_reply(const json_t *reply, bool json, struct error *e)
{
        struct bytes text = {0};
        const char *outcome = json_string_value(json_object_get(reply, "outcome"));
        const char *message = json_string_value(json_object_get(reply, "message"));
        if (json && json_document_append(reply, &text) < 0)
                return error_set(e, ERROR_MEMORY, "out of memory");
        printf("%s\n", json ? (const char *)text.data : outcome ? outcome : "unknown");
        bytes_deinit(&text);
        if (outcome && strcmp(outcome, "invalid") != 0)
                return 0;
        return error_set(e, ERROR_INVALID, "%.200s", message ? message : "the dispatcher's reply has no outcome");
}

static int cancel(const struct cluster *cluster, const struct cancel_options *options, const char *job_id)
{
        struct error e = {0};
        json_t *reply = NULL, *request = json_pack("{s:s, s:s}", "type", "cancel", "job_id", job_id);
        int failed = !request ? error_set(&e, ERROR_MEMORY, "out of memory")
                              : control_request(cluster, options->agent_id, request, options->timeout_ms ? options->timeout_ms : REPLY_MS,
                                                &reply, &e);
        if (!failed)
                failed = print_reply(reply, options->json, &e);
        json_decref(request);
        json_decref(reply);
        return failed ? complain_error("cancel", &e, NULL) : CLI_OK;
}

int command_cancel(int argc, char **argv)
{
        struct cancel_options options = {0};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (operands.count != 1 || !uuid_valid(span_of(operands.items[0])))
                return complain(CLI_USAGE, "cancel", "needs one job id, a UUID", "see brig cancel --help");
        if (!options.agent_id)
                return complain(CLI_USAGE, "cancel", "a job is known by its agent and its id", "give --agent ID");
        if (!session_open(&session, options.config_file, &status))
                return status;
        status = cancel(&session.cluster, &options, operands.items[0]);
        session_close(&session);
        return status;
}
