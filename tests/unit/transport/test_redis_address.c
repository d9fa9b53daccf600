#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/transport/redis_address.h"

static struct redis_address parsed(const char *url)
{
        struct redis_address address;
        struct error e;
        assert_int_equal(redis_address_parse(&address, url, &e), 0);
        return address;
}

static void test_a_host_alone_has_the_usual_port(void **state)
{
        (void)state;
        struct redis_address a = parsed("redis://cache");
        assert_string_equal(a.host, "cache");
        assert_int_equal(a.port, 6379);
        assert_null(a.password);
        assert_null(a.database);
        assert_string_equal(a.name, "cache:6379");
        redis_address_deinit(&a);
}

static void test_all_parts_are_read_and_the_name_hides_the_login(void **state)
{
        (void)state;
        struct redis_address a = parsed("redis://me%40home:p%3Aw%2fd%@10.0.0.1:7000/3");
        assert_string_equal(a.user, "me@home");
        assert_string_equal(a.password, "p:w/d%");
        assert_string_equal(a.host, "10.0.0.1");
        assert_int_equal(a.port, 7000);
        assert_string_equal(a.database, "3");
        assert_string_equal(a.name, "10.0.0.1:7000");
        redis_address_deinit(&a);
}

static void test_a_password_needs_no_user(void **state)
{
        (void)state;
        struct redis_address a = parsed("redis://:secret@h/");
        assert_null(a.user);
        assert_string_equal(a.password, "secret");
        assert_null(a.database);
        redis_address_deinit(&a);
}

static void test_an_address_with_colons_stands_in_brackets(void **state)
{
        (void)state;
        struct redis_address a = parsed("redis://[::1]:7001");
        assert_string_equal(a.host, "::1");
        assert_int_equal(a.port, 7001);
        assert_string_equal(a.name, "[::1]:7001");
        redis_address_deinit(&a);
}

static void test_a_socket_has_a_path(void **state)
{
        (void)state;
        struct redis_address a = parsed("unix:///run/redis.sock");
        assert_string_equal(a.path, "/run/redis.sock");
        assert_null(a.host);
        redis_address_deinit(&a);
}

static void test_what_is_no_address_is_refused(void **state)
{
        static const char *const urls[] = {"",
                                           "localhost:6379",
                                           "rediss://h",
                                           "redis://",
                                           "redis://:6379",
                                           "redis://h:0",
                                           "redis://h:65536",
                                           "redis://h:1x",
                                           "redis://h:",
                                           "redis://[::1",
                                           "redis://h/db",
                                           "unix://run"};
        struct redis_address address;
        struct error e;
        (void)state;
        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
                assert_int_equal(redis_address_parse(&address, urls[i], &e), -1);
                assert_int_equal(e.code, ERROR_CONFIG);
                assert_non_null(strstr(e.text, "redis.url"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_host_alone_has_the_usual_port),
                        cmocka_unit_test(test_all_parts_are_read_and_the_name_hides_the_login),
                        cmocka_unit_test(test_a_password_needs_no_user),
                        cmocka_unit_test(test_an_address_with_colons_stands_in_brackets),
                        cmocka_unit_test(test_a_socket_has_a_path),
                        cmocka_unit_test(test_what_is_no_address_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
