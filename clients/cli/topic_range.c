#include "clients/cli/topic_range.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <time.h>

#include "common/transport/kafka_conf.h"

enum { ANSWER_MS = 10000, SETTLE_PAUSE_MS = 50, SETTLE_TRIES = 60 };

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

/* A partition that was just made has no leader yet; it soon has. */
static bool is_settling(rd_kafka_resp_err_t failed)
{
        return failed == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || failed == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
               failed == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || failed == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static rd_kafka_resp_err_t ask_range(rd_kafka_t *kafka, const char *topic, int32_t partition, struct topic_range *range)
{
        const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_MS * 1000000L};
        rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
        for (int i = 0; i < SETTLE_TRIES; i++) {
                failed = rd_kafka_query_watermark_offsets(kafka, topic, partition, &range->first, &range->end, ANSWER_MS);
                if (!is_settling(failed))
                        break;
                nanosleep(&pause, NULL);
        }
        return failed;
}

static int ask_ranges(rd_kafka_t *kafka, const struct topic_part *part, struct topic_range *ranges, struct error *e)
{
        for (int32_t i = 0; i < part->count; i++) {
                int32_t partition = part->first_partition + i;
                rd_kafka_resp_err_t failed = ask_range(kafka, part->topic, partition, &ranges[i]);
                if (failed)
                        return error_set(e, ERROR_KAFKA, "%s [%d]: %s", part->topic, (int)partition, rd_kafka_err2str(failed));
        }
        return 0;
}

static void begin_at(struct topic_range *range, const rd_kafka_topic_partition_t *answer)
{
        if (answer->err)
                return;
        if (answer->offset == RD_KAFKA_OFFSET_END)
                range->first = range->end;
        else if (answer->offset > range->first)
                range->first = answer->offset;
}

static void shorten_ranges(rd_kafka_t *kafka, const struct topic_part *part, uint64_t since_ms, struct topic_range *ranges)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(part->count);
        for (int32_t i = 0; i < part->count; i++)
                rd_kafka_topic_partition_list_add(list, part->topic, part->first_partition + i)->offset = (int64_t)since_ms;
        if (rd_kafka_offsets_for_times(kafka, list, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
                for (int32_t i = 0; i < part->count; i++)
                        begin_at(&ranges[i], &list->elems[i]);
        rd_kafka_topic_partition_list_destroy(list);
}

int topic_ranges(const struct config *config, const struct topic_part *part, uint64_t since_ms, struct topic_range *ret_ranges,
                 struct error *e)
{
        rd_kafka_t *kafka = kafka_asker_new(config, e);
        if (!kafka)
                return -1;
        int failed = ask_ranges(kafka, part, ret_ranges, e);
        if (!failed && since_ms > 0)
                shorten_ranges(kafka, part, since_ms, ret_ranges);
        rd_kafka_destroy(kafka);
        return failed;
}
