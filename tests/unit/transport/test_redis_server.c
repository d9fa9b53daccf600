#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/transport/redis_server.h"

static char info[512];
static char run_id[REDIS_RUN_ID_SIZE];

static const char *info_of(const char *version, const char *role, const char *loading, const char *policy)
{
        snprintf(info, sizeof info,
                 "# Server\r\nredis_version:%s\r\nrun_id:abc123\r\n# Memory\r\nmaxmemory_policy:%s\r\n# "
                 "Persistence\r\nloading:%s\r\nrole:%s\r\n",
                 version, policy, loading, role);
        return info;
}

static void assert_refused(const char *text, const char *remedy)
{
        struct error e;
        assert_int_equal(redis_server_check(text, "h:1", run_id, &e), -1);
        assert_int_equal(e.code, ERROR_REDIS);
        assert_non_null(strstr(e.text, "h:1"));
        assert_non_null(strstr(e.text, remedy));
}

static void test_a_fit_server_tells_its_run_id(void **state)
{
        struct error e;
        (void)state;
        assert_int_equal(redis_server_check(info_of("7.0.15", "master", "0", "noeviction"), "h:1", run_id, &e), 0);
        assert_string_equal(run_id, "abc123");
        assert_int_equal(redis_server_check(info_of("10.2", "master", "0", "noeviction"), "h:1", run_id, &e), 0);
}

static void test_an_unfit_server_is_refused_with_the_remedy(void **state)
{
        (void)state;
        assert_refused(info_of("6.2.9", "master", "0", "noeviction"), "7.0 or later");
        assert_refused(info_of("7.0.1", "slave", "0", "noeviction"), "primary");
        assert_refused(info_of("7.0.1", "master", "1", "noeviction"), "loading");
        assert_refused(info_of("7.0.1", "master", "0", "allkeys-lru"), "CONFIG SET maxmemory-policy noeviction");
        assert_refused("redis_version:7.0\r\nmaxmemory_policy:noeviction\r\n", "run id");
        assert_refused("", "7.0 or later");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_fit_server_tells_its_run_id),
                        cmocka_unit_test(test_an_unfit_server_is_refused_with_the_remedy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
