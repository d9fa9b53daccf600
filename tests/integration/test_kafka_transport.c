/* The Kafka sink and source against the embedded broker and against real Kafka: what both must do, then what only the real one shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_rig.h"

enum { SOME = 500, MANY = 20000 };

static struct kafka_broker *broker_of(void **state)
{
        return *state;
}

static void rig_start(struct kafka_rig *rig, void **state, const char *prefix)
{
        kafka_rig_init(rig, broker_of(state)->address, prefix);
        kafka_rig_make_topics(rig);
}

static void assign_all(struct rig_reader *reader, const char *topic, int64_t offset)
{
        struct error e;
        for (int32_t p = 0; p < RIG_PARTITIONS; p++)
                assert_int_equal(kafka_source_assign(reader->source, topic, p, offset, &e), 0);
}

static void test_records_come_back_in_order_with_their_headers_and_an_end_of_every_partition(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        rig_start(&rig, state, "order");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, -1, SOME);
        assert_int_equal(sender.last_partition, kafka_partition_of(span_of("agent"), RIG_PARTITIONS));
        assert_int_equal(sender.last_offset, SOME - 1);
        assert_true(kafka_sink_ready(sender.sink));

        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        assign_all(&reader, rig.topics.jobs, RD_KAFKA_OFFSET_BEGINNING);
        kafka_rig_run_until(&rig, &reader.all_ended);
        assert_int_equal(reader.count, SOME);
        assert_int_equal(reader.out_of_order + reader.doubled, 0);
        assert_string_equal(reader.header, "499");
        for (int p = 0; p < RIG_PARTITIONS; p++)
                assert_int_equal(reader.end_offset[p], p == sender.last_partition ? SOME : 0);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

/* Assigned one by one before librdkafka knows the topic, which makes it replace a partition's queue. */
static void test_partitions_assigned_one_after_the_other_all_come_to_their_end(void **state)
{
        struct kafka_rig rig;
        struct error e;
        rig_start(&rig, state, "one-by-one");
        for (int round = 0; round < 10; round++) {
                struct rig_reader reader;
                rig_reader_open(&reader, &rig, NULL, NULL, NULL);
                for (int32_t p = 0; p < RIG_PARTITIONS; p++) {
                        assert_int_equal(kafka_source_assign(reader.source, rig.topics.jobs, p, 0, &e), 0);
                        for (int turn = 0; turn < 3; turn++)
                                uv_run(&rig.loop, UV_RUN_NOWAIT);
                }
                kafka_rig_run_until(&rig, &reader.all_ended);
                rig_reader_close(&reader);
        }
        kafka_rig_deinit(&rig);
}

static void test_one_record_is_read_at_its_offset_and_again(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        struct error e;
        rig_start(&rig, state, "again");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 1, 10);
        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        for (unsigned round = 0; round < 3; round++) {
                reader.count = 0;
                reader.ended[1] = false;
                reader.next[1] = 7;
                assert_int_equal(kafka_source_assign(reader.source, rig.topics.jobs, 1, 7, &e), 0);
                kafka_rig_run_until(&rig, &reader.ended[1]);
                assert_int_equal(reader.count, 3);
                if (round == 1)
                        kafka_source_unassign(reader.source, rig.topics.jobs, 1);
                assert_int_equal(kafka_source_idle(reader.source), round == 1);
        }
        assert_int_equal(reader.out_of_order + reader.doubled, 0);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_refused_record_comes_again_first_and_nothing_is_read_while_held(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender, other;
        struct rig_reader reader;
        rig_start(&rig, state, "hold");
        rig_sender_open(&sender, &rig);
        rig_sender_open(&other, &rig);
        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        assign_all(&reader, rig.topics.jobs, RD_KAFKA_OFFSET_BEGINNING);
        reader.refuse_after = 100;
        rig_sender_send_all(&sender, rig.topics.jobs, 2, SOME);
        while (reader.refusals == 0)
                uv_run(&rig.loop, UV_RUN_ONCE);
        /* Another partition goes on meanwhile. */
        reader.wanted = 100 + SOME;
        rig_sender_send_all(&other, rig.topics.jobs, 3, SOME);
        kafka_rig_run_until(&rig, &reader.enough);
        assert_int_equal(reader.next[2], 100);

        reader.enough = false;
        reader.wanted = 2 * SOME;
        kafka_source_release(reader.source, 2);
        kafka_rig_run_until(&rig, &reader.enough);
        assert_int_equal(reader.count, 2 * SOME);
        assert_int_equal(reader.out_of_order + reader.doubled, 0);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        rig_sender_close(&other);
        kafka_rig_deinit(&rig);
}

