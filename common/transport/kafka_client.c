#include "common/transport/kafka_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_MS = 1000, TROUBLE_AFTER_MS = 2000, EVENTS_PER_TURN = 1000 };

static void ask_start(struct kafka_client *client, const char *topic);

int kafka_unreachable(struct error *e, const struct config *config, const char *failure)
{
        return error_set(e, ERROR_KAFKA, "no Kafka broker answers at %s%s%.90s: start one, or set kafka.bootstrap_servers",
                         config->kafka_bootstrap_servers, failure[0] ? ", " : "", failure);
}

/* Runs on librdkafka's threads. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
        const struct log *log = rd_kafka_opaque(handle);
        (void)level;
        log_event(log, strcmp(facility, "CONFWARN") == 0 ? LOG_WARNING : LOG_DEBUG, "librdkafka", LOG_TEXT("facility", facility),
                  LOG_TEXT("detail", text));
}

/* "GroupCoordinator: 127.0.0.1:9092: Connect to … failed: Connection refused (after 0ms in state CONNECT)": what follows the last
 * ": " says why, without librdkafka's own bookkeeping. */
static void remember_failure(struct kafka_client *client, const char *text)
{
        const char *why = text;
        size_t length = strcspn(text, "(");

        for (const char *next; (next = strstr(why, ": ")) && next + 2 < text + length;)
                why = next + 2;
        snprintf(client->failure, sizeof(client->failure), "%.*s", (int)(text + length - why), why);
        for (size_t end = strlen(client->failure); end > 0 && client->failure[end - 1] == ' '; end--)
                client->failure[end - 1] = 0;
}

static void doubt(struct kafka_client *client)
{
        if (client->doubted)
                return;
        client->doubted = true;
        client->doubted_since_ms = uv_now(client->loop);
        kafka_client_ask(client);
}

static void tell_trouble(struct kafka_client *client)
{
        struct error e;
        client->troubled = true;
        kafka_unreachable(&e, client->config, client->failure);
        client->ops->trouble(client->owner, &e);
}

static void contact_failed(struct kafka_client *client)
{
        doubt(client);
        if (!client->troubled && uv_now(client->loop) - client->doubted_since_ms >= TROUBLE_AFTER_MS)
                tell_trouble(client);
}

static void contact_made(struct kafka_client *client)
{
        client->doubted = false;
        client->failure[0] = 0;
        if (!client->troubled)
                return;
        client->troubled = false;
        client->ops->trouble(client->owner, NULL);
}

/* True when the event was only about contact. */
static bool contact_event(struct kafka_client *client, rd_kafka_event_t *event)
{
        if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR)
                return false;
        switch (rd_kafka_event_error(event)) {
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
                doubt(client);
                return true;
        case RD_KAFKA_RESP_ERR__TRANSPORT:
        case RD_KAFKA_RESP_ERR__RESOLVE:
        case RD_KAFKA_RESP_ERR__SSL:
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
                remember_failure(client, rd_kafka_event_error_string(event));
                return true;
        default:
                return false;
        }
}

static void turn(struct kafka_client *client)
{
        rd_kafka_event_t *event;
        for (int i = 0; i < EVENTS_PER_TURN && client->queue && (event = rd_kafka_queue_poll(client->queue, 0)); i++) {
                if (!contact_event(client, event))
                        client->ops->event(client->owner, event);
                rd_kafka_event_destroy(event);
        }
        if (client->queue && rd_kafka_queue_length(client->queue) > 0)
                kafka_client_wake(client);
        if (client->queue)
                client->ops->turn(client->owner);
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
        struct kafka_client *client = poll->data;
        uint64_t count;
        (void)status;
        (void)events;
        if (read(client->wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
                turn(client);
}

/* Also keeps librdkafka from thinking that nobody polls (max.poll.interval.ms). */
static void on_tick(uv_timer_t *timer)
{
        struct kafka_client *client = timer->data;
        if (!client->queue)
                return;
        client->ops->tick(client->owner);
        kafka_client_ask(client);
        turn(client);
}

int kafka_client_open(struct kafka_client *client, uv_loop_t *loop, const struct config *config, const struct log *log,
                      const struct kafka_client_ops *ops, void *owner, struct error *e)
{
        *client = (struct kafka_client){.config = config, .log = log, .ops = ops, .owner = owner, .loop = loop};
        client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (client->wake_fd < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "eventfd");
        int r = uv_poll_init(loop, &client->poll, client->wake_fd);
        if (r < 0) {
                close(client->wake_fd);
                return error_set_sys(e, ERROR_SYSTEM, -r, "uv_poll_init");
        }
        client->poll.data = client->timer.data = client->question.data = client->destruction.data = client;
        uv_timer_init(loop, &client->timer);
        uv_poll_start(&client->poll, UV_READABLE, on_wake);
        uv_timer_start(&client->timer, on_tick, KAFKA_CLIENT_TICK_MS, KAFKA_CLIENT_TICK_MS);
        client->handles = 2;
        return 0;
}

/* The consumer's own queue holds everything, the producer's main queue too. */
static rd_kafka_queue_t *main_queue(rd_kafka_t *handle, rd_kafka_type_t type)
{
        if (type == RD_KAFKA_PRODUCER)
                return rd_kafka_queue_get_main(handle);
        rd_kafka_poll_set_consumer(handle);
        return rd_kafka_queue_get_consumer(handle);
}

int kafka_client_connect(struct kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *e)
{
        char reason[200];
        rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)client->log);
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_REBALANCE |
                                                       RD_KAFKA_EVENT_OFFSET_COMMIT);
        rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof(reason));
        if (!handle) {
                rd_kafka_conf_destroy(conf);
                return error_set(e, ERROR_CONFIG, "kafka: %s", reason);
        }
        client->handle = handle;
        client->queue = main_queue(handle, type);
        kafka_client_watch(client, client->queue);
        doubt(client);
        return 0;
}

