#include <stdlib.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/options.h"
#include "clients/cli/recent.h"
#include "clients/cli/session.h"
#include "common/clock.h"
#include "common/json.h"

enum { LAST_DEFAULT = 1000 };

struct audit_options {
        const char *agent_id, *job_id, *event, *since, *config_file;
        uint64_t last;
        bool json;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct audit_options, agent_id), "ID", "events of this agent"},
                {"job", OPTION_TEXT, offsetof(struct audit_options, job_id), "JOB_ID", "events of this job"},
                {"event", OPTION_TEXT, offsetof(struct audit_options, event), "NAME", "such as job.finished; job.* takes all of a kind"},
                {"since", OPTION_TEXT, offsetof(struct audit_options, since), "TIME", "2026-01-10T02:00:00Z, or 2h for the last two hours"},
                {"last", OPTION_COUNT, offsetof(struct audit_options, last), "N", "the newest N; default 1000"},
                {"json", OPTION_SWITCH, offsetof(struct audit_options, json), NULL, "the events as they are, one a line"},
                {"config", OPTION_TEXT, offsetof(struct audit_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "audit",
                .synopsis = "audit [OPTIONS]",
                .about = "Looks through the audit events, oldest first. They hold sizes and hashes, never code,\n"
                         "environment values or output.",
                .examples = "  brig audit --agent test-001 --since 24h\n"
                            "  brig audit --event agent.quarantined\n"
                            "  brig audit --job 0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c --json | jq .\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct audit_search {
        const struct audit_options *options;
        uint64_t since_ms;
        struct recent events;
        bool no_memory;
};

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "-";
}

static bool event_matches(const char *event, const char *pattern)
{
        size_t size = strlen(pattern);
        if (size > 0 && pattern[size - 1] == '*')
                return strncmp(event, pattern, size - 1) == 0;
        return strcmp(event, pattern) == 0;
}

static bool is_wanted(const struct audit_options *o, const json_t *event)
{
        return (!o->agent_id || strcmp(text_of(event, "agent_id"), o->agent_id) == 0) &&
               (!o->job_id || strcmp(text_of(event, "job_id"), o->job_id) == 0) &&
               (!o->event || event_matches(text_of(event, "event"), o->event));
}

static int append_member(struct bytes *line, const char *key, const json_t *value)
{
        bool empty = json_is_array(value) && json_array_size(value) == 0;
        char *text = value && !empty ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        int failed = text ? bytes_append_format(line, "  %s %s", key, text) : 0;
        free(text);
        return failed;
}

/* What each kind of event is about, in few words; --json has it all. */
static int append_gist(struct bytes *line, const json_t *event)
{
        static const char *const TOLD[] = {"status",    "risk_level", "duration_ms", "trust_thousandths_before", "trust_thousandths",
                                           "violations"};
        if (append_member(line, "cause", json_object_get(json_object_get(event, "termination"), "cause")) < 0 ||
            append_member(line, "reason", json_object_get(json_object_get(event, "rejection"), "reason")) < 0)
                return -1;
        for (size_t i = 0; i < sizeof TOLD / sizeof *TOLD; i++)
                if (append_member(line, TOLD[i], json_object_get(event, TOLD[i])) < 0)
                        return -1;
        return 0;
}

static char *event_line(const json_t *event)
{
        struct bytes line = {0};
        if (bytes_append_format(&line, "%s  %-18s %s  %s", text_of(event, "time"), text_of(event, "event"), text_of(event, "agent_id"),
                                text_of(event, "job_id")) < 0 ||
            append_gist(&line, event) < 0)
                bytes_deinit(&line);
        return bytes_take(&line);
}

static char *raw_line(const struct kafka_record *record)
{
        return strndup((const char *)record->value.data, record->value.size);
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct audit_search *search = data;
        struct error ignored;
        if (record->timestamp_ms < (int64_t)search->since_ms)
                return false;
        json_t *event = json_document_parse(record->value, &ignored);
        if (event && is_wanted(search->options, event) &&
            recent_add(&search->events, record->timestamp_ms, search->options->json ? raw_line(record) : event_line(event)) < 0)
                search->no_memory = true;
        json_decref(event);
        return search->no_memory;
}

static int read_since(const char *text, uint64_t *ret_since_ms)
{
        uint64_t ago_ms, now_ms = clock_realtime_ms(&clock_system);
        *ret_since_ms = 0;
        if (!text || clock_parse_rfc3339(text, ret_since_ms) == 0)
                return 0;
        if (config_parse_duration(span_of(text), &ago_ms) < 0)
                return -1;
        *ret_since_ms = ago_ms < now_ms ? now_ms - ago_ms : 0;
        return 0;
}

static int show_events(const struct cluster *cluster, struct audit_search *search)
{
        struct error e = {0};
        int status = CLI_OK;
        if (cluster_read(cluster,
                         &(struct cluster_read){cluster->topics.audit, search->options->agent_id, search->since_ms, on_record, search},
                         &e) < 0)
                status = complain_error("audit", &e, NULL);
        else if (search->no_memory)
                status = complain(CLI_UNAVAILABLE, "audit", "out of memory", "ask for fewer: --last");
        else
                recent_print(&search->events);
        recent_deinit(&search->events);
        return status;
}

int command_audit(int argc, char **argv)
{
        struct audit_options options = {.last = LAST_DEFAULT};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        struct audit_search search = {.options = &options, .events = {.keep = options.last ? options.last : 1}};
        if (operands.count > 0)
                return complain(CLI_USAGE, "audit", "takes no operands", "filter by --agent, --job, --event, --since");
        if (read_since(options.since, &search.since_ms) < 0)
                return complain(CLI_USAGE, "--since", "cannot be read", "write 2026-01-10T02:00:00Z or 2h");
        if (!session_open(&session, options.config_file, &status))
                return status;
        status = show_events(&session.cluster, &search);
        session_close(&session);
        return status;
}
