/* One librdkafka handle on a libuv loop: its main queue wakes the loop, its contact with the brokers is watched, and it is destroyed
 * without blocking. The sink and the source each are built on one; nobody else needs this header.
 *
 * Contact is in doubt at the start and when librdkafka says that all brokers are down. Then metadata is asked for until an answer comes;
 * when none came for 2 s the owner is told of trouble, once, and once when it is over. */
#ifndef BRIG_TRANSPORT_KAFKA_CLIENT_H
#define BRIG_TRANSPORT_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "common/config.h"
#include "common/error.h"
#include "common/log.h"
#include "common/transport/kafka_topics.h"

/* All run on the loop, with the owner given to kafka_client_open. */
struct kafka_client_ops {
        void (*event)(void *owner, rd_kafka_event_t *event); /* of the main queue, borrowed; errors of contact are not told */
        void (*turn)(void *owner);                           /* after each wake-up, when the main queue is empty */
        void (*tick)(void *owner);                           /* every KAFKA_CLIENT_TICK_MS, before a turn */
        void (*trouble)(void *owner, const struct error *e); /* e NULL: over */
        /* The topic whose metadata is to be asked for; NULL: none. And the answer: 0 partitions when the cluster knows no such topic. */
        const char *(*topic)(void *owner);
        void (*topic_answered)(void *owner, const char *topic, int32_t partitions);
};

enum { KAFKA_CLIENT_TICK_MS = 250 };

struct kafka_client {
        const struct config *config;
        const struct log *log;
        const struct kafka_client_ops *ops;
        void *owner;
        uv_loop_t *loop;
        uv_poll_t poll;
        uv_timer_t timer;
        int wake_fd;
        unsigned handles; /* of libuv, not closed yet */

        rd_kafka_t *handle; /* NULL: not connected */
        rd_kafka_queue_t *queue;
        unsigned busy; /* work on other threads that uses the handle */
        void (*disconnected)(void *owner);
        void (*closed)(void *owner);
        uv_work_t destruction;

        bool doubted, troubled, asking;
        uint64_t doubted_since_ms;
        char failure[160]; /* what librdkafka last said of a connection */
        uv_work_t question;
        char question_topic[KAFKA_TOPIC_SIZE];
        bool question_is_owners;
        int32_t answer_partitions;
        rd_kafka_resp_err_t answer_error;
};

/* The client lies in the owner's memory; `config` and `log` outlive it. After 0 kafka_client_close must follow. */
int kafka_client_open(struct kafka_client *client, uv_loop_t *loop, const struct config *config, const struct log *log,
                      const struct kafka_client_ops *ops, void *owner, struct error *e);

/* Makes the handle; `conf` is taken in any case. Nothing waits for a broker. */
int kafka_client_connect(struct kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *e);

/* Destroys the handle on another thread; `done` runs later on the loop, after which no memory given to the handle is used any more. From
 * now on no event is told. */
void kafka_client_disconnect(struct kafka_client *client, void (*done)(void *owner));

/* Needs a client without handle. `closed` runs on the loop once all of libuv's handles are closed. */
void kafka_client_close(struct kafka_client *client, void (*closed)(void *owner));

/* Makes the loop take a turn soon; `queue` (may be NULL: only now) does so whenever it has something to read. */
void kafka_client_wake(struct kafka_client *client);
void kafka_client_watch(struct kafka_client *client, rd_kafka_queue_t *queue);

/* Asks for the owner's topic, unless a question is on its way. */
void kafka_client_ask(struct kafka_client *client);

/* While work of the owner on another thread uses the handle: it is not destroyed meanwhile. */
void kafka_client_hold(struct kafka_client *client);
void kafka_client_release(struct kafka_client *client);

/* Fills `e`: no broker at the configured address, what was said last, and the remedy. Returns -1. */
int kafka_unreachable(struct error *e, const struct config *config, const char *failure);

#endif
