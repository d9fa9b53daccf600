/* Rates of the gate on a real redis-server, printed; and that they do not hang on how many agents there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/transport/gate.h"
#include "common/transport/redis_link.h"
#include "tests/support/gate_config.h"
#include "tests/support/redis_process.h"

enum { ADMISSIONS = 640, TURNS = 30, AGENTS = 1000, FLIGHT = 64, CLAIMS = 5000, RECORD_SIZE = 1000, ID_SIZE = 40 };

enum { UTIME_AFTER_NAME = 12 }; /* of proc(5)'s stat: fields after the command's name */

/* A machine that is busy with other things must not fail these; the goal for admissions is 0.8. */
static const double ADMISSION_SHARE_MIN = 0.5, AGENTS_COST_MAX = 2.5;

struct flight { /* one of the operations that are under way at once */
        struct gate_admit admit;
        struct gate_claim claim;
        char agent[ID_SIZE], job[ID_SIZE];
};

struct bench {
        struct redis_process server;
        uv_loop_t loop;
        struct redis_link *link;
        struct gate gate;
        struct config config;
        struct log log;
        bool up, closed;
        struct flight flights[FLIGHT];
        unsigned agents; /* jobs go to these in turn */
        unsigned started, wanted, ended;
        unsigned round; /* makes job ids new */
};

static char record[RECORD_SIZE];

static void on_up(void *data)
{
        ((struct bench *)data)->up = true;
}

static void on_closed(void *data)
{
        ((struct bench *)data)->closed = true;
}

static double seconds_since(uint64_t start)
{
        return (double)(uv_hrtime() - start) / 1e9;
}

static void flight_name(struct bench *b, struct flight *flight)
{
        unsigned n = b->started++;
        snprintf(flight->agent, sizeof flight->agent, "agent-%u", n % b->agents);
        snprintf(flight->job, sizeof flight->job, "%08x-0000-4000-8000-%012x", b->round, n);
}

static void admit_next(struct bench *b, struct flight *flight);

static void admit_done(struct gate_admit *op, const struct error *e)
{
        struct bench *b = op->base.data;
        assert_null(e);
        assert_int_equal(op->verdict, GATE_QUEUED);
        b->ended++;
        if (b->started < b->wanted)
                admit_next(b, list_entry(op, struct flight, admit));
}

static void admit_next(struct bench *b, struct flight *flight)
{
        struct error e;
        flight_name(b, flight);
        flight->admit = (struct gate_admit){.base.data = b,
                                            .done = admit_done,
                                            .key = {flight->agent, flight->job},
                                            .record = {(const uint8_t *)record, sizeof record},
                                            .pool = "python",
                                            .cpu_reserve_ms = {1, 1, 1}};
        assert_int_equal(gate_admit_start(&b->gate, &flight->admit, &e), 0);
}

/* Seconds, through the link. */
static double admit_many(struct bench *b, unsigned agents, unsigned count)
{
        uint64_t start = uv_hrtime();
        b->agents = agents;
        b->started = b->ended = 0;
        b->wanted = count;
        b->round++;
        for (unsigned i = 0; i < FLIGHT; i++)
                admit_next(b, &b->flights[i]);
        while (b->ended < count)
                uv_run(&b->loop, UV_RUN_ONCE);
        return seconds_since(start);
}

/* Seconds for the same admissions by hiredis alone, as many under way. */
static double admit_raw(struct bench *b, unsigned agents, unsigned count)
{
        redisContext *context = redisConnect("127.0.0.1", b->server.port);
        assert_non_null(context);
        uint64_t start = uv_hrtime();
        b->agents = agents;
        b->started = b->ended = 0;
        b->round++;
        for (unsigned ended = 0; ended < count;) {
                for (; b->started < count && b->started - ended < FLIGHT;) {
                        struct flight *flight = &b->flights[0];
                        flight_name(b, flight);
                        redisAppendCommand(context, "FCALL brig_admit 1 {brig} %s %s %s %s 0 0 0 python 1 1 1 0 0 %b",
                                           b->gate.port->run_id(b->gate.port), b->gate.policy, flight->agent, flight->job, record,
                                           (size_t)RECORD_SIZE);
                }
                for (unsigned flying = b->started - ended; flying; flying--, ended++) {
                        redisReply *reply;
                        assert_int_equal(redisGetReply(context, (void **)&reply), REDIS_OK);
                        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
                        assert_string_equal(reply->element[0]->str, "QUEUED");
                        freeReplyObject(reply);
                }
        }
        redisFree(context);
        return seconds_since(start);
}

static const char *const pools[] = {"python", "node", "bash", "go", "rust"};

static void claim_next(struct bench *b, struct flight *flight);

static void claim_done(struct gate_claim *op, const struct error *e)
{
        struct bench *b = op->base.data;
        assert_null(e);
        assert_true(op->found);
        b->ended++;
        if (b->started < b->wanted)
                claim_next(b, list_entry(op, struct flight, claim));
}

static void claim_next(struct bench *b, struct flight *flight)
{
        struct error e;
        b->started++;
        flight->claim = (struct gate_claim){.base.data = b,
                                            .done = claim_done,
                                            .worker = "worker",
                                            .risks = {true, true, true},
                                            .pools = pools,
                                            .pool_count = sizeof pools / sizeof *pools};
        assert_int_equal(gate_claim_start(&b->gate, &flight->claim, &e), 0);
}

