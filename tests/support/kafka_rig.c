#include "tests/support/kafka_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void on_bound(uv_timer_t *timer)
{
        struct kafka_rig *rig = timer->data;
        rig->overdue = true;
}

void kafka_rig_option(struct kafka_rig *rig, const char *key, const char *value)
{
        rig->config.kafka_pass_through[rig->config.kafka_pass_through_count++] = (struct config_pair){strdup(key), strdup(value)};
}

void kafka_rig_init(struct kafka_rig *rig, const char *address, const char *prefix)
{
        *rig = (struct kafka_rig){.log = {"test", LOG_WARNING, &clock_system, 2}};
        rig->config.kafka_bootstrap_servers = strdup(address);
        rig->config.kafka_topic_prefix = strdup(prefix);
        rig->config.kafka_partitions = RIG_PARTITIONS;
        kafka_rig_option(rig, "session.timeout.ms", "6000");
        kafka_rig_option(rig, "heartbeat.interval.ms", "100");
        kafka_rig_option(rig, "fetch.wait.max.ms", "5");
        rig->topics = kafka_topics_named(prefix);
        uv_loop_init(&rig->loop);
        uv_timer_init(&rig->loop, &rig->bound);
        rig->bound.data = rig;
}

void kafka_rig_make_topics(struct kafka_rig *rig)
{
        struct error e;
        int32_t partitions = 0;
        if (kafka_topics_ensure(&rig->config, &rig->topics, 20000, &partitions, &e) < 0)
                fail_msg("%s", e.text);
        assert_int_equal(partitions, RIG_PARTITIONS);
}

void kafka_rig_deinit(struct kafka_rig *rig)
{
        uv_close((uv_handle_t *)&rig->bound, NULL);
        uv_run(&rig->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&rig->loop), 0);
        free(rig->config.kafka_bootstrap_servers);
        free(rig->config.kafka_topic_prefix);
        for (size_t i = 0; i < rig->config.kafka_pass_through_count; i++) {
                free(rig->config.kafka_pass_through[i].key);
                free(rig->config.kafka_pass_through[i].value);
        }
}

void kafka_rig_run_until(struct kafka_rig *rig, const bool *flag)
{
        rig->overdue = false;
        uv_timer_start(&rig->bound, on_bound, RIG_BOUND_MS, 0);
        while (!*flag && !rig->overdue)
                uv_run(&rig->loop, UV_RUN_ONCE);
        uv_timer_stop(&rig->bound);
        assert_true(*flag);
}

/* ---- sender ---- */

static void on_sender_trouble(void *data, const struct error *e)
{
        struct rig_sender *sender = data;
        sender->troubled = e;
        if (!e)
                return;
        sender->troubles++;
        sender->trouble = *e;
}

void rig_sender_open(struct rig_sender *sender, struct kafka_rig *rig)
{
        struct error e;
        *sender = (struct rig_sender){.rig = rig};
        const struct kafka_sink_options options = {&rig->config, &rig->log, on_sender_trouble, sender};
        if (kafka_sink_open(&sender->sink, &rig->loop, &options, &e) < 0)
                fail_msg("%s", e.text);
}

void rig_on_sent(struct kafka_send *send, int32_t partition, int64_t offset, const struct error *e)
{
        struct rig_sender *sender = ((struct rig_send *)send->data)->sender;
        sender->last_partition = partition;
        sender->last_offset = offset;
        if (e) {
                sender->failed++;
                sender->last_error = *e;
        }
        sender->all_answered = ++sender->answered == sender->sent;
}

void rig_sender_send(struct rig_sender *sender, const char *topic, int32_t partition, unsigned count)
{
        struct error e;
        free(sender->sends);
        sender->sends = calloc(count, sizeof(*sender->sends));
        sender->sent = count;
        sender->answered = sender->failed = 0;
        sender->all_answered = false;
        for (unsigned i = 0; i < count; i++) {
                struct rig_send *s = &sender->sends[i];
                s->sender = sender;
                snprintf(s->text, sizeof(s->text), "%u", i);
                const struct kafka_header header = {span_of("job_id"), span_of(s->text)};
                s->send = (struct kafka_send){.topic = topic,
                                              .partition = partition,
                                              .key = span_of("agent"),
                                              .value = span_of(s->text),
                                              .headers = &header,
                                              .header_count = 1,
                                              .done = rig_on_sent,
                                              .data = s};
                assert_int_equal(kafka_sink_send(sender->sink, &s->send, &e), 0);
        }
}