void kafka_client_watch(struct kafka_client *client, rd_kafka_queue_t *queue)
{
        const uint64_t one = 1;
        rd_kafka_queue_io_event_enable(queue, client->wake_fd, &one, sizeof(one));
}

void kafka_client_wake(struct kafka_client *client)
{
        const uint64_t one = 1;
        ssize_t ignored = write(client->wake_fd, &one, sizeof(one));
        (void)ignored; /* it fails only when the counter is full: then the loop wakes anyway */
}

/* Runs on another thread. */
static void answer_wait(uv_work_t *work)
{
        struct kafka_client *client = work->data;
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(client->handle, client->question_topic, NULL);

        client->answer_partitions = 0;
        client->answer_error = rd_kafka_metadata(client->handle, 0, topic, &metadata, ANSWER_TIMEOUT_MS);
        if (client->answer_error == RD_KAFKA_RESP_ERR_NO_ERROR) {
                if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
                        client->answer_partitions = metadata->topics[0].partition_cnt;
                rd_kafka_metadata_destroy(metadata);
        }
        rd_kafka_topic_destroy(topic);
}

static void on_answer(uv_work_t *work, int status)
{
        struct kafka_client *client = work->data;
        (void)status;
        client->asking = false;
        kafka_client_release(client);
        if (!client->queue)
                return;
        if (client->answer_error != RD_KAFKA_RESP_ERR_NO_ERROR) {
                contact_failed(client);
                return;
        }
        contact_made(client);
        if (client->question_is_owners && client->queue)
                client->ops->topic_answered(client->owner, client->question_topic, client->answer_partitions);
        if (client->queue)
                kafka_client_ask(client);
}

static void ask_start(struct kafka_client *client, const char *topic)
{
        snprintf(client->question_topic, sizeof(client->question_topic), "%s", topic);
        if (uv_queue_work(client->loop, &client->question, answer_wait, on_answer) < 0)
                return;
        client->asking = true;
        kafka_client_hold(client);
}

void kafka_client_ask(struct kafka_client *client)
{
        if (client->asking || !client->queue)
                return;
        const char *topic = client->ops->topic(client->owner);
        client->question_is_owners = topic;
        if (topic)
                ask_start(client, topic);
        else if (client->doubted)
                ask_start(client, kafka_topics_named(client->config->kafka_topic_prefix).jobs);
}

static void destroy(uv_work_t *work)
{
        struct kafka_client *client = work->data;
        rd_kafka_destroy_flags(client->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void on_destroyed(uv_work_t *work, int status)
{
        struct kafka_client *client = work->data;
        (void)status;
        client->handle = NULL;
        client->busy--;
        client->disconnected(client->owner);
}

static void destroy_when_idle(struct kafka_client *client)
{
        if (client->busy > 0 || !client->handle || client->queue)
                return;
        client->busy++;
        uv_queue_work(client->loop, &client->destruction, destroy, on_destroyed);
}

void kafka_client_disconnect(struct kafka_client *client, void (*done)(void *owner))
{
        rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(client->queue);
        client->queue = NULL;
        client->doubted = false;
        client->disconnected = done;
        destroy_when_idle(client);
}

void kafka_client_hold(struct kafka_client *client)
{
        client->busy++;
}

void kafka_client_release(struct kafka_client *client)
{
        client->busy--;
        destroy_when_idle(client);
}

static void on_handle_closed(uv_handle_t *handle)
{
        struct kafka_client *client = handle->data;
        if (--client->handles > 0)
                return;
        close(client->wake_fd);
        client->closed(client->owner);
}

void kafka_client_close(struct kafka_client *client, void (*closed)(void *owner))
{
        client->closed = closed;
        uv_close((uv_handle_t *)&client->poll, on_handle_closed);
        uv_close((uv_handle_t *)&client->timer, on_handle_closed);
}
