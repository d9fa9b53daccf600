/* What the gate makes of answers: only a whole and known one is a success. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/gate.h"

/* A port that keeps the call and its arguments; the test answers. */
struct stub {
        struct redis_port port;
        struct redis_call *call;
        bool refuses;
        struct bytes arguments; /* each ends with '\n' */
};

static struct stub stub;
static struct gate gate;

static int stub_call_start(struct redis_port *port, struct redis_call *call, const struct span *arguments, size_t count, struct error *e)
{
        (void)port;
        if (stub.refuses)
                return error_set(e, ERROR_REDIS, "not connected");
        stub.call = call;
        bytes_clear(&stub.arguments);
        for (size_t i = 0; i < count; i++) {
                bytes_append(&stub.arguments, arguments[i].data, arguments[i].size);
                bytes_append_string(&stub.arguments, "\n");
        }
        return 0;
}

static const char *stub_run_id(struct redis_port *port)
{
        (void)port;
        return "run";
}

static int setup(void **state)
{
        static char tag[] = "cell";
        struct config config = {.redis_tag = tag, .lease_ms = 15000};
        struct error e;
        (void)state;
        stub = (struct stub){.port = {stub_call_start, stub_run_id}};
        return gate_init(&gate, &stub.port, &config, &e);
}

static int teardown(void **state)
{
        (void)state;
        gate_deinit(&gate);
        bytes_deinit(&stub.arguments);
        return 0;
}

static void answer(const char *const *texts, size_t count)
{
        struct span fields[32];
        for (size_t i = 0; i < count; i++)
                fields[i] = span_of(texts[i]);
        stub.call->done(stub.call, &(struct redis_reply){fields, count}, NULL);
}

#define ANSWER(...) answer((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static enum error_code code;

#define DONE(kind)                                                                                                                         \
        static void kind##_done(struct kind *op, const struct error *e)                                                                    \
        {                                                                                                                                  \
                code = e ? e->code : ERROR_NONE;                                                                                           \
                if (e)                                                                                                                     \
                        assert_int_equal(op->base.epoch, 0);                                                                               \
        }
DONE(gate_admit)
DONE(gate_claim)
DONE(gate_lease_op)
DONE(gate_settle)
DONE(gate_reap)

static struct gate_admit admit = {
                .done = gate_admit_done, .key = {"a", "j"}, .partition = 3, .offset = 1LL << 40, .pool = "python", .record = {NULL, 0}};

static enum error_code admit_answered(const char *const *texts, size_t count)
{
        struct error e;
        assert_int_equal(gate_admit_start(&gate, &admit, &e), 0);
        answer(texts, count);
        return code;
}

