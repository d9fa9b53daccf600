/* The link and the gate on a real redis-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(test_a_job_goes_from_admission_to_settlement, setup, teardown),
        };
        if (!redis_process_available()) {
                puts("0 passed, 0 failed, 1 skipped: no redis-server");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
