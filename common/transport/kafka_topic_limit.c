#include "common/transport/kafka_topic_limit.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

#include "common/transport/kafka_conf.h"

/* Only a controller tells settings; the embedded broker names one that does not exist. */
static int find_controller(rd_kafka_t *handle, int timeout_ms, bool *ret_found, struct error *e)
{
        const struct rd_kafka_metadata *metadata;
        rd_kafka_resp_err_t err = rd_kafka_metadata(handle, 0, NULL, &metadata, timeout_ms);
        if (err)
                return error_set(e, ERROR_KAFKA, "metadata: %s", rd_kafka_err2str(err));
        *ret_found = false;
        for (int i = 0; i < metadata->broker_cnt; i++)
                *ret_found |= metadata->brokers[i].id == rd_kafka_controllerid(handle, 0);
        rd_kafka_metadata_destroy(metadata);
        return 0;
}

static rd_kafka_event_t *ask(rd_kafka_t *handle, const char *topic, int timeout_ms)
{
        char ignored[1];
        rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
        rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
        rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof(ignored));
        rd_kafka_DescribeConfigs(handle, &resource, 1, options, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, -1); /* librdkafka answers within the time of the request */
        rd_kafka_ConfigResource_destroy(resource);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_queue_destroy(queue);
        return event;
}

static const char *setting_of(rd_kafka_event_t *event, const char *name)
{
        size_t resources, count = 0;
        const rd_kafka_ConfigResource_t **resource =
                        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &resources);
        const rd_kafka_ConfigEntry_t **entries = resources > 0 ? rd_kafka_ConfigResource_configs(resource[0], &count) : NULL;
        for (size_t i = 0; i < count; i++)
                if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
                        return rd_kafka_ConfigEntry_value(entries[i]);
        return NULL;
}

static int read_answer(rd_kafka_event_t *event, const char *topic, uint64_t *ret_record_bytes, struct error *e)
{
        rd_kafka_resp_err_t err = rd_kafka_event_error(event);
        if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
                return *ret_record_bytes = UINT64_MAX, 0;
        if (err)
                return error_set(e, ERROR_KAFKA, "settings of %s: %s", topic, rd_kafka_event_error_string(event));
        if (!span_to_u64(span_of(setting_of(event, "max.message.bytes")), ret_record_bytes))
                return error_set(e, ERROR_KAFKA, "settings of %s: no max.message.bytes among them", topic);
        return 0;
}

static int ask_limit(rd_kafka_t *handle, const char *topic, int timeout_ms, uint64_t *ret_record_bytes, struct error *e)
{
        bool found = false;
        if (find_controller(handle, timeout_ms, &found, e) < 0)
                return -1;
        if (!found)
                return *ret_record_bytes = UINT64_MAX, 0;
        rd_kafka_event_t *event = ask(handle, topic, timeout_ms);
        int failed = read_answer(event, topic, ret_record_bytes, e);
        rd_kafka_event_destroy(event);
        return failed;
}

int kafka_topic_limit(const struct config *config, const char *topic, int timeout_ms, uint64_t *ret_record_bytes, struct error *e)
{
        char reason[160];
        rd_kafka_conf_t *conf;
        if (kafka_conf_new(&conf, config, KAFKA_PRODUCER, e) < 0)
                return -1;
        rd_kafka_conf_set_log_cb(conf, NULL);
        rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
        if (!handle) {
                rd_kafka_conf_destroy(conf);
                return error_set(e, ERROR_CONFIG, "kafka: %s", reason);
        }
        int failed = ask_limit(handle, topic, timeout_ms, ret_record_bytes, e);
        rd_kafka_destroy(handle);
        return failed;
}
