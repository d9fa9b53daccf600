#include "common/transport/kafka_commit.h"

#include <stdlib.h>
#include <string.h>

enum { METADATA_MAX = 4096, WAIT_MS = 2000 };

struct commit {
        struct list link;
        uint64_t epoch;
        int32_t partition;
        int64_t offset;
        void (*done)(void *data, int32_t partition, int64_t offset, const struct error *e);
};

void kafka_commits_init(struct kafka_commits *commits, struct kafka_client *client, const char *topic, void *data)
{
        *commits = (struct kafka_commits){.client = client, .topic = topic, .data = data};
        list_init(&commits->pending);
}

/* Kafka itself would say nothing and keep an empty text. */
static int check_metadata(const char *metadata, struct error *e)
{
        size_t length = strlen(metadata);
        if (length > METADATA_MAX)
                return error_set(e, ERROR_INTERNAL, "commit metadata of %zu bytes; at most %d", length, METADATA_MAX);
        for (size_t i = 0; i < length; i++)
                if (metadata[i] & 0x80)
                        return error_set(e, ERROR_INTERNAL, "commit metadata is not ASCII");
        return 0;
}

static rd_kafka_topic_partition_list_t *list_new(const char *topic, int32_t partition, int64_t offset, const char *metadata)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_t *element = rd_kafka_topic_partition_list_add(list, topic, partition);
        element->offset = offset;
        element->metadata = strdup(metadata); /* the list frees it */
        element->metadata_size = element->metadata ? strlen(metadata) : 0;
        return list;
}

static rd_kafka_resp_err_t request(const struct kafka_commits *commits, int32_t partition, int64_t offset, const char *metadata,
                                   rd_kafka_queue_t *answers, struct commit *commit)
{
        rd_kafka_topic_partition_list_t *list = list_new(commits->topic, partition, offset, metadata);
        rd_kafka_resp_err_t err = rd_kafka_commit_queue(commits->client->handle, list, answers, NULL, commit);
        rd_kafka_topic_partition_list_destroy(list);
        return err;
}

static int refuse(struct error *e, const struct kafka_commits *commits, int32_t partition, rd_kafka_resp_err_t err)
{
        return error_set(e, ERROR_KAFKA, "commit of %s/%d: %s", commits->topic, partition, rd_kafka_err2str(err));
}

static rd_kafka_resp_err_t answer_of(rd_kafka_event_t *event)
{
        const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
        rd_kafka_resp_err_t err = rd_kafka_event_error(event);
        return !err && list && list->cnt == 1 ? list->elems[0].err : err;
}

static void finish(struct kafka_commits *commits, struct commit *commit, const struct error *e)
{
        list_remove(&commit->link);
        if (commit->done)
                commit->done(commits->data, commit->partition, commit->offset, e);
        free(commit);
}

void kafka_commits_cancel(struct kafka_commits *commits)
{
        struct error e;
        error_set(&e, ERROR_CANCELLED, "the Kafka consumer was closed");
        list_for_each (link, &commits->pending)
                finish(commits, list_entry(link, struct commit, link), &e);
}

void kafka_commits_answered(struct kafka_commits *commits, uint64_t epoch, rd_kafka_event_t *event)
{
        struct error e;
        struct commit *commit = rd_kafka_event_opaque(event);
        rd_kafka_resp_err_t err = answer_of(event);

        if (commit->epoch != epoch)
                error_set(&e, ERROR_CANCELLED, "partition %d was revoked meanwhile", commit->partition);
        else if (err)
                refuse(&e, commits, commit->partition, err);
        finish(commits, commit, commit->epoch != epoch || err ? &e : NULL);
}

int kafka_commits_start(struct kafka_commits *commits, uint64_t epoch, int32_t partition, int64_t offset, const char *metadata,
                        void (*done)(void *data, int32_t partition, int64_t offset, const struct error *e), struct error *e)
{
        if (check_metadata(metadata, e) < 0)
                return -1;
        struct commit *commit = malloc(sizeof(*commit));
        if (!commit)
                return error_set(e, ERROR_MEMORY, "a commit");
        *commit = (struct commit){.epoch = epoch, .partition = partition, .offset = offset, .done = done};
        rd_kafka_resp_err_t err = request(commits, partition, offset, metadata, commits->client->queue, commit);
        if (err) {
                free(commit);
                return refuse(e, commits, partition, err);
        }
        list_append(&commits->pending, &commit->link);
        return 0;
}

static int wait_on(const struct kafka_commits *commits, rd_kafka_queue_t *answers, int32_t partition, int64_t offset, const char *metadata,
                   struct error *e)
{
        rd_kafka_resp_err_t err = request(commits, partition, offset, metadata, answers, NULL);
        rd_kafka_event_t *event = err ? NULL : rd_kafka_queue_poll(answers, WAIT_MS);
        if (event)
                err = answer_of(event);
        else if (!err)
                err = RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (event)
                rd_kafka_event_destroy(event);
        return err ? refuse(e, commits, partition, err) : 0;
}

int kafka_commits_wait(const struct kafka_commits *commits, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        if (check_metadata(metadata, e) < 0)
                return -1;
        rd_kafka_queue_t *answers = rd_kafka_queue_new(commits->client->handle);
        int r = wait_on(commits, answers, partition, offset, metadata, e);
        rd_kafka_queue_destroy(answers);
        return r;
}
