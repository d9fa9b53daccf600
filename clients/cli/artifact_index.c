#include "clients/cli/artifact_index.h"

#include <stdio.h>
#include <unistd.h>

#include "clients/cli/input.h"
#include "common/json.h"
#include "common/summary.h"

static void folder_of(const char *log_directory, char ret_path[static PATH_MAX])
{
        snprintf(ret_path, PATH_MAX, "%.3800s/artifacts/records", log_directory);
}

static int record_text(const struct result *result, struct bytes *text, struct error *e)
{
        struct result quiet = *result;
        quiet.stdout_data = quiet.stderr_data = (struct bytes){0};
        json_t *record = result_to_json(&quiet);
        int failed = !record || json_document_append(record, text) < 0;
        json_decref(record);
        return failed ? error_set(e, ERROR_MEMORY, "out of memory") : 0;
}

int artifact_index_add(const char *log_directory, const struct result *result, struct error *e)
{
        struct bytes text = {0};
        char folder[PATH_MAX], name[64], path[PATH_MAX];
        if (result->artifact_count == 0)
                return 0;
        folder_of(log_directory, folder);
        snprintf(name, sizeof name, "%s.json", result->job_id);
        int failed = record_text(result, &text, e) < 0 || summary_log_write(folder, name, bytes_span(&text), path, e) < 0;
        bytes_deinit(&text);
        return failed ? -1 : 0;
}

int artifact_index_find(const char *log_directory, const char *job_id, struct result *ret_result, bool *ret_found, struct error *e)
{
        struct bytes text = {0};
        char folder[PATH_MAX], path[PATH_MAX];
        folder_of(log_directory, folder);
        snprintf(path, sizeof path, "%.4000s/%s.json", folder, job_id);
        *ret_found = access(path, F_OK) == 0;
        if (!*ret_found)
                return 0;
        json_t *record = input_read(path, &text, e) < 0 ? NULL : json_document_parse(bytes_span(&text), e);
        int failed = !record || result_from_json(ret_result, record, e) < 0;
        json_decref(record);
        bytes_deinit(&text);
        return failed ? -1 : 0;
}

void artifact_path(const char *log_directory, const struct artifact *artifact, char ret_path[static PATH_MAX])
{
        snprintf(ret_path, PATH_MAX, "%.3800s/artifacts/sha256/%.2s/%.62s", log_directory, artifact->sha256, artifact->sha256 + 2);
}
