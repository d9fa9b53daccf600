#include "tests/support/fake_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_log_init(struct fake_log *log, int32_t partitions)
{
        memset(log, 0, sizeof *log);
        log->partitions = partitions;
}

static void record_deinit(struct fake_record *record)
{
        bytes_deinit(&record->key);
        bytes_deinit(&record->value);
        for (size_t n = 0; n < record->header_count; n++) {
                bytes_deinit(&record->names[n]);
                bytes_deinit(&record->values[n]);
        }
}

static void partition_deinit(struct fake_partition *partition)
{
        for (int64_t k = 0; k < partition->count; k++)
                record_deinit(&partition->records[k]);
        free(partition->records);
}

void fake_log_deinit(struct fake_log *log)
{
        for (size_t t = 0; t < log->topic_count; t++)
                for (int32_t p = 0; p < log->partitions; p++)
                        partition_deinit(&log->topics[t].partitions[p]);
        memset(log, 0, sizeof *log);
}

static struct fake_topic *topic_of(struct fake_log *log, const char *name)
{
        for (size_t t = 0; t < log->topic_count; t++)
                if (strcmp(log->topics[t].name, name) == 0)
                        return &log->topics[t];
        if (log->topic_count == FAKE_LOG_TOPICS_MAX)
                abort();
        struct fake_topic *topic = &log->topics[log->topic_count++];
        snprintf(topic->name, sizeof topic->name, "%s", name);
        return topic;
}

static void copy(struct bytes *to, struct span from)
{
        bytes_append(to, from.data, from.size);
}

/* Any spreading will do here, as long as a key always goes to one partition. */
static int32_t partition_of(const struct fake_log *log, struct span key)
{
        uint32_t hash = 2166136261;
        for (size_t n = 0; n < key.size; n++)
                hash = (hash ^ key.data[n]) * 16777619;
        return (int32_t)(hash % (uint32_t)log->partitions);
}

int64_t fake_log_append(struct fake_log *log, const char *topic, int32_t partition, struct span key, struct span value,
                        const struct kafka_header *headers, size_t header_count, int64_t timestamp_ms, int32_t *ret_partition)
{
        int32_t number = partition < 0 ? partition_of(log, key) : partition;
        struct fake_partition *p = &topic_of(log, topic)->partitions[number];
        p->records = realloc(p->records, (size_t)(p->count + 1) * sizeof *p->records);
        if (!p->records)
                abort();
        struct fake_record *record = &p->records[p->count];
        *record = (struct fake_record){.header_count = header_count, .timestamp_ms = timestamp_ms};
        copy(&record->key, key);
        copy(&record->value, value);
        for (size_t n = 0; n < header_count; n++) {
                copy(&record->names[n], headers[n].name);
                copy(&record->values[n], headers[n].value);
        }
        if (ret_partition)
                *ret_partition = number;
        return p->count++;
}

int64_t fake_log_end(struct fake_log *log, const char *topic, int32_t partition)
{
        return topic_of(log, topic)->partitions[partition].count;
}

void fake_log_make_anew(struct fake_log *log, const char *topic)
{
        struct fake_topic *t = topic_of(log, topic);
        for (int32_t p = 0; p < log->partitions; p++) {
                partition_deinit(&t->partitions[p]);
                t->partitions[p] = (struct fake_partition){0};
        }
}

struct kafka_record fake_log_read(struct fake_log *log, const char *topic, int32_t partition, int64_t offset)
{
        struct fake_topic *t = topic_of(log, topic);
        const struct fake_record *from = &t->partitions[partition].records[offset];
        struct kafka_record record = {.topic = t->name,
                                      .partition = partition,
                                      .offset = offset,
                                      .timestamp_ms = from->timestamp_ms,
                                      .key = bytes_span(&from->key),
                                      .value = bytes_span(&from->value),
                                      .header_count = from->header_count};
        for (size_t n = 0; n < from->header_count; n++)
                record.headers[n] = (struct kafka_header){bytes_span(&from->names[n]), bytes_span(&from->values[n])};
        return record;
}
