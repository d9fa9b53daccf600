#include "clients/cli/record_print.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clients/cli/complaint.h"
#include "clients/cli/echo.h"
#include "common/clock.h"
#include "common/json.h"

int record_print_json(const struct result *result, struct error *e)
{
        struct bytes line = {0};
        json_t *record = result_to_json(result);
        int failed = !record || json_document_append(record, &line) < 0 || bytes_append_string(&line, "\n") < 0;
        json_decref(record);
        if (failed)
                error_set(e, ERROR_MEMORY, "out of memory");
        else if (fwrite(line.data, 1, line.size, stdout) != line.size || fflush(stdout) != 0)
                failed = error_set(e, ERROR_SYSTEM, "cannot write the record to standard output");
        bytes_deinit(&line);
        return failed ? -1 : 0;
}

static void mask_controls(struct bytes *text)
{
        for (size_t i = 0; i < text->size; i++)
                if (iscntrl(text->data[i]) && text->data[i] != '\n')
                        text->data[i] = '?';
}

static int print_summary(const struct summary *summary, struct error *e)
{
        struct bytes text = {0};
        int failed = summary_append(&text, summary);
        mask_controls(&text);
        if (failed)
                error_set(e, ERROR_MEMORY, "out of memory");
        else
                fwrite(text.data, 1, text.size, stderr);
        bytes_deinit(&text);
        return failed;
}

static void explain_rejection(const struct rejection *r)
{
        char remedy[96] = "";
        if (*r->nearest)
                snprintf(remedy, sizeof remedy, "did you mean %s?", r->nearest);
        else if (r->retry_after_ms > 0)
                snprintf(remedy, sizeof remedy, "try again in %" PRIu64 " s", (r->retry_after_ms + 999) / 1000);
        complain(0, rejection_reason_name(r->reason), r->message, *remedy ? remedy : NULL);
}

int record_print_for_people(const struct summary *summary, struct error *e)
{
        const struct result *result = summary->result;
        if (result->status == STATUS_REJECTED) {
                explain_rejection(&result->rejection);
                return 0;
        }
        if (print_summary(summary, e) < 0)
                return -1;
        if (result->status == STATUS_ERROR)
                complain(0, "could not run it", result->termination.reason, "brig doctor says what a host lacks");
        return 0;
}

void record_print_output(const struct result *result)
{
        struct echo streams[2];
        uv_loop_t loop;
        if (uv_loop_init(&loop) < 0)
                return;
        echo_open(&streams[0], &loop, STDOUT_FILENO);
        echo_open(&streams[1], &loop, STDERR_FILENO);
        echo_write(&streams[0], bytes_span(&result->stdout_data));
        echo_write(&streams[1], bytes_span(&result->stderr_data));
        echo_close(&streams[0]);
        echo_close(&streams[1]);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        echo_finish(&streams[0]);
        echo_finish(&streams[1]);
}

struct summary record_summary(const struct result *result, const char *code_file)
{
        return (struct summary){
                        .result = result,
                        .agent_id = result->agent_id ? result->agent_id : "(unknown)",
                        .risk = RISK_MEDIUM,
                        .language = result->language ? result->language : "(unknown)",
                        .code_file = code_file,
                        .realtime_ms = result->started_at_ms    ? result->started_at_ms
                                       : result->finished_at_ms ? result->finished_at_ms
                                                                : clock_realtime_ms(&clock_system),
        };
}
