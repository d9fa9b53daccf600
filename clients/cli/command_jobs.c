#include <inttypes.h>
#include <stdio.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/options.h"
#include "clients/cli/session.h"
#include "common/clock.h"
#include "common/encoding.h"
#include "common/json.h"
#include "common/result.h"

enum { LAST_DEFAULT = 100 };

struct jobs_options {
        const char *agent_id, *config_file;
        uint64_t last;
        bool json;
};

static const struct option_row ROWS[] = {
                {"agent-id", OPTION_TEXT, offsetof(struct jobs_options, agent_id), "ID", "whose jobs (needed)"},
                {"last", OPTION_COUNT, offsetof(struct jobs_options, last), "N", "the newest N; default 100"},
                {"json", OPTION_SWITCH, offsetof(struct jobs_options, json), NULL, "one JSON object a line"},
                {"config", OPTION_TEXT, offsetof(struct jobs_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "jobs",
                .synopsis = "jobs --agent ID [OPTIONS]",
                .about = "Lists an agent's jobs as the topics keep them, oldest first. `unfinished` has no record\n"
                         "yet: it waits or runs.",
                .examples = "  brig jobs --agent test-001\n"
                            "  brig jobs --agent test-001 --json | jq 'select(.status == \"unfinished\")'\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

struct jobs_table {
        const struct jobs_options *options;
        json_t *jobs; /* by job id, in the order of the topic; the newest only */
};

static bool is_agents(const struct jobs_table *table, const struct kafka_record *record)
{
        return span_equal(record->key, span_of(table->options->agent_id));
}

static void drop_oldest(json_t *jobs)
{
        json_object_del(jobs, json_object_iter_key(json_object_iter(jobs)));
}

static void add_job(struct jobs_table *table, const char *job_id, int64_t time_ms)
{
        char time[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339((uint64_t)time_ms, time);
        json_t *row = json_pack("{s:s, s:s, s:s}", "job_id", job_id, "submitted_at", time, "status", "unfinished");
        json_object_set_new(table->jobs, job_id, row);
        if (json_object_size(table->jobs) > table->options->last)
                drop_oldest(table->jobs);
}

static bool on_job(void *data, const struct kafka_record *record)
{
        struct jobs_table *table = data;
        struct error ignored;
        json_t *job = is_agents(table, record) ? json_document_parse(record->value, &ignored) : NULL;
        const char *job_id = json_string_value(json_object_get(job, "job_id"));
        if (job_id && !json_object_get(table->jobs, job_id))
                add_job(table, job_id, record->timestamp_ms);
        json_decref(job);
        return false;
}

static void copy_member(json_t *row, const char *key, const json_t *from, const char *from_key)
{
        json_t *value = json_object_get(from, from_key);
        if (value)
                json_object_set(row, key, value);
}

static void note_result(json_t *row, const json_t *record)
{
        copy_member(row, "status", record, "status");
        copy_member(row, "cause", json_object_get(record, "termination"), "cause");
        copy_member(row, "cause", json_object_get(record, "rejection"), "reason");
        copy_member(row, "duration_ms", record, "duration_ms");
        copy_member(row, "finished_at", record, "finished_at");
}

/* The row that a result is about; NULL: none, or it has its record: the first is the accepted one. */
static json_t *row_of(const struct jobs_table *table, const struct kafka_record *record)
{
        char job_id[UUID_TEXT_SIZE];
        struct span header;
        if (!is_agents(table, record) || !kafka_record_header(record, "job_id", &header))
                return NULL;
        utf8_copy(job_id, sizeof job_id, header);
        json_t *row = json_object_get(table->jobs, job_id);
        return json_object_get(row, "finished_at") ? NULL : row;
}

static bool on_result(void *data, const struct kafka_record *record)
{
        struct error ignored;
        json_t *row = row_of(data, record);
        json_t *result = row ? json_document_parse(record->value, &ignored) : NULL;
        if (result)
                note_result(row, result);
        json_decref(result);
        return false;
}

static void print_row(const json_t *row)
{
        const char *job_id = "", *submitted = "", *status = "", *cause = "-";
        json_int_t duration_ms = 0;
        json_unpack((json_t *)row, "{s:s, s:s, s:s, s?s, s?I}", "job_id", &job_id, "submitted_at", &submitted, "status", &status, "cause",
                    &cause, "duration_ms", &duration_ms);
        printf("%s  %s  %-10s %-16s %8" JSON_INTEGER_FORMAT " ms\n", submitted, job_id, status, cause, duration_ms);
}

static int print_json_row(const json_t *row)
{
        struct bytes line = {0};
        int failed = json_document_append(row, &line);
        if (!failed)
                printf("%s\n", (const char *)line.data);
        bytes_deinit(&line);
        return failed;
}

static void print_rows(const struct jobs_table *table)
{
        const char *job_id;
        json_t *row;
        json_object_foreach(table->jobs, job_id, row)
        {
                if (table->options->json)
                        print_json_row(row);
                else
                        print_row(row);
        }
}

static int show_jobs(const struct cluster *cluster, const struct jobs_options *options)
{
        struct error e = {0};
        struct jobs_table table = {options, json_object()};
        int status = CLI_OK;
        if (cluster_read(cluster, &(struct cluster_read){cluster->topics.jobs, options->agent_id, 0, on_job, &table}, &e) < 0 ||
            cluster_read(cluster, &(struct cluster_read){cluster->topics.results, options->agent_id, 0, on_result, &table}, &e) < 0)
                status = complain_error("jobs", &e, NULL);
        else
                print_rows(&table);
        json_decref(table.jobs);
        return status;
}

int command_jobs(int argc, char **argv)
{
        struct jobs_options options = {.last = LAST_DEFAULT};
        struct operands operands;
        struct session session;
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (!options.agent_id || operands.count > 0)
                return complain(CLI_USAGE, "jobs", "needs to know whose", "give --agent ID and nothing else");
        if (!session_open(&session, options.config_file, &status))
                return status;
        status = show_jobs(&session.cluster, &options);
        session_close(&session);
        return status;
}
