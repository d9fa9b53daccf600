/* A real server and the fake one answer alike, so that what simulations show holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/transport/redis_link.h"
#include "tests/support/gate_driver.h"
#include "tests/support/redis_process.h"

enum { STEPS = 2000, SEEDS = 3 };

struct real {
        struct gate_rig rig; /* first */
        struct redis_process server;
        uv_loop_t loop;
        struct redis_link *link;
        struct log log;
        bool up, closed;
};

static void on_up(void *data)
{
        ((struct real *)data)->up = true;
}

static void on_closed(void *data)
{
        ((struct real *)data)->closed = true;
}

static bool real_turn(struct gate_rig *rig)
{
        struct real *real = list_entry(rig, struct real, rig);
        return uv_run(&real->loop, UV_RUN_ONCE) != 0;
}

/* Leases so long that none ends meanwhile; limits so low that they are met. */
static void rig_limit(struct gate_rig *rig)
{
        rig->config.lease_ms = RIG_HOUR_MS;
        rig->config.agent_concurrent_max = 4;
        rig->config.global_concurrent = 12;
        rig->config.agent_unfinished_max = 60;
        rig->config.rates[RISK_HIGH] = (struct config_rate){50, 300000};
        gate_rig_reconfigure(rig);
}

static void real_init(struct real *real)
{
        struct error e;
        *real = (struct real){.log = {.program = "test", .level = LOG_INFO, .clock = &clock_system, .fd = -1}};
        redis_process_init(&real->server);
        redis_process_start(&real->server, NULL, NULL);
        uv_loop_init(&real->loop);
        struct redis_link_options options = {.url = real->server.url, .tag = "brig", .log = &real->log, .up = on_up, .data = real};
        assert_int_equal(redis_link_open(&real->link, &real->loop, &options, &e), 0);
        while (!real->up)
                uv_run(&real->loop, UV_RUN_ONCE);
        gate_rig_init_on(&real->rig, redis_link_port(real->link), real_turn);
        rig_limit(&real->rig);
        gate_rig_restore(&real->rig);
        redis_process_command(&real->server, "HSET {brig}:epoch opens_at 0");
}

static void real_deinit(struct real *real)
{
        redis_link_close(real->link, on_closed, real);
        while (!real->closed)
                uv_run(&real->loop, UV_RUN_ONCE);
        uv_loop_close(&real->loop);
        gate_rig_deinit(&real->rig);
        redis_process_deinit(&real->server);
}

static void drive(struct gate_driver *d)
{
        for (int i = 0; i < STEPS; i++) {
                gate_rig_pass(d->rig, 1);
                gate_driver_step(d);
                assert_int_equal(d->rig->error.code, ERROR_NONE);
        }
}

static void assert_same_lines(const char *left, const char *right)
{
        for (unsigned line = 1; *left || *right; line++) {
                size_t a = strcspn(left, "\n"), b = strcspn(right, "\n");
                if (a != b || memcmp(left, right, a) != 0)
                        fail_msg("line %u: real \"%.*s\", fake \"%.*s\"", line, (int)a, left, (int)b, right);
                left += a + (left[a] == '\n');
                right += b + (right[b] == '\n');
        }
}

static void test_a_real_server_and_the_fake_answer_alike(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                static struct real real;
                static struct gate_rig fake;
                struct gate_driver on_real, on_fake;
                real_init(&real);
                gate_rig_init(&fake);
                rig_limit(&fake);
                gate_driver_init(&on_real, &real.rig, seed);
                gate_driver_init(&on_fake, &fake, seed);
                drive(&on_real);
                drive(&on_fake);
                assert_same_lines((const char *)on_real.log.data, (const char *)on_fake.log.data);
                gate_driver_deinit(&on_real);
                gate_driver_deinit(&on_fake);
                gate_rig_deinit(&fake);
                real_deinit(&real);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_real_server_and_the_fake_answer_alike)};
        if (!redis_process_available()) {
                puts("0 passed, 0 failed, 1 skipped: no redis-server");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
