#include <stdio.h>
#include <stdlib.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/control_request.h"
#include "clients/cli/options.h"
#include "clients/cli/session.h"
#include "common/json.h"

enum { REPLY_MS = 15000 };

struct agents_options {
        const char *agent_id, *trust, *config_file;
        bool quarantine, release, quarantined, json;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct agents_options, agent_id), "ID", "this one alone"},
                {"quarantined", OPTION_SWITCH, offsetof(struct agents_options, quarantined), NULL, "only those in quarantine"},
                {"quarantine", OPTION_SWITCH, offsetof(struct agents_options, quarantine), NULL, "with --agent: put it in quarantine"},
                {"release", OPTION_SWITCH, offsetof(struct agents_options, release), NULL, "with --agent: let it out again"},
                {"trust", OPTION_TEXT, offsetof(struct agents_options, trust), "SCORE", "with --agent: set its trust, 0.0 to 1.0"},
                {"json", OPTION_SWITCH, offsetof(struct agents_options, json), NULL, "one JSON object a line"},
                {"config", OPTION_TEXT, offsetof(struct agents_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "agents",
                .synopsis = "agents [OPTIONS]",
                .about = "Lists agents with their trust, violations and quarantine, as the dispatchers published\n"
                         "them last. With --agent it can change one.",
                .examples = "  brig agents --quarantined\n"
                            "  brig agents --agent test-001 --release\n"
                            "  brig agents --agent test-001 --trust 0.5\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct agents_table {
        const struct agents_options *options;
        json_t *agents; /* by id: the snapshot of the highest version */
};

static json_int_t version_of(const json_t *snapshot)
{
        return json_integer_value(json_object_get(snapshot, "version"));
}

static bool on_snapshot(void *data, const struct kafka_record *record)
{
        struct agents_table *table = data;
        struct error ignored;
        json_t *snapshot = record->value.size > 0 ? json_document_parse(record->value, &ignored) : NULL;
        const char *agent_id = json_string_value(json_object_get(snapshot, "agent"));
        if (agent_id &&
            (!json_object_get(table->agents, agent_id) || version_of(snapshot) > version_of(json_object_get(table->agents, agent_id))))
                json_object_set(table->agents, agent_id, snapshot);
        json_decref(snapshot);
        return false;
}

static void print_agent(const char *agent_id, const json_t *snapshot, bool json)
{
        struct bytes line = {0};
        json_int_t trust = 0, violations = 0;
        int quarantined = 0;
        if (json && json_document_append(snapshot, &line) == 0)
                printf("%s\n", (const char *)line.data);
        bytes_deinit(&line);
        if (json)
                return;
        json_unpack((json_t *)snapshot, "{s?I, s?I, s?b}", "trust", &trust, "violations", &violations, "quarantined", &quarantined);
        printf("%-32s trust %.3f  violations %" JSON_INTEGER_FORMAT "%s\n", agent_id, (double)trust / 1000.0, violations,
               quarantined ? "  QUARANTINED" : "");
}

static bool is_wanted(const struct agents_options *options, const char *agent_id, const json_t *snapshot)
{
        if (options->agent_id && !span_equal(span_of(agent_id), span_of(options->agent_id)))
                return false;
        return !options->quarantined || json_is_true(json_object_get(snapshot, "quarantined"));
}

static int show_agents(const struct cluster *cluster, const struct agents_options *options)
{
        struct error e = {0};
        struct agents_table table = {options, json_object()};
        const char *agent_id;
        json_t *snapshot;
        if (cluster_read(cluster, &(struct cluster_read){cluster->topics.agents, NULL, 0, on_snapshot, &table}, &e) < 0) {
                json_decref(table.agents);
                return complain_error("agents", &e, NULL);
        }
        json_object_foreach(table.agents, agent_id, snapshot)
        {
                if (is_wanted(options, agent_id, snapshot))
                        print_agent(agent_id, snapshot, options->json);
        }
        json_decref(table.agents);
        return CLI_OK;
}

static json_t *change_request(const struct agents_options *options, struct error *e)
{
        uint64_t trust;
        json_t *request = json_pack("{s:s}", "type", "agent");
        if (options->quarantine || options->release)
                json_object_set_new(request, "quarantined", json_boolean(options->quarantine));
        if (!options->trust)
                return request;
        if (config_parse_thousandths(span_of(options->trust), &trust) == 0 && trust <= 1000) {
                json_object_set_new(request, "trust", json_real((double)trust / 1000.0));
                return request;
        }
        json_decref(request);
        error_set(e, ERROR_USAGE, "--trust: cannot read '%.40s'; write a score from 0.0 to 1.0", options->trust);
        return NULL;
}

static int change_agent(const struct cluster *cluster, const struct agents_options *options)
{
        struct error e = {0};
        json_t *reply = NULL, *request = change_request(options, &e);
        if (!request || control_request(cluster, options->agent_id, request, REPLY_MS, &reply, &e) < 0) {
                json_decref(request);
                return complain_error("agents", &e, NULL);
        }
        const char *outcome = json_string_value(json_object_get(reply, "outcome"));
        const char *message = json_string_value(json_object_get(reply, "message"));
        int status = CLI_OK;
        if (message)
                status = complain(CLI_USAGE, "agents", message, NULL);
        else
                printf("%s\n", outcome ? outcome : "unknown");
        json_decref(request);
        json_decref(reply);
        return status;
}

int command_agents(int argc, char **argv)
{
        struct agents_options options = {0};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        bool change = options.quarantine || options.release || options.trust;
        if (operands.count > 0 || (change && !options.agent_id) || (options.quarantine && options.release))
                return complain(CLI_USAGE, "agents", "a change needs --agent ID and one direction", "see brig agents --help");
        if (!session_open(&session, options.config_file, &status))
                return status;
        status = change ? change_agent(&session.cluster, &options) : show_agents(&session.cluster, &options);
        session_close(&session);
        return status;
}
