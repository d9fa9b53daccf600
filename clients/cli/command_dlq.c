#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/options.h"
#include "clients/cli/recent.h"
#include "clients/cli/session.h"
#include "common/clock.h"
#include "common/json.h"

enum { LAST_DEFAULT = 100 };

struct dlq_options {
        const char *agent_id, *config_file;
        uint64_t last;
        bool json;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct dlq_options, agent_id), "ID", "what was sent in this agent's name"},
                {"last", OPTION_COUNT, offsetof(struct dlq_options, last), "N", "the newest N; default 100"},
                {"json", OPTION_SWITCH, offsetof(struct dlq_options, json), NULL, "one JSON object a line, with the bytes"},
                {"config", OPTION_TEXT, offsetof(struct dlq_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "dlq",
                .synopsis = "dlq [OPTIONS]",
                .about = "Lists the dead-letter topic, oldest first: what could not be read as a job, and jobs\n"
                         "that failed brig at every attempt; with the place they came from and the class of error.",
                .examples = "  brig dlq --last 20\n"
                            "  brig dlq --agent test-001 --json | jq -r .value\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct dlq_listing {
        const struct dlq_options *options;
        struct recent letters;
        bool no_memory;
};

static json_t *header_text(const struct kafka_record *record, const char *name)
{
        struct span value = {0};
        return kafka_record_header(record, name, &value) ? json_text(value) : json_null();
}

static char *json_line(const struct kafka_record *record, const char *time)
{
        struct bytes line = {0};
        json_t *letter = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "time", time, "agent_id", json_text(record->key), "error",
                                   header_text(record, "error"), "topic", header_text(record, "topic"), "partition",
                                   header_text(record, "partition"), "offset", header_text(record, "offset"));
        if (!letter || json_set_data(letter, "value", "value_encoding", record->value) < 0 || json_document_append(letter, &line) < 0)
                bytes_deinit(&line);
        json_decref(letter);
        return bytes_take(&line);
}

static void append_header(struct bytes *line, const struct kafka_record *record, const char *name)
{
        struct span value = {0};
        kafka_record_header(record, name, &value);
        bytes_append_format(line, "%.*s", (int)value.size, value.size ? (const char *)value.data : "");
}

static char *text_line(const struct kafka_record *record, const char *time)
{
        struct bytes line = {0};
        bytes_append_format(&line, "%s  ", time);
        append_header(&line, record, "error");
        bytes_append_format(&line, "  %.*s  %zu bytes  from ", (int)record->key.size,
                            record->key.size ? (const char *)record->key.data : "", record->value.size);
        append_header(&line, record, "topic");
        bytes_append_string(&line, "/");
        append_header(&line, record, "partition");
        bytes_append_string(&line, "/");
        append_header(&line, record, "offset");
        return bytes_take(&line);
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct dlq_listing *listing = data;
        char time[CLOCK_RFC3339_SIZE];
        if (listing->options->agent_id && !span_equal(record->key, span_of(listing->options->agent_id)))
                return false;
        clock_format_rfc3339((uint64_t)record->timestamp_ms, time);
        char *line = listing->options->json ? json_line(record, time) : text_line(record, time);
        listing->no_memory = recent_add(&listing->letters, record->timestamp_ms, line) < 0;
        return listing->no_memory;
}

static int show_letters(const struct cluster *cluster, struct dlq_listing *listing)
{
        struct error e = {0};
        int status = CLI_OK;
        if (cluster_read(cluster, &(struct cluster_read){cluster->topics.dlq, listing->options->agent_id, 0, on_record, listing}, &e) < 0)
                status = complain_error("dlq", &e, NULL);
        else if (listing->no_memory)
                status = complain(CLI_UNAVAILABLE, "dlq", "out of memory", "ask for fewer: --last");
        else
                recent_print(&listing->letters);
        recent_deinit(&listing->letters);
        return status;
}

int command_dlq(int argc, char **argv)
{
        struct dlq_options options = {.last = LAST_DEFAULT};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (operands.count > 0)
                return complain(CLI_USAGE, "dlq", "takes no operands", "see brig dlq --help");
        if (!session_open(&session, options.config_file, &status))
                return status;
        struct dlq_listing listing = {.options = &options, .letters = {.keep = options.last ? options.last : 1}};
        status = show_letters(&session.cluster, &listing);
        session_close(&session);
        return status;
}
