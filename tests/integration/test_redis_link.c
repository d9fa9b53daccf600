/* The link and the gate on a real redis-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "common/transport/gate.h"
#include "common/transport/redis_link.h"
#include "tests/support/gate_config.h"
#include "tests/support/redis_process.h"

enum { WAIT_MS = 30000 };

struct fixture {
        struct redis_process server;
        uv_loop_t loop;
        uv_timer_t limit; /* no loop turns for ever */
        bool limit_passed;
        struct log log;
        struct redis_link *link;
        struct gate gate;
        struct config config;
        unsigned ups, downs, wakes;
        struct error trouble;
        char message[64];
        bool closed;
        /* of the last operation */
        bool answered;
        struct error error;
};

static void on_up(void *data)
{
        ((struct fixture *)data)->ups++;
}

static void on_down(void *data, const struct error *e)
{
        struct fixture *f = data;
        f->downs++;
        f->trouble = *e;
}

static void on_wake(void *data, struct span channel, struct span message)
{
        struct fixture *f = data;
        f->wakes++;
        assert_true(channel.size > 0);
        snprintf(f->message, sizeof f->message, "%.*s", (int)message.size, (const char *)message.data);
}

static void on_closed(void *data)
{
        ((struct fixture *)data)->closed = true;
}

static void limit_pass(uv_timer_t *timer)
{
        ((struct fixture *)timer->data)->limit_passed = true;
}

#define turn_until(f, condition)                                                                                                           \
        do {                                                                                                                               \
                (f)->limit_passed = false;                                                                                                 \
                uv_update_time(&(f)->loop);                                                                                                \
                uv_timer_start(&(f)->limit, limit_pass, WAIT_MS, 0);                                                                       \
                while (!(condition) && !(f)->limit_passed)                                                                                 \
                        uv_run(&(f)->loop, UV_RUN_ONCE);                                                                                   \
                assert_true(condition);                                                                                                    \
        } while (0)

static void link_open(struct fixture *f)
{
        struct error e;
        struct redis_link_options options = {.url = f->server.url,
                                             .tag = f->config.redis_tag,
                                             .log = &f->log,
                                             .up = on_up,
                                             .down = on_down,
                                             .wake = on_wake,
                                             .data = f};
        assert_int_equal(redis_link_open(&f->link, &f->loop, &options, &e), 0);
        assert_int_equal(gate_init(&f->gate, redis_link_port(f->link), &f->config, &e), 0);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof *f);
        *state = f;
        f->log = (struct log){.program = "test", .level = LOG_INFO, .clock = &clock_system, .fd = -1};
        f->config = gate_config();
        f->config.lease_ms = 300;
        f->config.rates[RISK_MEDIUM].executions_per_hour = f->config.global_executions_per_hour = 1000000;
        redis_process_init(&f->server);
        uv_loop_init(&f->loop);
        uv_timer_init(&f->loop, &f->limit);
        f->limit.data = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        if (f->link) {
                redis_link_close(f->link, on_closed, f);
                turn_until(f, f->closed);
        }
        uv_close((uv_handle_t *)&f->limit, NULL);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&f->loop), 0);
        gate_deinit(&f->gate);
        redis_process_deinit(&f->server);
        free(f);
        return 0;
}

/* Every operation's `done`: keeps the error, and the operation in base.data is the fixture's. */
#define DONE(kind)                                                                                                                         \
        static void kind##_done(struct kind *op, const struct error *e)                                                                    \
        {                                                                                                                                  \
                struct fixture *f = op->base.data;                                                                                         \
                f->answered = true;                                                                                                        \
                f->error = e ? *e : (struct error){0};                                                                                     \
        }
DONE(gate_lock)
DONE(gate_ready)
DONE(gate_admit)
DONE(gate_lease_op)

DONE(gate_settle)

#define run(f, start, op)                                                                                                                  \
        do {                                                                                                                               \
                struct error run_error;                                                                                                    \
                (op)->base.data = (f);                                                                                                     \
                (f)->answered = false;                                                                                                     \
                assert_int_equal(start(&(f)->gate, (op), &run_error), 0);                                                                  \
                assert_false((f)->answered);                                                                                               \
                turn_until(f, (f)->answered);                                                                                              \
        } while (0)

static void make_ready(struct fixture *f)
{
        struct gate_lock lock = {.done = gate_lock_done, .owner = "test"};
        struct gate_ready ready = {.done = gate_ready_done, .owner = "test"};
        run(f, gate_lock_start, &lock);
        assert_true(lock.taken);
        run(f, gate_ready_start, &ready);
        assert_int_equal(f->error.code, ERROR_NONE);
}

static struct gate_admit admission(const char *job_id)
{
        return (struct gate_admit){.done = gate_admit_done,
                                   .key = {"agent", job_id},
                                   .record = span_of("{}"),
                                   .risk = RISK_LOW,
                                   .pool = "python",
                                   .cpu_reserve_ms = {1000, 1000, 1000}};
}