void rig_sender_send_all(struct rig_sender *sender, const char *topic, int32_t partition, unsigned count)
{
        rig_sender_send(sender, topic, partition, count);
        kafka_rig_run_until(sender->rig, &sender->all_answered);
        assert_int_equal(sender->failed, 0);
}

static void set_flag(void *data)
{
        *(bool *)data = true;
}

void rig_sender_close(struct rig_sender *sender)
{
        kafka_sink_close(sender->sink, set_flag, &sender->closed);
        kafka_rig_run_until(sender->rig, &sender->closed);
        free(sender->sends);
}

/* ---- reader ---- */

static void check_order(struct rig_reader *reader, int32_t partition, unsigned number)
{
        if (number < reader->next[partition])
                reader->doubled++;
        else if (number > reader->next[partition])
                reader->out_of_order++;
        reader->next[partition] = number + 1;
}

static bool on_record(void *data, const struct kafka_record *record)
{
        struct rig_reader *reader = data;
        struct span header;
        uint64_t number = 0;

        if ((int)reader->count == reader->refuse_after) {
                reader->refuse_after = -1;
                reader->refusals++;
                return false;
        }
        reader->count++;
        if (record->value.size > reader->largest)
                reader->largest = record->value.size;
        if (kafka_record_header(record, "job_id", &header))
                snprintf(reader->header, sizeof(reader->header), "%.*s", (int)header.size, (const char *)header.data);
        if (span_to_u64(record->value, &number))
                check_order(reader, record->partition, (unsigned)number);
        reader->enough = reader->wanted && reader->count >= reader->wanted;
        return true;
}

static void on_end(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct rig_reader *reader = data;
        (void)topic;
        reader->ended[partition] = true;
        reader->end_offset[partition] = offset;
        reader->all_ended = true;
        for (int i = 0; i < RIG_PARTITIONS; i++)
                reader->all_ended &= reader->ended[i];
}

static void on_assigned(void *data, int32_t partition, int64_t committed, const char *metadata)
{
        struct rig_reader *reader = data;
        reader->committed[partition] = committed;
        snprintf(reader->metadata[partition], sizeof(reader->metadata[partition]), "%s", metadata);
        reader->all_assigned = ++reader->assigned == RIG_PARTITIONS;
        if (reader->hold_at_assignment)
                kafka_source_hold(reader->source, partition);
}

static void on_revoked(void *data, int32_t partition, bool lost)
{
        struct rig_reader *reader = data;
        struct error e;
        reader->revoked++;
        reader->lost += lost;
        reader->assigned = 0;
        reader->all_assigned = false;
        if (reader->commits_at_revocation && !lost &&
            kafka_source_commit_sync(reader->source, partition, reader->next[partition], "r=last", &e) < 0)
                fail_msg("%s", e.text);
}

static void on_purged(void *data, const char *topic, int32_t partition, int64_t offset)
{
        struct rig_reader *reader = data;
        (void)topic;
        (void)partition;
        reader->purged++;
        reader->purged_offset = offset;
}

static void on_reader_trouble(void *data, const struct error *e)
{
        struct rig_reader *reader = data;
        reader->troubled = e;
        if (e)
                reader->trouble = *e;
}

void rig_reader_open(struct rig_reader *reader, struct kafka_rig *rig, const char *group, const char *instance, const char *topic)
{
        struct error e;
        *reader = (struct rig_reader){.rig = rig, .refuse_after = -1};
        const struct kafka_source_options options = {.config = &rig->config,
                                                     .log = &rig->log,
                                                     .group = group,
                                                     .instance = instance,
                                                     .topic = topic,
                                                     .record = on_record,
                                                     .end = on_end,
                                                     .purged = on_purged,
                                                     .assigned = on_assigned,
                                                     .revoked = on_revoked,
                                                     .trouble = on_reader_trouble,
                                                     .data = reader};
        if (kafka_source_open(&reader->source, &rig->loop, &options, &e) < 0)
                fail_msg("%s", e.text);
}

void rig_reader_close(struct rig_reader *reader)
{
        kafka_source_close(reader->source, set_flag, &reader->closed);
        kafka_rig_run_until(reader->rig, &reader->closed);
}
