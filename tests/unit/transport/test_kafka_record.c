#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "common/transport/kafka_record.h"

static void test_keys_fall_on_the_partition_of_kafkas_java_client(void **state)
{
        /* The vectors of org.apache.kafka.common.utils.UtilsTest. */
        static const struct {
                const char *key;
                int32_t hash;
        } vectors[] = {
                        {"21", -973932308},
                        {"foobar", -790332482},
                        {"a-little-bit-long-string", -985981536},
                        {"a-little-bit-longer-string", -1486304829},
                        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                        {"abc", 479470107},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
                assert_int_equal(kafka_partition_of(span_of(vectors[i].key), INT32_MAX), vectors[i].hash & INT32_MAX);
}

static void test_keys_fall_on_the_partition_librdkafka_would_choose(void **state)
{
        char key[64];
        (void)state;
        for (int i = 0; i < 2000; i++) {
                int length = snprintf(key, sizeof(key), "%.*s%d", i % 40, "agent-\xc3\xa9\xff-0123456789abcdefghijklmnopqrstuvwxyz", i);
                int32_t partitions = 1 + i % 37;
                assert_int_equal(kafka_partition_of(span_of(key), partitions),
                                 rd_kafka_msg_partitioner_murmur2(NULL, key, (size_t)length, partitions, NULL, NULL));
        }
}

static void test_an_empty_key_has_one_partition_too(void **state)
{
        (void)state;
        assert_in_range(kafka_partition_of((struct span){NULL, 0}, 7), 0, 6);
        assert_int_equal(kafka_partition_of((struct span){NULL, 0}, 7), kafka_partition_of(span_of(""), 7));
}

static void test_the_first_header_of_a_name_is_found_and_an_absent_one_is_not(void **state)
{
        const struct kafka_record record = {
                        .headers = {{span_of("fence"), span_of("7")}, {span_of("job_id"), span_of("a")}, {span_of("job_id"), span_of("b")}},
                        .header_count = 3,
        };
        struct span value = span_of("untouched");
        (void)state;
        assert_true(kafka_record_header(&record, "job_id", &value));
        assert_true(span_equal(value, span_of("a")));
        assert_false(kafka_record_header(&record, "job", &value));
        assert_true(span_equal(value, span_of("a")));
}

static void test_topics_are_named_by_the_prefix(void **state)
{
        struct kafka_topics topics = kafka_topics_named("cell-2");
        (void)state;
        assert_string_equal(topics.jobs, "cell-2.jobs");
        assert_string_equal(topics.agents, "cell-2.agents");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_keys_fall_on_the_partition_of_kafkas_java_client),
                        cmocka_unit_test(test_keys_fall_on_the_partition_librdkafka_would_choose),
                        cmocka_unit_test(test_an_empty_key_has_one_partition_too),
                        cmocka_unit_test(test_the_first_header_of_a_name_is_found_and_an_absent_one_is_not),
                        cmocka_unit_test(test_topics_are_named_by_the_prefix),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
