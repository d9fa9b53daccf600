#include "worker/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/audit.h"
#include "common/json.h"
#include "common/transport/cloudevent.h"
#include "common/transport/result_headers.h"

/* What a result holds beside its output at the most: metadata, findings, violations, artifacts and their names, headers. */
enum { RESULT_FRAME_BYTES = 256 << 10 };

uint64_t report_output_bytes_max(uint64_t record_bytes)
{
        return record_bytes > RESULT_FRAME_BYTES ? (record_bytes - RESULT_FRAME_BYTES) * 3 / 8 : 0; /* two streams, base64 */
}

static void half_done(struct report *report, const struct error *e)
{
        if (e)
                report->error = *e;
        if (--report->pending == 0)
                report->done(report, report->offset, report->error.code ? &report->error : NULL);
}

static void result_sent(struct kafka_send *send, int32_t partition, int64_t offset, const struct error *e)
{
        struct report *report = send->data;
        (void)partition;
        report->offset = offset;
        half_done(report, e);
}

static void audit_sent(struct kafka_send *send, int32_t partition, int64_t offset, const struct error *e)
{
        (void)partition, (void)offset;
        half_done(send->data, e);
}

struct envelope { /* the memory headers borrow from; the sink copies them */
        struct cloudevent event;
        char id[96];
        char source[192];
};

static void envelope_fill(struct envelope *envelope, const struct report *report, const struct result *result, const char *type)
{
        const struct ports *ports = report->ports;
        snprintf(envelope->id, sizeof(envelope->id), "%s/%" PRIu64, result->job_id, result->fence);
        snprintf(envelope->source, sizeof(envelope->source), "/brig/worker/%s", ports->config->worker_name);
        envelope->event = (struct cloudevent){.type = type, .source = envelope->source, .id = envelope->id};
        clock_format_rfc3339(clock_realtime_ms(ports->clock), envelope->event.time);
}

static int text_of(json_t *document_take, struct bytes *ret_text, struct error *e)
{
        int failed = document_take ? json_document_append(document_take, ret_text) : -1;
        json_decref(document_take);
        return failed ? error_set(e, ERROR_MEMORY, "no memory to write a result") : 0;
}

static int send_one(struct report *report, struct kafka_send *send, json_t *document_take, struct error *e)
{
        struct bytes text = {0};
        int failed = text_of(document_take, &text, e);
        if (!failed) {
                send->value = bytes_span(&text);
                send->data = report;
                failed = report->ports->sink.send(report->ports->sink.sink, send, e);
        }
        bytes_deinit(&text);
        if (!failed)
                report->pending++;
        return failed;
}

static int send_result(struct report *report, const struct result *result, struct report_origin origin, struct error *e)
{
        struct envelope envelope;
        struct kafka_header headers[CLOUDEVENT_HEADERS + RESULT_HEADERS];
        struct result_origin job = {result->job_id, result->fence, result->attempt, origin.partition, origin.offset, {{0}}};
        envelope_fill(&envelope, report, result, "brig.result");
        cloudevent_headers(&envelope.event, headers);
        result_headers(&job, headers + CLOUDEVENT_HEADERS);
        report->result = (struct kafka_send){.topic = report->ports->topics.results,
                                             .partition = origin.partition,
                                             .key = span_of(result->agent_id),
                                             .headers = headers,
                                             .header_count = CLOUDEVENT_HEADERS + RESULT_HEADERS,
                                             .done = result_sent};
        return send_one(report, &report->result, result_to_json(result), e);
}

static int send_audit(struct report *report, const struct result *result, struct error *e)
{
        struct envelope envelope;
        struct kafka_header headers[CLOUDEVENT_HEADERS];
        envelope_fill(&envelope, report, result, "brig.audit");
        cloudevent_headers(&envelope.event, headers);
        report->audit = (struct kafka_send){.topic = report->ports->topics.audit,
                                            .partition = -1,
                                            .key = span_of(result->agent_id),
                                            .headers = headers,
                                            .header_count = CLOUDEVENT_HEADERS,
                                            .done = audit_sent};
        json_t *event = audit_job_finished(result, "brig-worker", clock_realtime_ms(report->ports->clock));
        return send_one(report, &report->audit, event, e);
}

int report_start(struct report *report, const struct ports *ports, const struct result *result, struct report_origin origin,
                 void (*done)(struct report *report, int64_t offset, const struct error *e), void *data, struct error *e)
{
        *report = (struct report){.ports = ports, .done = done, .data = data};
        if (send_result(report, result, origin, e) < 0)
                return -1;
        struct error failure;
        if (send_audit(report, result, &failure) < 0)
                report->error = failure; /* told once the result's send is over */
        return 0;
}