static void admit(struct fixture *f, const char *job_id, enum gate_admission expected)
{
        struct gate_admit op = admission(job_id);
        run(f, gate_admit_start, &op);
        assert_int_equal(f->error.code, ERROR_NONE);
        assert_int_equal(op.verdict, expected);
}

struct claimed {
        struct gate_claim op;
        char job_id[64];
};

static void gate_claim_done(struct gate_claim *op, const struct error *e)
{
        struct claimed *c = list_entry(op, struct claimed, op);
        struct fixture *f = op->base.data;
        f->answered = true;
        f->error = e ? *e : (struct error){0};
        if (!e && op->found)
                snprintf(c->job_id, sizeof c->job_id, "%.*s", (int)op->job_id.size, (const char *)op->job_id.data);
}

/* Claims until there is one: claims are closed for one lease after a restore. */
static struct claimed claim(struct fixture *f)
{
        static const char *const pools[] = {"python"};
        struct claimed c = {.op = {.done = gate_claim_done, .worker = "w", .risks = {true, true, true}, .pools = pools, .pool_count = 1}};
        for (int i = 0; i < 10000 && !c.op.found; i++)
                run(f, gate_claim_start, &c.op);
        assert_true(c.op.found);
        return c;
}

static void start(struct fixture *f)
{
        redis_process_start(&f->server, NULL, NULL);
        link_open(f);
        turn_until(f, f->ups == 1);
        make_ready(f);
}

static void test_a_job_goes_from_admission_to_settlement(void **state)
{
        struct fixture *f = *state;
        start(f);
        admit(f, "j1", GATE_QUEUED);
        admit(f, "j1", GATE_KNOWN);
        struct claimed c = claim(f);
        assert_string_equal(c.job_id, "j1");
        struct gate_lease_op lease = {.done = gate_lease_op_done, .key = {"agent", "j1"}, .fence = c.op.fence, .partition = 2, .offset = 9};
        run(f, gate_renew_start, &lease);
        assert_int_equal(lease.verdict, GATE_LEASE_OK);
        run(f, gate_complete_start, &lease);
        assert_int_equal(lease.verdict, GATE_LEASE_OK);
        admit(f, "j1", GATE_DONE);
        struct gate_settle settle = {.done = gate_settle_done, .key = {"agent", "j1"}, .partition = 2, .offset = 9, .first = true};
        run(f, gate_settle_start, &settle);
        assert_int_equal(f->error.code, ERROR_NONE);
        assert_true(settle.changed);
        assert_int_equal(settle.agent.trust, 550);
}

static void assert_not_ready(struct fixture *f)
{
        struct gate_admit op = admission("any");
        run(f, gate_admit_start, &op);
        assert_int_equal(f->error.code, ERROR_NOT_READY);
}

static void test_a_restarted_server_with_its_data_waits_to_be_restored(void **state)
{
        struct fixture *f = *state;
        char before[64];
        start(f);
        admit(f, "j1", GATE_QUEUED);
        snprintf(before, sizeof before, "%s", f->gate.port->run_id(f->gate.port));
        redis_process_stop(&f->server);
        turn_until(f, f->downs == 1);
        assert_string_equal(f->gate.port->run_id(f->gate.port), "");
        redis_process_start(&f->server, NULL, NULL);
        turn_until(f, f->ups == 2);
        assert_string_not_equal(f->gate.port->run_id(f->gate.port), before);
        assert_not_ready(f);
        make_ready(f);
        admit(f, "j1", GATE_KNOWN);
        assert_int_equal(f->downs, 1);
}

static void test_an_emptied_server_waits_to_be_restored(void **state)
{
        struct fixture *f = *state;
        start(f);
        admit(f, "j1", GATE_QUEUED);
        assert_string_equal(redis_process_command(&f->server, "FLUSHALL"), "+OK");
        assert_not_ready(f);
        make_ready(f);
        admit(f, "j1", GATE_QUEUED);
}

static void test_lost_functions_are_loaded_again(void **state)
{
        struct fixture *f = *state;
        start(f);
        assert_string_equal(redis_process_command(&f->server, "FUNCTION FLUSH"), "+OK");
        assert_not_ready(f);
        admit(f, "j1", GATE_QUEUED);
        assert_int_equal(f->downs, 0);
}

static void test_another_version_of_the_functions_is_replaced(void **state)
{
        struct fixture *f = *state;
        redis_process_start(&f->server, NULL, NULL);
        assert_string_equal(redis_process_command(&f->server, "FUNCTION LOAD \"#!lua name=brig\\nredis.register_function('brig_admit', "
                                                              "function() return 1 end)\""),
                            "$4");
        link_open(f);
        turn_until(f, f->ups == 1);
        make_ready(f);
        admit(f, "j1", GATE_QUEUED);
}