static void on_committed(void *data, int32_t partition, int64_t offset, const struct error *e)
{
        struct rig_reader *reader = data;
        (void)partition;
        (void)offset;
        if (e)
                reader->commit_error = *e;
        reader->commit_told = true;
}

static void test_a_second_member_takes_over_where_the_first_committed(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader first, second;
        struct error e;
        rig_start(&rig, state, "takeover");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 1, SOME);
        rig_reader_open(&first, &rig, "takeover", NULL, rig.topics.jobs);
        first.wanted = SOME;
        kafka_rig_run_until(&rig, &first.enough);
        assert_true(first.all_assigned);
        assert_int_equal(first.committed[1], -1);
        assert_int_equal(kafka_source_commit(first.source, 1, 42, "r=17", on_committed, &e), 0);
        kafka_rig_run_until(&rig, &first.commit_told);
        assert_int_equal(first.commit_error.code, ERROR_NONE);
        rig_reader_close(&first);
        assert_int_equal(first.revoked, RIG_PARTITIONS);
        assert_int_equal(first.lost, 0);

        rig_reader_open(&second, &rig, "takeover", NULL, rig.topics.jobs);
        second.wanted = SOME - 42;
        second.next[1] = 42;
        kafka_rig_run_until(&rig, &second.enough);
        assert_int_equal(second.committed[1], 42);
        assert_string_equal(second.metadata[1], "r=17");
        assert_int_equal(second.out_of_order + second.doubled, 0);
        rig_reader_close(&second);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_commit_at_revocation_is_what_the_next_member_finds(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader first, second;
        rig_start(&rig, state, "revocation");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 0, SOME);
        rig_reader_open(&first, &rig, "revocation", NULL, rig.topics.jobs);
        first.commits_at_revocation = true;
        first.wanted = SOME;
        kafka_rig_run_until(&rig, &first.enough);
        rig_reader_close(&first);

        rig_reader_open(&second, &rig, "revocation", NULL, rig.topics.jobs);
        kafka_rig_run_until(&rig, &second.all_assigned);
        assert_int_equal(second.committed[0], SOME);
        assert_string_equal(second.metadata[0], "r=last");
        rig_reader_close(&second);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_member_reads_its_partitions_again_after_a_seek_and_only_once_released(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        struct error e;
        rig_start(&rig, state, "seek");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 1, SOME);
        rig_reader_open(&reader, &rig, "seek", NULL, rig.topics.jobs);
        reader.hold_at_assignment = true;
        kafka_rig_run_until(&rig, &reader.all_assigned);
        assert_int_equal(kafka_source_seek(reader.source, 1, 200, &e), 0);
        assert_int_equal(reader.count, 0);
        reader.next[1] = 200;
        reader.wanted = SOME - 200;
        kafka_source_release(reader.source, 1);
        kafka_rig_run_until(&rig, &reader.enough);
        reader.enough = false;
        reader.wanted = SOME - 200 + SOME;
        reader.next[1] = 0;
        assert_int_equal(kafka_source_seek(reader.source, 1, 0, &e), 0);
        kafka_rig_run_until(&rig, &reader.enough);
        assert_int_equal(reader.out_of_order + reader.doubled, 0);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_metadata_that_kafka_would_drop_is_refused(void **state)
{
        struct kafka_rig rig;
        struct rig_reader reader;
        struct error e;
        char long_metadata[4098];
        memset(long_metadata, 'x', sizeof(long_metadata));
        long_metadata[4097] = 0;
        rig_start(&rig, state, "metadata");
        rig_reader_open(&reader, &rig, "metadata", NULL, rig.topics.jobs);
        assert_int_equal(kafka_source_commit(reader.source, 0, 1, long_metadata, NULL, &e), -1);
        assert_int_equal(e.code, ERROR_INTERNAL);
        assert_int_equal(kafka_source_commit(reader.source, 0, 1, "\xc3\xa9", NULL, &e), -1);
        rig_reader_close(&reader);
        kafka_rig_deinit(&rig);
}

static void send_one(struct rig_sender *sender, const char *topic, size_t size)
{
        struct error e;
        char *value = calloc(1, size);
        free(sender->sends);
        sender->sends = calloc(1, sizeof(*sender->sends));
        sender->sends[0].sender = sender;
        sender->sent = 1;
        sender->answered = sender->failed = 0;
        sender->all_answered = false;
        sender->sends[0].send = (struct kafka_send){.topic = topic,
                                                    .partition = 0,
                                                    .value = {(const uint8_t *)value, size},
                                                    .done = rig_on_sent,
                                                    .data = &sender->sends[0]};
        assert_int_equal(kafka_sink_send(sender->sink, &sender->sends[0].send, &e), 0);
        free(value);
        kafka_rig_run_until(sender->rig, &sender->all_answered);
}

