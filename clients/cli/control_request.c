#include "clients/cli/control_request.h"

#include <string.h>

#include "clients/cli/topic_send.h"
#include "common/encoding.h"
#include "common/json.h"

struct reply_search {
        const char *request_id;
        json_t *reply;
};

static bool member_is(const json_t *object, const char *key, const char *text)
{
        const char *value = json_string_value(json_object_get(object, key));
        return value && strcmp(value, text) == 0;
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct reply_search *search = data;
        struct error ignored;
        json_t *value = json_document_parse(record->value, &ignored);
        if (member_is(value, "type", "reply") && member_is(value, "request_id", search->request_id))
                search->reply = json_incref(value);
        json_decref(value);
        return search->reply != NULL;
}

static int send_request(const struct cluster *cluster, const char *agent_id, const json_t *request, struct topic_send *ret_send,
                        struct error *e)
{
        struct bytes text = {0};
        *ret_send = (struct topic_send){
                        .config = cluster->config,
                        .topic = cluster->topics.control,
                        .type = "brig.control",
                        .id = json_string_value(json_object_get(request, "request_id")),
                        .key = span_of(agent_id),
        };
        int failed = json_document_append(request, &text) < 0 ? error_set(e, ERROR_MEMORY, "out of memory") : 0;
        ret_send->value = bytes_span(&text);
        if (!failed)
                failed = topic_send_run(ret_send, e);
        bytes_deinit(&text);
        return failed;
}

/* The reply has the request's key, so it comes later in the same partition. */
static int await_reply(const struct cluster *cluster, const struct topic_send *sent, uint64_t timeout_ms, struct reply_search *search,
                       struct error *e)
{
        enum topic_scan_verdict verdict;
        struct topic_scan scan = {
                        .config = cluster->config,
                        .topic = cluster->topics.control,
                        .partitions = cluster->partitions,
                        .partition = sent->partition,
                        .offset = sent->offset + 1,
                        .follow = true,
                        .timeout_ms = timeout_ms,
                        .record = on_record,
                        .data = search,
        };
        if (topic_scan_run(&scan, &verdict, e) < 0)
                return -1;
        return search->reply ? 0 : error_set(e, ERROR_TIMEOUT, "no dispatcher answered in time; the request stands and will be applied");
}

int control_request(const struct cluster *cluster, const char *agent_id, json_t *request, uint64_t timeout_ms, json_t **ret_reply,
                    struct error *e)
{
        char request_id[UUID_TEXT_SIZE];
        struct topic_send sent;
        struct reply_search search = {.request_id = request_id};
        uuid_make(request_id);
        if (json_object_set_new(request, "request_id", json_string(request_id)) < 0 ||
            json_object_set_new(request, "agent_id", json_string(agent_id)) < 0)
                return error_set(e, ERROR_MEMORY, "out of memory, or the agent id is not UTF-8");
        if (send_request(cluster, agent_id, request, &sent, e) < 0 || await_reply(cluster, &sent, timeout_ms, &search, e) < 0)
                return -1;
        *ret_reply = search.reply;
        return 0;
}
