#include "common/transport/kafka_topics.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/transport/kafka_client.h"
#include "common/transport/kafka_conf.h"

enum { TOPIC_COUNT = 7, TOPIC_OPTIONS_MAX = 3, RETRY_MS = 50 };

/* What a topic of ours needs to be; in the order of struct kafka_topics. */
struct plan {
        const char *options[TOPIC_OPTIONS_MAX][2];
};

#define KIB_4352 "4456448" /* a dead letter is a whole job and more */
#define KIB_4160 "4259840" /* a job of 4 MiB and its headers */
#define KIB_4096 "4194304"
#define DAY "86400000"
#define WEEK "604800000"
#define TWO_WEEKS "1209600000" /* longer than the oldest job that may still be unsettled */
#define MONTH "2592000000"

static const struct plan plans[TOPIC_COUNT] = {
                {{{"max.message.bytes", KIB_4160}, {"retention.ms", WEEK}}},
                {{{"max.message.bytes", KIB_4096}, {"retention.ms", TWO_WEEKS}}},
                {{{"cleanup.policy", "delete"}, {"retention.ms", MONTH}}},
                {{{"retention.ms", MONTH}}},
                {{{"max.message.bytes", KIB_4352}, {"retention.ms", MONTH}}},
                {{{"retention.ms", DAY}}},
                {{{"cleanup.policy", "compact"}}},
};

struct kafka_topics kafka_topics_named(const char *prefix)
{
        struct kafka_topics t;
#define NAME(topic) snprintf(t.topic, sizeof(t.topic), "%s." #topic, prefix)
        NAME(jobs), NAME(results), NAME(audit), NAME(alerts), NAME(dlq), NAME(control), NAME(agents);
#undef NAME
        return t;
}

struct survey {
        const struct config *config;
        const char *names[TOPIC_COUNT];
        int32_t partitions[TOPIC_COUNT]; /* 0: there is no such topic */
        rd_kafka_t *handle;
        uint64_t deadline_ms;
        bool makes_itself; /* the embedded broker: it has no call that makes topics, a question does */
};

static int remaining_ms(const struct survey *s)
{
        uint64_t now_ms = clock_boottime_ms(&clock_system);
        return now_ms < s->deadline_ms ? (int)(s->deadline_ms - now_ms) : 0;
}

static int survey_connect(struct survey *s, struct error *e)
{
        char reason[160];
        rd_kafka_conf_t *conf;

        if (kafka_conf_new(&conf, s->config, KAFKA_PRODUCER, e) < 0)
                return -1;
        rd_kafka_conf_set_log_cb(conf, NULL);
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
        if (s->makes_itself && kafka_conf_set(conf, "allow.auto.create.topics", "true", e) < 0) {
                rd_kafka_conf_destroy(conf);
                return -1;
        }
        s->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
        if (s->handle)
                return 0;
        rd_kafka_conf_destroy(conf);
        return error_set(e, ERROR_CONFIG, "kafka: %s", reason);
}

static void survey_disconnect(struct survey *s)
{
        if (s->handle)
                rd_kafka_destroy(s->handle);
        s->handle = NULL;
}

static int survey_topic(struct survey *s, size_t i, struct error *e)
{
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(s->handle, s->names[i], NULL);
        rd_kafka_resp_err_t err = rd_kafka_metadata(s->handle, 0, topic, &metadata, remaining_ms(s));

        rd_kafka_topic_destroy(topic);
        if (err)
                return kafka_unreachable(e, s->config, rd_kafka_err2str(err));
        err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        s->partitions[i] = err ? 0 : metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
        if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
                return error_set(e, ERROR_DENIED, "Kafka lets this user not see topic %s", s->names[i]);
        return 0;
}

static int survey_topics(struct survey *s, size_t *ret_missing, struct error *e)
{
        size_t missing = 0;
        for (size_t i = 0; i < TOPIC_COUNT; i++) {
                if (survey_topic(s, i, e) < 0)
                        return -1;
                missing += s->partitions[i] == 0;
        }
        *ret_missing = missing;
        return 0;
}