static void test_a_record_of_two_mebibytes_passes_and_one_that_is_too_large_is_refused_as_such(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        rig_start(&rig, state, "large");
        rig_sender_open(&sender, &rig);
        send_one(&sender, rig.topics.jobs, 2 << 20);
        assert_int_equal(sender.failed, 0);
        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        assign_all(&reader, rig.topics.jobs, RD_KAFKA_OFFSET_BEGINNING);
        kafka_rig_run_until(&rig, &reader.all_ended);
        assert_int_equal(reader.largest, 2 << 20);
        send_one(&sender, rig.topics.jobs, 5 << 20);
        assert_int_equal(sender.failed, 1);
        assert_int_equal(sender.last_error.code, ERROR_INVALID);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_fatal_error_loses_no_record_and_keeps_the_order(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        rig_start(&rig, state, "fatal");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 0, 1);
        rig_sender_send(&sender, rig.topics.jobs, 0, SOME);
        while (sender.answered == 0)
                uv_run(&rig.loop, UV_RUN_ONCE);
        rd_kafka_test_fatal_error(kafka_sink_handle(sender.sink), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
        kafka_rig_run_until(&rig, &sender.all_answered);
        assert_int_equal(sender.failed, 0);
        rig_sender_send_all(&sender, rig.topics.jobs, 1, SOME);

        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        assign_all(&reader, rig.topics.jobs, RD_KAFKA_OFFSET_BEGINNING);
        kafka_rig_run_until(&rig, &reader.all_ended);
        assert_true(reader.count >= 1 + SOME + SOME);
        assert_int_equal(reader.out_of_order, 0);
        assert_int_equal(reader.next[1], SOME);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_no_record_is_lost_when_the_broker_is_killed_in_mid_produce(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        rig_start(&rig, state, "killed");
        kafka_rig_option(&rig, "batch.num.messages", "100"); /* many requests, so that the kill meets one */
        rig_sender_open(&sender, &rig);
        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        assign_all(&reader, rig.topics.jobs, RD_KAFKA_OFFSET_BEGINNING);
        rig_sender_send(&sender, rig.topics.jobs, 1, MANY);
        while (sender.answered < 100)
                uv_run(&rig.loop, UV_RUN_ONCE);
        kafka_broker_kill(broker_of(state));
        printf("killed after %u of %u acknowledgements\n", sender.answered, sender.sent);
        assert_false(sender.all_answered);
        kafka_rig_run_until(&rig, &sender.troubled);
        assert_non_null(strstr(sender.trouble.text, broker_of(state)->address));
        kafka_broker_restart(broker_of(state));
        kafka_rig_run_until(&rig, &sender.all_answered);
        assert_int_equal(sender.failed, 0);
        reader.wanted = MANY;
        reader.enough = reader.count >= MANY;
        kafka_rig_run_until(&rig, &reader.enough);
        assert_int_equal(reader.count, MANY);
        assert_int_equal(reader.out_of_order + reader.doubled, 0);
        while (sender.troubled)
                uv_run(&rig.loop, UV_RUN_ONCE);
        assert_int_equal(sender.troubles, 1);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_no_broker_at_the_start_is_told_within_five_seconds_and_is_over_once_there_is_one(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        kafka_rig_init(&rig, broker_of(state)->address, "killed"); /* topics that exist */
        kafka_broker_kill(broker_of(state));
        uint64_t start_ms = uv_now(&rig.loop);
        rig_sender_open(&sender, &rig);
        rig_reader_open(&reader, &rig, "late", NULL, rig.topics.jobs);
        rig_sender_send(&sender, rig.topics.jobs, 2, 10);
        kafka_rig_run_until(&rig, &sender.troubled);
        kafka_rig_run_until(&rig, &reader.troubled);
        printf("trouble after %llu ms: %s\n", (unsigned long long)(uv_now(&rig.loop) - start_ms), sender.trouble.text);
        assert_non_null(strstr(sender.trouble.text, broker_of(state)->address));
        assert_non_null(strstr(sender.trouble.text, "kafka.bootstrap_servers"));
        assert_false(kafka_sink_ready(sender.sink));
        kafka_broker_restart(broker_of(state));
        kafka_rig_run_until(&rig, &sender.all_answered);
        assert_int_equal(sender.failed, 0);
        kafka_rig_run_until(&rig, &reader.all_assigned);
        while (sender.troubled || reader.troubled)
                uv_run(&rig.loop, UV_RUN_ONCE);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_purged_offset_is_told_and_reading_goes_on_at_the_beginning(void **state)
{
        struct kafka_rig rig;
        struct rig_sender sender;
        struct rig_reader reader;
        struct error e;
        rig_start(&rig, state, "purged");
        rig_sender_open(&sender, &rig);
        rig_sender_send_all(&sender, rig.topics.jobs, 1, 10);
        rig_reader_open(&reader, &rig, NULL, NULL, NULL);
        reader.wanted = 10;
        assert_int_equal(kafka_source_assign(reader.source, rig.topics.jobs, 1, 1000, &e), 0);
        kafka_rig_run_until(&rig, &reader.enough);
        assert_int_equal(reader.purged, 1);
        assert_int_equal(reader.purged_offset, 1000);
        assert_int_equal(reader.doubled + reader.out_of_order, 0);
        rig_reader_close(&reader);
        rig_sender_close(&sender);
        kafka_rig_deinit(&rig);
}

static void test_a_static_member_that_returns_gets_its_partitions_without_a_wait(void **state)
{
        struct kafka_rig rig;
        struct rig_reader reader;
        rig_start(&rig, state, "static");
        for (int round = 0; round < 2; round++) {
                rig_reader_open(&reader, &rig, "static", "dispatcher-1", rig.topics.jobs);
                kafka_rig_run_until(&rig, &reader.all_assigned);
                rig_reader_close(&reader);
        }
        kafka_rig_deinit(&rig);
}

/* What both brokers must do. */
#define COMMON_TESTS(broker)                                                                                                               \
        cmocka_unit_test_prestate(test_records_come_back_in_order_with_their_headers_and_an_end_of_every_partition, broker),               \
                        cmocka_unit_test_prestate(test_partitions_assigned_one_after_the_other_all_come_to_their_end, broker),             \
                        cmocka_unit_test_prestate(test_one_record_is_read_at_its_offset_and_again, broker),                                \
                        cmocka_unit_test_prestate(test_a_refused_record_comes_again_first_and_nothing_is_read_while_held, broker),         \
                        cmocka_unit_test_prestate(test_a_second_member_takes_over_where_the_first_committed, broker),                      \
                        cmocka_unit_test_prestate(test_a_commit_at_revocation_is_what_the_next_member_finds, broker),                      \
                        cmocka_unit_test_prestate(test_a_member_reads_its_partitions_again_after_a_seek_and_only_once_released, broker),   \
                        cmocka_unit_test_prestate(test_metadata_that_kafka_would_drop_is_refused, broker),                                 \
                        cmocka_unit_test_prestate(test_a_record_of_two_mebibytes_passes_and_one_that_is_too_large_is_refused_as_such,      \
                                                  broker),                                                                                 \
                        cmocka_unit_test_prestate(test_a_fatal_error_loses_no_record_and_keeps_the_order, broker),                         \
                        cmocka_unit_test_prestate(test_a_purged_offset_is_told_and_reading_goes_on_at_the_beginning, broker)

static int test_embedded(void)
{
        struct kafka_broker broker;
        if (!kafka_broker_start(&broker, KAFKA_BROKER_EMBEDDED))
                return 0;
        const struct CMUnitTest tests[] = {COMMON_TESTS(&broker)};
        int failed = cmocka_run_group_tests_name("embedded broker", tests, NULL, NULL);
        kafka_broker_stop(&broker);
        return failed;
}

static int test_real(void)
{
        struct kafka_broker broker;
        if (!kafka_broker_start(&broker, KAFKA_BROKER_REAL))
                return 0;
        const struct CMUnitTest tests[] = {
                        COMMON_TESTS(&broker),
                        cmocka_unit_test_prestate(test_a_static_member_that_returns_gets_its_partitions_without_a_wait, &broker),
                        cmocka_unit_test_prestate(test_no_record_is_lost_when_the_broker_is_killed_in_mid_produce, &broker),
                        cmocka_unit_test_prestate(test_no_broker_at_the_start_is_told_within_five_seconds_and_is_over_once_there_is_one,
                                                  &broker),
        };
        int failed = cmocka_run_group_tests_name("Apache Kafka", tests, NULL, NULL);
        kafka_broker_stop(&broker);
        return failed;
}

int main(int argc, char **argv)
{
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return test_embedded() + test_real();
}
