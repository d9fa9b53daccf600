#include "clients/cli/topic_time.h"

#include <librdkafka/rdkafka.h>

#include "common/transport/kafka_conf.h"

enum { ANSWER_MS = 10000 };

static void ignore_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
        (void)kafka, (void)level, (void)facility, (void)text;
}

rd_kafka_t *kafka_asker_new(const struct config *config, struct error *e)
{
        rd_kafka_conf_t *conf = NULL;
        char reason[160] = "";
        if (kafka_conf_new(&conf, config, KAFKA_PRODUCER, e) < 0)
                return NULL;
        rd_kafka_conf_set_log_cb(conf, ignore_log);
        rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
        if (kafka)
                return kafka;
        rd_kafka_conf_destroy(conf);
        error_set(e, ERROR_CONFIG, "kafka: %s", reason);
        return NULL;
}

static void ask(rd_kafka_t *kafka, const char *topic, int32_t partitions, uint64_t since_ms, int64_t *ret_offsets)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
        for (int32_t partition = 0; partition < partitions; partition++)
                rd_kafka_topic_partition_list_add(list, topic, partition)->offset = (int64_t)since_ms;
        rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(kafka, list, ANSWER_MS);
        for (int i = 0; i < list->cnt; i++)
                ret_offsets[i] = failed || list->elems[i].err ? RD_KAFKA_OFFSET_BEGINNING : list->elems[i].offset;
        rd_kafka_topic_partition_list_destroy(list);
}

int topic_offsets_since(const struct config *config, const char *topic, int32_t partitions, uint64_t since_ms, int64_t *ret_offsets,
                        struct error *e)
{
        rd_kafka_t *kafka = kafka_asker_new(config, e);
        if (!kafka)
                return -1;
        ask(kafka, topic, partitions, since_ms, ret_offsets);
        rd_kafka_destroy(kafka);
        return 0;
}
