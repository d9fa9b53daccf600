#include "common/transport/kafka_lookup.h"

enum { ANSWER_MS = 2000 };

/* Runs on another thread. */
static void answer_wait(uv_work_t *work)
{
        struct kafka_lookup *lookup = work->data;
        lookup->err = rd_kafka_committed(lookup->client->handle, lookup->asked, ANSWER_MS);
        for (int i = 0; !lookup->err && i < lookup->asked->cnt; i++)
                lookup->err = lookup->asked->elems[i].err;
}

static void on_answer(uv_work_t *work, int status)
{
        struct kafka_lookup *lookup = work->data;
        rd_kafka_topic_partition_list_t *list = lookup->asked;
        bool stale = lookup->stale;
        (void)status;

        lookup->asked = NULL;
        kafka_client_release(lookup->client);
        if (stale) {
                kafka_lookup_continue(lookup);
        } else if (!lookup->err) {
                kafka_lookup_forget(lookup);
                lookup->found(lookup->data, list);
        }
        rd_kafka_topic_partition_list_destroy(list);
}

void kafka_lookup_continue(struct kafka_lookup *lookup)
{
        if (!lookup->wanted || lookup->asked || !lookup->client->queue)
                return;
        lookup->work.data = lookup;
        lookup->stale = false;
        lookup->asked = rd_kafka_topic_partition_list_copy(lookup->wanted);
        if (uv_queue_work(lookup->client->loop, &lookup->work, answer_wait, on_answer) == 0) {
                kafka_client_hold(lookup->client);
                return;
        }
        rd_kafka_topic_partition_list_destroy(lookup->asked);
        lookup->asked = NULL;
}

void kafka_lookup_want(struct kafka_lookup *lookup, const rd_kafka_topic_partition_list_t *list)
{
        kafka_lookup_forget(lookup);
        lookup->wanted = rd_kafka_topic_partition_list_copy(list);
        kafka_lookup_continue(lookup);
}

void kafka_lookup_forget(struct kafka_lookup *lookup)
{
        lookup->stale = true;
        if (lookup->wanted)
                rd_kafka_topic_partition_list_destroy(lookup->wanted);
        lookup->wanted = NULL;
}
