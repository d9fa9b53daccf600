#include "clients/cli/accepted_record.h"

#include <stdio.h>

#include "clients/cli/complaint.h"
#include "clients/cli/record_print.h"
#include "common/json.h"
#include "common/summary.h"

struct search_state {
        const struct accepted_record_search *search;
        struct bytes *text;
        bool no_memory;
};

static bool span_is_text(struct span s, const char *text)
{
        return span_equal(s, span_of(text));
}

static bool is_wanted(const struct accepted_record_search *search, const struct kafka_record *record)
{
        struct span job_id;
        return kafka_record_header(record, "job_id", &job_id) && span_is_text(job_id, search->job_id) &&
               (!search->agent_id || span_is_text(record->key, search->agent_id));
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct search_state *state = data;
        if (!is_wanted(state->search, record))
                return false;
        state->no_memory = bytes_append(state->text, record->value.data, record->value.size) < 0;
        return true;
}

static int read_record(struct accepted_record *record, struct error *e)
{
        json_t *value = json_document_parse(bytes_span(&record->text), e);
        int failed = !value || result_from_json(&record->result, value, e) < 0;
        json_decref(value);
        return failed ? error_wrap(e, "result record") : 0;
}

int accepted_record_find(const struct cluster *cluster, const struct accepted_record_search *search, struct accepted_record *ret_record,
                         bool *ret_found, struct error *e)
{
        enum topic_scan_verdict verdict;
        struct search_state state = {.search = search, .text = &ret_record->text};
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = cluster->topics.results,
                        .partitions = cluster->partitions,
                        .partition = cluster_partition(cluster, search->agent_id),
                        .offset = search->offset,
                        .follow = search->wait,
                        .timeout_ms = search->timeout_ms,
                        .record = on_record,
                        .data = &state,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        *ret_found = verdict == TOPIC_SCAN_FOUND;
        if (verdict == TOPIC_SCAN_TIMED_OUT && !search->wait)
                return error_set(e, ERROR_TIMEOUT, "%s: its end was not reached in time; --agent reads one partition", scan.topic);
        if (state.no_memory)
                return error_set(e, ERROR_MEMORY, "out of memory");
        return *ret_found ? read_record(ret_record, e) : 0;
}

void accepted_record_deinit(struct accepted_record *record)
{
        bytes_deinit(&record->text);
        result_deinit(&record->result);
}

int accepted_record_print(const struct accepted_record *record, const char *code_name, bool json)
{
        struct error e = {0};
        struct summary summary = record_summary(&record->result, code_name);
        if (json) {
                printf("%.*s\n", (int)record->text.size, (const char *)record->text.data);
                return summary_exit_status(&record->result);
        }
        record_print_output(&record->result);
        if (record_print_for_people(&summary, &e) < 0)
                return complain_error(NULL, &e, NULL);
        return summary_exit_status(&record->result);
}