#define ADMIT_ANSWERED(...)                                                                                                                \
        admit_answered((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void test_an_admission_says_all_that_the_function_needs(void **state)
{
        struct error e;
        (void)state;
        admit.record = span_of("{}");
        assert_int_equal(gate_admit_start(&gate, &admit, &e), 0);
        const char *text = (const char *)stub.arguments.data;
        assert_ptr_equal(strstr(text, "FCALL\nbrig_admit\n1\n{cell}\nrun\nlease_ms=15000 "), text);
        assert_non_null(strstr(text, "\na\nj\n3\n1099511627776\n0\npython\n0\n0\n0\n0\n0\n{}\n"));
        ANSWER("QUEUED", "9", "1");
        assert_int_equal(code, ERROR_NONE);
        assert_int_equal(admit.base.epoch, 9);
        assert_int_equal(admit.level, RISK_MEDIUM);
}

static void test_a_refusal_is_explained(void **state)
{
        (void)state;
        assert_int_equal(ADMIT_ANSWERED("REJECTED", "9", "rate_limited", "queued", "1000", "1000", "0"), ERROR_NONE);
        assert_int_equal(admit.verdict, GATE_REJECTED);
        assert_string_equal(admit.rejection.limit, "queued");
        assert_non_null(strstr(admit.rejection.message, "queued"));
}

static void test_malformed_answers_are_no_success(void **state)
{
        (void)state;
        assert_int_equal(ADMIT_ANSWERED("QUEUED", "9", "3"), ERROR_PROTOCOL);         /* no such level */
        assert_int_equal(ADMIT_ANSWERED("QUEUED", "9"), ERROR_PROTOCOL);              /* a field is missing */
        assert_int_equal(ADMIT_ANSWERED("QUEUED", "9", "1", "more"), ERROR_PROTOCOL); /* one too many */
        assert_int_equal(ADMIT_ANSWERED("QUEUED", "nine", "1"), ERROR_PROTOCOL);      /* no epoch */
        assert_int_equal(ADMIT_ANSWERED("FINE", "9"), ERROR_PROTOCOL);                /* no such verdict */
        assert_int_equal(ADMIT_ANSWERED("DONE", "9", "0", "here"), ERROR_PROTOCOL);   /* no offset */
        assert_int_equal(ADMIT_ANSWERED("REJECTED", "9", "mood", "", "", "", "0"), ERROR_PROTOCOL);
        assert_int_equal(admit_answered(NULL, 0), ERROR_PROTOCOL);
}

static void test_not_ready_is_an_error_of_its_own(void **state)
{
        (void)state;
        assert_int_equal(ADMIT_ANSWERED("NOT_READY"), ERROR_NOT_READY);
        assert_int_equal(ADMIT_ANSWERED("NOT_READY", "9"), ERROR_NOT_READY);
}

static void test_an_error_of_the_link_reaches_the_caller(void **state)
{
        struct error e;
        (void)state;
        assert_int_equal(gate_admit_start(&gate, &admit, &e), 0);
        error_set(&e, ERROR_REDIS, "gone");
        stub.call->done(stub.call, NULL, &e);
        assert_int_equal(code, ERROR_REDIS);
        stub.refuses = true;
        assert_int_equal(gate_admit_start(&gate, &admit, &e), -1);
        assert_int_equal(e.code, ERROR_REDIS);
}

static void test_a_malformed_claim_gives_no_job(void **state)
{
        struct gate_claim op = {.done = gate_claim_done, .worker = "w"};
        struct error e;
        (void)state;
        assert_int_equal(gate_claim_start(&gate, &op, &e), 0);
        ANSWER("JOB", "9", "a", "j", "0", "1", "1", "77", "1", "5", "record");
        assert_int_equal(code, ERROR_NONE);
        assert_true(op.found);
        assert_int_equal(gate_claim_start(&gate, &op, &e), 0);
        ANSWER("JOB", "9", "a", "j", "0", "1", "1", "no fence", "1", "5", "record");
        assert_int_equal(code, ERROR_PROTOCOL);
        assert_false(op.found);
}

static void test_a_malformed_renewal_is_a_lost_lease(void **state)
{
        struct gate_lease_op op = {.done = gate_lease_op_done, .key = {"a", "j"}};
        struct error e;
        (void)state;
        assert_int_equal(gate_renew_start(&gate, &op, &e), 0);
        ANSWER("OK");
        assert_int_equal(code, ERROR_PROTOCOL);
        assert_int_equal(op.verdict, GATE_LEASE_LOST);
}

static void test_a_settlement_with_half_a_pair_is_no_success(void **state)
{
        struct gate_settle op = {.done = gate_settle_done, .key = {"a", "j"}};
        struct error e;
        (void)state;
        assert_int_equal(gate_settle_start(&gate, &op, &e), 0);
        ANSWER("OK", "9", "1", "0", "500", "7", "550", "0", "0", "3", "12", "4");
        assert_int_equal(code, ERROR_PROTOCOL);
        assert_int_equal(gate_settle_start(&gate, &op, &e), 0);
        ANSWER("OK", "9", "1", "0", "500", "7", "1001", "0", "0");
        assert_int_equal(code, ERROR_PROTOCOL);
}

static void test_a_reap_with_half_a_job_is_no_success(void **state)
{
        struct gate_reap op = {.done = gate_reap_done, .limit = 5};
        struct error e;
        (void)state;
        assert_int_equal(gate_reap_start(&gate, &op, &e), 0);
        ANSWER("OK", "9", "0", "0", "0", "a", "j", "0", "1", "expired", "0");
        assert_int_equal(code, ERROR_PROTOCOL);
        assert_int_equal(op.dead_count, 0);
        assert_int_equal(gate_reap_start(&gate, &op, &e), 0);
        ANSWER("OK", "9", "0", "0", "0", "a", "j", "0", "1", "bored", "0", "python");
        assert_int_equal(code, ERROR_PROTOCOL);
}

/* Snapshots */

static void test_a_snapshot_reads_back_as_it_was_written(void **state)
{
        static const int32_t partitions[] = {0, 11};
        static const int64_t offsets[] = {5, 1LL << 53};
        struct gate_agent agent = {"agent \"x\"", 1795565314103454, 730, 2, true, partitions, offsets, 2}, read;
        struct error e;
        void *memory;
        (void)state;
        json_t *json = gate_agent_to_json(&agent);
        assert_int_equal(gate_agent_from_json(&read, &memory, json, &e), 0);
        json_decref(json);
        assert_string_equal(read.agent_id, agent.agent_id);
        assert_int_equal(read.version, agent.version);
        assert_int_equal(read.trust, 730);
        assert_int_equal(read.violations, 2);
        assert_true(read.quarantined);
        assert_int_equal(read.last_count, 2);
        assert_int_equal(read.last_partitions[1], 11);
        assert_int_equal(read.last_offsets[1], 1LL << 53);
        free(memory);
}

static void test_what_is_no_snapshot_is_refused(void **state)
{
        static const char *const texts[] = {
                        "[]",
                        "{}",
                        "{\"agent\":\"a\",\"version\":1,\"trust\":1001,\"violations\":0,\"quarantined\":false,\"last\":{}}",
                        "{\"agent\":\"a\",\"version\":-1,\"trust\":1,\"violations\":0,\"quarantined\":false,\"last\":{}}",
                        "{\"agent\":\"a\",\"version\":1,\"trust\":1,\"violations\":0,\"quarantined\":false,\"last\":[]}",
                        "{\"agent\":\"a\",\"version\":1,\"trust\":1,\"violations\":0,\"quarantined\":false,\"last\":{\"x\":1}}",
                        "{\"agent\":\"a\",\"version\":1,\"trust\":1,\"violations\":0,\"quarantined\":false,\"last\":{\"1\":\"1\"}}"};
        struct gate_agent agent;
        struct error e;
        void *memory;
        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                json_t *json = json_loads(texts[i], 0, NULL);
                assert_int_equal(gate_agent_from_json(&agent, &memory, json, &e), -1);
                assert_int_equal(e.code, ERROR_INVALID);
                json_decref(json);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_an_admission_says_all_that_the_function_needs),
                        TEST(test_a_refusal_is_explained),
                        TEST(test_malformed_answers_are_no_success),
                        TEST(test_not_ready_is_an_error_of_its_own),
                        TEST(test_an_error_of_the_link_reaches_the_caller),
                        TEST(test_a_malformed_claim_gives_no_job),
                        TEST(test_a_malformed_renewal_is_a_lost_lease),
                        TEST(test_a_settlement_with_half_a_pair_is_no_success),
                        TEST(test_a_reap_with_half_a_job_is_no_success),
                        TEST(test_a_snapshot_reads_back_as_it_was_written),
                        TEST(test_what_is_no_snapshot_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
