#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/transport/kafka_conf.h"

static struct config config_with(char *key, char *value)
{
        return (struct config){.kafka_bootstrap_servers = "127.0.0.1:1",
                               .kafka_pass_through = {{key, value}},
                               .kafka_pass_through_count = key ? 1 : 0};
}

static void assert_refused(char *key, char *value, const char *words)
{
        struct error e;
        struct config config = config_with(key, value);
        assert_int_equal(kafka_conf_check(&config, &e), -1);
        assert_int_equal(e.code, ERROR_CONFIG);
        if (!strstr(e.text, words))
                fail_msg("\"%s\" lacks \"%s\"", e.text, words);
}

static void assert_value(const struct config *config, enum kafka_role role, const char *key, const char *expected)
{
        struct error e;
        rd_kafka_conf_t *conf;
        char value[64];
        size_t size = sizeof(value);
        if (kafka_conf_new(&conf, config, role, &e) < 0)
                fail_msg("%s", e.text);
        assert_int_equal(rd_kafka_conf_get(conf, key, value, &size), RD_KAFKA_CONF_OK);
        assert_string_equal(value, expected);
        rd_kafka_conf_destroy(conf);
}

static void test_an_unknown_option_is_refused_with_the_nearest_one(void **state)
{
        (void)state;
        assert_refused("sesion.timeout.ms", "6000", "kafka.session.timeout.ms");
        assert_refused("zzzzqqqq", "1", "no such option");
}

static void test_a_value_librdkafka_does_not_take_is_refused_in_its_words(void **state)
{
        (void)state;
        assert_refused("session.timeout.ms", "soon", "session.timeout.ms");
        assert_refused("compression.codec", "rar", "compression.codec");
}

static void test_what_promises_rest_on_is_not_passed_through(void **state)
{
        (void)state;
        assert_refused("enable.auto.commit", "true", "stays false");
        assert_refused("acks", "1", "stays all");
        assert_refused("group.id", "mine", "set by brig itself");
}

static void test_another_name_of_the_same_option_is_refused_too(void **state)
{
        (void)state;
        assert_refused("request.required.acks", "1", "set by brig itself");
        assert_refused("max.in.flight", "5", "set by brig itself");
        assert_refused("delivery.timeout.ms", "5", "set by brig itself");
}

static void test_an_option_goes_to_its_role_alone(void **state)
{
        struct config config = config_with("linger.ms", "7");
        (void)state;
        assert_value(&config, KAFKA_PRODUCER, "linger.ms", "7");
        assert_value(&config, KAFKA_CONSUMER, "linger.ms", "5"); /* librdkafka's own */
        config = config_with("client.id", "x");
        assert_value(&config, KAFKA_PRODUCER, "client.id", "x");
        assert_value(&config, KAFKA_CONSUMER, "client.id", "x");
}

static void test_clients_are_safe_and_small_by_themselves(void **state)
{
        struct config config = config_with(NULL, NULL);
        (void)state;
        assert_value(&config, KAFKA_PRODUCER, "enable.idempotence", "true");
        assert_value(&config, KAFKA_PRODUCER, "max.in.flight", "1");
        assert_value(&config, KAFKA_CONSUMER, "partition.assignment.strategy", "range");
        assert_value(&config, KAFKA_CONSUMER, "auto.offset.reset", "error");
        assert_value(&config, KAFKA_CONSUMER, "queued.max.messages.kbytes", "512");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_an_unknown_option_is_refused_with_the_nearest_one),
                        cmocka_unit_test(test_a_value_librdkafka_does_not_take_is_refused_in_its_words),
                        cmocka_unit_test(test_what_promises_rest_on_is_not_passed_through),
                        cmocka_unit_test(test_another_name_of_the_same_option_is_refused_too),
                        cmocka_unit_test(test_an_option_goes_to_its_role_alone),
                        cmocka_unit_test(test_clients_are_safe_and_small_by_themselves),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