static double claim_many(struct bench *b, unsigned count)
{
        uint64_t start = uv_hrtime();
        b->started = b->ended = 0;
        b->wanted = count;
        for (unsigned i = 0; i < FLIGHT; i++)
                claim_next(b, &b->flights[i]);
        while (b->ended < count)
                uv_run(&b->loop, UV_RUN_ONCE);
        return seconds_since(start);
}

/* Microseconds of CPU time that the server has used: unlike rates, it does not hang on what else the machine does. */
static double server_cpu_us(const struct bench *b)
{
        char path[64], text[1024] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)b->server.pid);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        char *field = strrchr(text, ')');
        for (int i = 0; i < UTIME_AFTER_NAME; i++)
                field = strchr(field + 1, ' ');
        unsigned long long user = strtoull(field, &field, 10), system = strtoull(field, NULL, 10);
        return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

struct once { /* one operation that is waited for */
        struct gate_lock lock;
        struct gate_ready ready;
        bool done;
};

static void lock_done(struct gate_lock *op, const struct error *e)
{
        assert_null(e);
        ((struct once *)op->base.data)->done = true;
}

static void ready_done(struct gate_ready *op, const struct error *e)
{
        assert_null(e);
        ((struct once *)op->base.data)->done = true;
}

/* Empties the server and opens it for claims at once. */
static void restore(struct bench *b)
{
        struct once once = {.lock = {.base.data = &once, .done = lock_done, .owner = "bench"},
                            .ready = {.base.data = &once, .done = ready_done, .owner = "bench"}};
        struct error e;
        assert_string_equal(redis_process_command(&b->server, "FLUSHALL"), "+OK");
        assert_int_equal(gate_lock_start(&b->gate, &once.lock, &e), 0);
        while (!once.done)
                uv_run(&b->loop, UV_RUN_ONCE);
        once.done = false;
        assert_int_equal(gate_ready_start(&b->gate, &once.ready, &e), 0);
        while (!once.done)
                uv_run(&b->loop, UV_RUN_ONCE);
        redis_process_command(&b->server, "HSET {brig}:epoch opens_at 0");
}

static int setup(void **state)
{
        struct bench *b = calloc(1, sizeof *b);
        struct error e;
        *state = b;
        memset(record, 'x', sizeof record);
        b->log = (struct log){.program = "test", .level = LOG_INFO, .clock = &clock_system, .fd = -1};
        b->config = gate_config();
        b->config.rates[RISK_MEDIUM] = (struct config_rate){10000000, 1ULL << 40};
        b->config.global_executions_per_hour = b->config.global_concurrent = b->config.agent_unfinished_max = 10000000;
        redis_process_init(&b->server);
        redis_process_start(&b->server, "--appendfsync", "no");
        uv_loop_init(&b->loop);
        struct redis_link_options options = {.url = b->server.url, .tag = b->config.redis_tag, .log = &b->log, .up = on_up, .data = b};
        assert_int_equal(redis_link_open(&b->link, &b->loop, &options, &e), 0);
        assert_int_equal(gate_init(&b->gate, redis_link_port(b->link), &b->config, &e), 0);
        while (!b->up)
                uv_run(&b->loop, UV_RUN_ONCE);
        restore(b);
        return 0;
}

static int teardown(void **state)
{
        struct bench *b = *state;
        redis_link_close(b->link, on_closed, b);
        while (!b->closed)
                uv_run(&b->loop, UV_RUN_ONCE);
        uv_loop_close(&b->loop);
        gate_deinit(&b->gate);
        redis_process_deinit(&b->server);
        free(b);
        return 0;
}

/* In short turns, so that what else the machine does falls on both alike. */
static void test_admissions_through_the_link_are_nearly_as_many_as_raw_ones(void **state)
{
        struct bench *b = *state;
        double raw = 0, linked = 0, before = server_cpu_us(b);
        for (int i = 0; i < TURNS; i++) {
                raw += admit_raw(b, AGENTS, ADMISSIONS);
                linked += admit_many(b, AGENTS, ADMISSIONS);
        }
        double count = (double)TURNS * ADMISSIONS;
        printf("admissions/s: %.0f raw, %.0f through the link, %.2f; %.0f us of the server's CPU time each\n", count / raw, count / linked,
               raw / linked, (server_cpu_us(b) - before) / (2 * count));
        assert_true(raw / linked >= ADMISSION_SHARE_MIN);
}

static void test_the_number_of_agents_does_not_slow_claims(void **state)
{
        static const unsigned agents[] = {10, 100000};
        struct bench *b = *state;
        double costs[2];
        for (size_t i = 0; i < 2; i++) {
                restore(b);
                unsigned admissions = agents[i] > CLAIMS ? agents[i] : CLAIMS;
                double admitting = admit_many(b, agents[i], admissions);
                double before = server_cpu_us(b), claiming = claim_many(b, CLAIMS);
                costs[i] = (server_cpu_us(b) - before) / CLAIMS;
                printf("%u agents: %.0f admissions/s, %.0f claims/s, %.0f us of the server's CPU time a claim\n", agents[i],
                       admissions / admitting, CLAIMS / claiming, costs[i]);
        }
        assert_true(costs[1] <= costs[0] * AGENTS_COST_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(test_admissions_through_the_link_are_nearly_as_many_as_raw_ones, setup, teardown),
                        cmocka_unit_test_setup_teardown(test_the_number_of_agents_does_not_slow_claims, setup, teardown),
        };
        if (!redis_process_available()) {
                puts("0 passed, 0 failed, 1 skipped: no redis-server");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