static void test_an_evicting_server_is_refused_until_it_is_put_right(void **state)
{
        struct fixture *f = *state;
        redis_process_start(&f->server, "--maxmemory-policy", "allkeys-lru");
        link_open(f);
        turn_until(f, f->downs == 1);
        assert_non_null(strstr(f->trouble.text, "CONFIG SET maxmemory-policy noeviction"));
        assert_string_equal(redis_process_command(&f->server, "CONFIG SET maxmemory-policy noeviction"), "+OK");
        turn_until(f, f->ups == 1);
        assert_int_equal(f->downs, 1);
}

static void test_no_server_at_the_start_is_told_once_and_recovers(void **state)
{
        struct fixture *f = *state;
        uint64_t before = uv_hrtime();
        link_open(f);
        turn_until(f, f->downs == 1);
        assert_true(uv_hrtime() - before < 5000000000);
        assert_non_null(strstr(f->trouble.text, f->server.url + strlen("redis://")));
        assert_non_null(strstr(f->trouble.text, "BRIG_REDIS_URL"));
        struct gate_admit op = admission("any");
        struct error e;
        assert_int_equal(gate_admit_start(&f->gate, &op, &e), -1);
        assert_int_equal(e.code, ERROR_REDIS);
        redis_process_start(&f->server, NULL, NULL);
        turn_until(f, f->ups == 1);
        assert_int_equal(f->downs, 1);
}

static void test_a_wrong_password_is_told(void **state)
{
        struct fixture *f = *state;
        redis_process_start(&f->server, "--requirepass", "right");
        snprintf(f->server.url, sizeof f->server.url, "redis://:wrong@127.0.0.1:%d", f->server.port);
        link_open(f);
        turn_until(f, f->downs == 1);
        assert_non_null(strstr(f->trouble.text, "refused the login"));
        assert_null(strstr(f->trouble.text, "wrong@"));
}

static void test_the_right_password_and_database_are_used(void **state)
{
        struct fixture *f = *state;
        redis_process_start(&f->server, "--requirepass", "right");
        snprintf(f->server.url, sizeof f->server.url, "redis://:right@127.0.0.1:%d/3", f->server.port);
        link_open(f);
        turn_until(f, f->ups == 1);
        make_ready(f);
}

static void test_a_silent_server_fails_calls_within_seconds(void **state)
{
        struct fixture *f = *state;
        start(f);
        struct gate_admit op = admission("j1");
        kill(f->server.pid, SIGSTOP);
        run(f, gate_admit_start, &op);
        assert_int_equal(f->error.code, ERROR_REDIS);
        assert_int_equal(f->downs, 1);
        kill(f->server.pid, SIGCONT);
        turn_until(f, f->ups == 2);
        admit(f, "j1", GATE_KNOWN); /* it had been done after all */
}

static void test_wake_ups_arrive_also_after_a_reconnect(void **state)
{
        struct fixture *f = *state;
        start(f);
        redis_process_stop(&f->server);
        redis_process_start(&f->server, NULL, NULL);
        turn_until(f, f->ups == 2);
        make_ready(f);
        for (int i = 0; i < 1000 && !f->wakes; i++) { /* the subscription may come later than the link */
                char id[16];
                snprintf(id, sizeof id, "j%d", i);
                admit(f, id, GATE_QUEUED);
        }
        turn_until(f, f->wakes > 0);
        assert_string_equal(f->message, "1python");
}

static void test_closing_fails_what_waits(void **state)
{
        struct fixture *f = *state;
        start(f);
        struct gate_admit op = admission("j1");
        struct error e;
        op.base.data = f;
        f->answered = false;
        assert_int_equal(gate_admit_start(&f->gate, &op, &e), 0);
        redis_link_close(f->link, on_closed, f);
        f->link = NULL;
        turn_until(f, f->closed);
        assert_true(f->answered);
        assert_int_equal(f->error.code, ERROR_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_job_goes_from_admission_to_settlement),
                        TEST(test_a_restarted_server_with_its_data_waits_to_be_restored),
                        TEST(test_an_emptied_server_waits_to_be_restored),
                        TEST(test_lost_functions_are_loaded_again),
                        TEST(test_another_version_of_the_functions_is_replaced),
                        TEST(test_an_evicting_server_is_refused_until_it_is_put_right),
                        TEST(test_no_server_at_the_start_is_told_once_and_recovers),
                        TEST(test_a_wrong_password_is_told),
                        TEST(test_the_right_password_and_database_are_used),
                        TEST(test_a_silent_server_fails_calls_within_seconds),
                        TEST(test_wake_ups_arrive_also_after_a_reconnect),
                        TEST(test_closing_fails_what_waits),
        };
        if (!redis_process_available()) {
                puts("0 passed, 0 failed, 1 skipped: no redis-server");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