static rd_kafka_NewTopic_t *topic_to_make(const struct survey *s, size_t i)
{
        const int brokers_default = -1;
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(s->names[i], (int)s->config->kafka_partitions, brokers_default, NULL, 0);
        for (size_t k = 0; topic && k < TOPIC_OPTIONS_MAX && plans[i].options[k][0]; k++)
                rd_kafka_NewTopic_set_config(topic, plans[i].options[k][0], plans[i].options[k][1]);
        return topic;
}

/* A topic that somebody else made meanwhile is as good. */
static int check_made(struct survey *s, rd_kafka_event_t *event, struct error *e)
{
        size_t count = 0;
        rd_kafka_resp_err_t err = rd_kafka_event_error(event);
        if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) {
                s->makes_itself = true;
                survey_disconnect(s);
                return survey_connect(s, e);
        }
        if (err)
                return error_set(e, ERROR_KAFKA, "make topics: %s", rd_kafka_event_error_string(event));
        const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        for (size_t i = 0; i < count; i++) {
                err = rd_kafka_topic_result_error(results[i]);
                if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
                        return error_set(e, ERROR_KAFKA, "make topic %s: %s", rd_kafka_topic_result_name(results[i]),
                                         rd_kafka_topic_result_error_string(results[i]));
        }
        return 0;
}

static rd_kafka_event_t *make_and_wait(struct survey *s, rd_kafka_NewTopic_t **topics, size_t count)
{
        char ignored[1];
        rd_kafka_queue_t *queue = rd_kafka_queue_new(s->handle);
        rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(s->handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);

        rd_kafka_AdminOptions_set_request_timeout(options, remaining_ms(s), ignored, sizeof(ignored));
        rd_kafka_CreateTopics(s->handle, topics, count, options, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, -1); /* librdkafka answers within the time of the request */
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_queue_destroy(queue);
        return event;
}

static int make_missing(struct survey *s, struct error *e)
{
        rd_kafka_NewTopic_t *topics[TOPIC_COUNT];
        size_t count = 0;

        for (size_t i = 0; i < TOPIC_COUNT; i++)
                if (s->partitions[i] == 0 && (topics[count] = topic_to_make(s, i)))
                        count++;
        rd_kafka_event_t *event = make_and_wait(s, topics, count);
        rd_kafka_NewTopic_destroy_array(topics, count);
        int r = check_made(s, event, e);
        rd_kafka_event_destroy(event);
        return r;
}

static int wait_until_all(struct survey *s, struct error *e)
{
        size_t missing;
        if (survey_topics(s, &missing, e) < 0)
                return -1;
        if (missing > 0 && make_missing(s, e) < 0)
                return -1;
        while (missing > 0) {
                if (survey_topics(s, &missing, e) < 0)
                        return -1;
                if (missing > 0 && remaining_ms(s) == 0)
                        return error_set(e, ERROR_KAFKA, "%zu topics were made but are not there yet", missing);
                rd_kafka_poll(s->handle, missing > 0 ? RETRY_MS : 0);
        }
        return 0;
}

static int check_counts(const struct survey *s, struct error *e)
{
        for (size_t i = 1; i < TOPIC_COUNT; i++)
                if (s->partitions[i] != s->partitions[0])
                        return error_set(e, ERROR_CONFIG, "%s has %d partitions and %s %d: all topics of a cell need the same number",
                                         s->names[0], s->partitions[0], s->names[i], s->partitions[i]);
        return 0;
}

int kafka_topics_ensure(const struct config *config, const struct kafka_topics *topics, int timeout_ms, int32_t *ret_partitions,
                        struct error *e)
{
        struct survey s = {.config = config,
                           .names = {topics->jobs, topics->results, topics->audit, topics->alerts, topics->dlq, topics->control,
                                     topics->agents},
                           .deadline_ms = clock_boottime_ms(&clock_system) + (uint64_t)timeout_ms};
        int r = survey_connect(&s, e);

        if (r == 0)
                r = wait_until_all(&s, e);
        if (r == 0)
                r = check_counts(&s, e);
        survey_disconnect(&s);
        if (r == 0)
                *ret_partitions = s.partitions[0];
        return r;
}
