/* Whole dispatchers on fake ports, the real Redis functions and workers of one slot, in virtual time. BRIG_TEST_SEED runs one schedule,
 * BRIG_TEST_SEEDS so many, BRIG_TEST_LOG shows what the dispatchers log. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/dispatch_world.h"

enum { TURNS = 60, AGENTS = 3, SETTLE_MS = 3 * 3600 * 1000 };

enum fault {
        FAULT_KILL,
        FAULT_LATE_OWNER,
        FAULT_FLUSH,
        FAULT_REVERT,
        FAULT_BOUNCE,
        FAULT_WORKER_LOST,
        FAULT_WORKER_PAUSED,
        FAULT_ANSWER_LOST,
        FAULT_CALL_LOST,
        FAULT_COMMIT,
        FAULT_DUPLICATE,
        FAULT_COUNT
};

#define WITHOUT_LOSS ((1U << FAULT_COUNT) - 1 - (1U << FAULT_FLUSH) - (1U << FAULT_REVERT))
#define WITHOUT_DUPLICATES ((1U << FAULT_COUNT) - 1 - (1U << FAULT_DUPLICATE))

static const char *const agents[AGENTS] = {"ada", "bob", "eve"};

static struct world *new_world(uint64_t seed, int32_t partitions, size_t workers)
{
        struct world *w = malloc(sizeof *w);
        assert_non_null(w);
        world_init(w, seed, partitions, workers);
        return w;
}

static struct world *world_with_one_node(uint64_t seed)
{
        struct world *w = new_world(seed, 2, 2);
        world_join(w, world_start(w));
        return w;
}

static void free_world(struct world *w)
{
        world_deinit(w);
        free(w);
}

static void assert_settles(struct world *w)
{
        if (!world_settle_down(w, SETTLE_MS))
                fail_msg("it does not end");
        if (world_fault(w))
                fail_msg("%s", world_fault(w));
}

static enum status status_of(struct world *w, uint64_t number, const char *agent, struct rejection *ret_rejection)
{
        struct result result = {0};
        assert_true(world_results_of(w, number, agent, &result) >= 1);
        enum status status = result.status;
        if (ret_rejection)
                *ret_rejection = result.rejection;
        result_deinit(&result);
        return status;
}

/* ---- random schedules ---- */

static void random_job(struct world *w, bool duplicates)
{
        static const char *const codes[] = {"ok", "ok", "ok", "fail", "attack"};
        char code[32];
        uint64_t number = duplicates && w->job_count && world_random(w, 3) == 0 ? world_random(w, w->job_count) : w->job_count;
        const char *agent = agents[number % AGENTS];
        snprintf(code, sizeof code, "%s %llu", codes[world_random(w, 5)], (unsigned long long)world_random(w, 8000));
        switch (world_random(w, 12)) {
        case 0:
                world_bytes(w, agent, "no job at all");
                break;
        case 1:
                world_job(w, number, agent, code, ",\"colour\":\"red\"");
                break;
        case 2:
                world_job(w, number, agent, code, ",\"on_limit\":\"defer\"");
                break;
        default:
                world_job(w, number, agent, code, "");
        }
}

static void random_cancel(struct world *w)
{
        char value[256], id[UUID_TEXT_SIZE];
        uint64_t number = world_random(w, w->job_count + 3);
        world_job_id(number, id);
        snprintf(value, sizeof value, "{\"type\":\"cancel\",\"request_id\":\"c\",\"agent_id\":\"%s\",\"job_id\":\"%s\"}",
                 agents[number % AGENTS], id);
        world_control(w, agents[number % AGENTS], value);
}

static void replace_node(struct world *w, bool late)
{
        struct world_node *old = world_any_node(w);
        if (late)
                world_forget(w, old);
        else
                world_kill(w, old);
        world_join(w, world_start(w));
        if (!late)
                return;
        if (world_random(w, 2))
                old->paused_until_ms = w->clock.virtual_ms + world_random(w, 6000);
        world_run(w, world_random(w, 8000));
        if (world_random(w, 2))
                world_tell_lost(w, old);
        world_kill(w, old);
}

static void inflict(struct world *w, enum fault fault)
{
        size_t worker = (size_t)world_random(w, w->worker_count);
        switch (fault) {
        case FAULT_KILL:
        case FAULT_LATE_OWNER:
                replace_node(w, fault == FAULT_LATE_OWNER);
                break;
        case FAULT_FLUSH:
                world_redis_flush(w);
                break;
        case FAULT_REVERT:
                if (w->saved)
                        world_redis_revert(w);
                else
                        fake_redis_save(w->redis);
                w->saved = !w->saved;
                break;
        case FAULT_BOUNCE:
                world_redis_bounce(w, world_any_node(w));
                break;
        case FAULT_WORKER_LOST:
                world_kill_worker(w, worker);
                break;
        case FAULT_WORKER_PAUSED:
                w->workers[worker].paused_until_ms = w->clock.virtual_ms + world_random(w, 40000);
                break;
        case FAULT_ANSWER_LOST:
                fake_redis_drop_answer(w->redis, 1 + (unsigned)world_random(w, 20));
                break;
        case FAULT_CALL_LOST:
                fake_redis_drop_call(w->redis, 1 + (unsigned)world_random(w, 20));
                break;
        case FAULT_COMMIT:
                w->commit_failures = 1 + (unsigned)world_random(w, 3);
                break;
        case FAULT_DUPLICATE:
                random_job(w, true);
                break;
        case FAULT_COUNT:
                break;
        }
}

/* NULL: all held. */
static const char *run_schedule(uint64_t seed, unsigned faults, enum world_mutation mutation)
{
        static char found[200];
        struct world *w = new_world(seed, 1 + (int32_t)(seed % 2), 3);
        w->mutation = mutation;
        struct world_node *node = world_start(w);
        world_join_one(w, node, 0);
        world_join(w, seed % 4 < 2 ? node : world_start(w));
        for (unsigned turn = 0; turn < TURNS; turn++) {
                if (turn < TURNS / 2)
                        random_job(w, false);
                if (world_random(w, 10) == 0)
                        random_cancel(w);
                w->workers[world_random(w, w->worker_count)].worker.silent_release = world_random(w, 8) == 0;
                enum fault fault = (enum fault)world_random(w, FAULT_COUNT);
                if ((faults & 1U << fault) && world_random(w, 3) == 0)
                        inflict(w, fault);
                world_run(w, world_random(w, 3000));
        }
        fake_redis_drop_answer(w->redis, 0);
        fake_redis_drop_call(w->redis, 0);
        w->commit_failures = 0;
        const char *fault = world_settle_down(w, SETTLE_MS) ? world_fault(w) : "it does not end";
        if (fault)
                snprintf(found, sizeof found, "%s", fault);
        free_world(w);
        return fault ? found : NULL;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
        const char *text = getenv(variable);
        return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run_schedules(unsigned faults)
{
        uint64_t first = number_from("BRIG_TEST_SEED", 1), count = number_from("BRIG_TEST_SEEDS", getenv("BRIG_TEST_SEED") ? 1 : 40);
        for (uint64_t seed = first; seed < first + count; seed++) {
                const char *fault = run_schedule(seed, faults, MUTATION_NONE);
                if (fault)
                        fail_msg("BRIG_TEST_SEED=%llu: %s", (unsigned long long)seed, fault);
        }
        print_message("seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)(first + count - 1));
}

static void test_all_holds_under_every_fault_but_duplicates(void **state)
{
        (void)state;
        run_schedules(WITHOUT_DUPLICATES);
}

static void test_all_holds_with_duplicates_while_redis_keeps_its_memory(void **state)
{
        (void)state;
        run_schedules(WITHOUT_LOSS);
}

/* A rule that can be left out without anything failing is none, or is not tested. */
static void assert_mutation_is_found(enum world_mutation mutation, unsigned faults)
{
        for (uint64_t seed = 1; seed <= 200; seed++) {
                const char *fault = run_schedule(seed, faults, mutation);
                if (!fault)
                        continue;
                print_message("found with seed %llu: %s\n", (unsigned long long)seed, fault);
                return;
        }
        fail_msg("nothing failed without the rule");
}

static void test_without_replay_something_breaks(void **state)
{
        (void)state;
        assert_mutation_is_found(MUTATION_NO_REPLAY, WITHOUT_DUPLICATES);
}

static void test_replay_from_the_position_read_breaks_something(void **state)
{
        (void)state;
        assert_mutation_is_found(MUTATION_REPLAY_POSITION, WITHOUT_DUPLICATES);
}

static void test_without_asking_again_something_never_ends(void **state)
{
        (void)state;
        assert_mutation_is_found(MUTATION_NO_REASK, WITHOUT_LOSS);
}

static void test_without_restoring_snapshots_something_breaks(void **state)
{
        (void)state;
        assert_mutation_is_found(MUTATION_NO_RESTORE, WITHOUT_DUPLICATES);
}

static void test_commits_before_their_snapshots_break_something(void **state)
{
        (void)state;
        assert_mutation_is_found(MUTATION_COMMIT_FIRST, WITHOUT_DUPLICATES);
}

/* ---- rules that need an exact order of events ---- */

static bool snapshot_waits(const struct world_node *node)
{
        list_for_each (link, &node->sends) {
                const struct world_send *s = list_entry(link, struct world_send, link);
                if (!s->written && strcmp(s->send->topic, "brig.agents") == 0)
                        return true;
        }
        return false;
}

/* A late former owner's snapshot is written after the new owner's newer one, and then Redis is lost. */
static const char *snapshot_comes_late(enum world_mutation mutation)
{
        struct world *w = new_world(1, 1, 2);
        w->mutation = mutation;
        struct world_node *old = world_start(w);
        world_join(w, old);
        world_job(w, 1, "ada", "fail", "");
        while (!snapshot_waits(old))
                world_step(w);
        old->paused_until_ms = UINT64_MAX;
        world_forget(w, old);
        world_join(w, world_start(w));
        world_job(w, 2, "ada", "fail", "");
        assert_true(world_settle_down(w, SETTLE_MS));
        old->paused_until_ms = 0;
        while (snapshot_waits(old))
                world_step(w);
        world_kill(w, old);
        world_redis_flush(w);
        assert_true(world_settle_down(w, SETTLE_MS));
        const char *fault = world_fault(w);
        free_world(w);
        return fault;
}

static uint64_t settled(const struct world_node *node)
{
        return node->dispatcher.counters.results[STATUS_FAILED];
}

/* Redis is lost and restored by one dispatcher; another has not heard of it, holds a settlement that no snapshot has, and goes on. */
static const char *epoch_comes_unheard(enum world_mutation mutation)
{
        struct world *w = new_world(1, 2, 2);
        w->mutation = mutation;
        struct world_node *heard = world_start(w), *unheard = world_start(w);
        world_job(w, 1, "ada", "fail 100", "");
        world_job(w, 2, "ada", "fail 3000", "");
        int32_t partition = world_jobs_end(w, 0) ? 0 : 1;
        world_join_one(w, unheard, partition);
        world_join(w, heard);
        while (!settled(unheard))
                world_step(w);
        unheard->tick_at_ms = UINT64_MAX;
        unheard->cursors[STREAM_RESULTS][partition].held = true;
        while (world_count(w, "brig.results") < 2)
                world_step(w);
        uint64_t restores = heard->dispatcher.counters.restores + unheard->dispatcher.counters.restores;
        world_redis_flush(w);
        while (heard->dispatcher.counters.restores + unheard->dispatcher.counters.restores == restores)
                world_step(w);
        unheard->cursors[STREAM_RESULTS][partition].held = false;
        world_run(w, 1000);
        unheard->tick_at_ms = 0;
        assert_true(world_settle_down(w, SETTLE_MS));
        const char *fault = world_fault(w);
        free_world(w);
        return fault;
}

/* Redis is lost and restored by one dispatcher while another's snapshot is not in the log yet; what it commits then must be whole too. */
static void test_a_commit_needs_redis_to_confirm_the_epoch_of_its_snapshots(void **state)
{
        struct world *w = new_world(1, 2, 2);
        (void)state;
        struct world_node *heard = world_start(w), *unheard = world_start(w);
        world_job(w, 1, "ada", "fail 100", "");
        world_join_one(w, unheard, world_jobs_end(w, 0) ? 0 : 1);
        world_join(w, heard);
        while (!snapshot_waits(unheard))
                world_step(w);
        unheard->paused_until_ms = UINT64_MAX;
        unheard->tick_at_ms = UINT64_MAX;
        uint64_t restores = heard->dispatcher.counters.restores;
        world_redis_flush(w);
        while (heard->dispatcher.counters.restores == restores)
                world_step(w);
        unheard->paused_until_ms = 0;
        world_run(w, 1000);
        unheard->tick_at_ms = 0;
        assert_settles(w);
        free_world(w);
}

static void test_a_late_former_owners_snapshot_hides_none(void **state)
{
        (void)state;
        assert_null(snapshot_comes_late(MUTATION_NONE));
}

static void test_one_snapshot_key_for_all_writers_breaks_something(void **state)
{
        (void)state;
        assert_non_null(snapshot_comes_late(MUTATION_ONE_SNAPSHOT_KEY));
}

static void test_a_dispatcher_that_has_not_heard_of_the_new_epoch_changes_nothing(void **state)
{
        (void)state;
        assert_null(epoch_comes_unheard(MUTATION_NONE));
}

static void test_calls_of_an_epoch_gone_by_break_something(void **state)
{
        (void)state;
        assert_non_null(epoch_comes_unheard(MUTATION_ANY_EPOCH));
}

/* ---- single behaviours ---- */

static void test_a_job_runs_and_its_result_is_settled_and_committed(void **state)
{
        struct world *w = world_with_one_node(1);
        (void)state;
        world_job(w, 1, "ada", "ok 300", "");
        world_job(w, 2, "ada", "fail 300", "");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_SUCCEEDED);
        assert_int_equal(status_of(w, 2, "ada", NULL), STATUS_FAILED);
        assert_int_equal(world_count(w, "brig.results"), 2);
        free_world(w);
}

static void test_bytes_that_are_no_job_go_to_the_dead_letters_alone(void **state)
{
        struct world *w = world_with_one_node(2);
        (void)state;
        world_bytes(w, "ada", "{\"half\":");
        assert_settles(w);
        assert_int_equal(world_count(w, "brig.dlq"), 1);
        assert_int_equal(world_count(w, "brig.results"), 0);
        free_world(w);
}

static void test_a_dead_letter_too_large_for_its_topic_goes_without_its_value(void **state)
{
        struct span omitted;
        struct world *w = world_with_one_node(24);
        (void)state;
        w->record_bytes_max = 16;
        world_bytes(w, "ada", "{\"half\": of something that is too long");
        assert_settles(w);
        int32_t partition = fake_log_end(&w->log, "brig.dlq", 0) ? 0 : 1;
        assert_int_equal(world_count(w, "brig.dlq"), 1);
        struct kafka_record record = fake_log_read(&w->log, "brig.dlq", partition, 0);
        assert_int_equal(record.value.size, 0);
        assert_true(kafka_record_header(&record, "omitted", &omitted));
        free_world(w);
}

static void test_an_invalid_job_is_answered_and_kept_as_a_dead_letter(void **state)
{
        struct rejection rejection;
        struct world *w = world_with_one_node(3);
        (void)state;
        world_job(w, 1, "ada", "ok", ",\"langauge\":\"python\"");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", &rejection), STATUS_REJECTED);
        assert_int_equal(rejection.reason, REJECTION_INVALID);
        assert_string_equal(rejection.nearest, "language");
        assert_int_equal(world_count(w, "brig.dlq"), 1);
        free_world(w);
}

static void test_an_image_the_operator_did_not_allow_is_denied(void **state)
{
        struct rejection rejection;
        struct world *w = world_with_one_node(4);
        (void)state;
        world_job(w, 1, "ada", "ok", ",\"image\":\"evil/image\"");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", &rejection), STATUS_REJECTED);
        assert_int_equal(rejection.reason, REJECTION_DENIED);
        assert_int_equal(world_count(w, "brig.dlq"), 0);
        free_world(w);
}

static void test_a_job_beyond_the_window_is_rejected_with_a_time_to_wait(void **state)
{
        struct rejection rejection;
        struct world *w = new_world(5, 1, 2);
        (void)state;
        w->config.rates[RISK_MEDIUM].executions_per_hour = 2;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "ada", "ok", "");
        assert_settles(w);
        assert_int_equal(status_of(w, 3, "ada", &rejection), STATUS_REJECTED);
        assert_int_equal(rejection.reason, REJECTION_RATE_LIMITED);
        assert_true(rejection.retry_after_ms > 0 && rejection.retry_after_ms <= 3600000);
        free_world(w);
}

static void test_a_deferred_job_waits_for_the_window_and_runs(void **state)
{
        struct world *w = new_world(6, 1, 2);
        (void)state;
        w->config.rates[RISK_MEDIUM].executions_per_hour = 1;
        w->config.expires_default_ms = UINT64_C(7200000);
        world_join(w, world_start(w));
        world_job(w, 1, "ada", "ok", "");
        world_job(w, 2, "ada", "ok", ",\"on_limit\":\"defer\"");
        uint64_t start_ms = w->clock.virtual_ms;
        assert_settles(w);
        assert_int_equal(status_of(w, 2, "ada", NULL), STATUS_SUCCEEDED);
        assert_true(w->clock.virtual_ms - start_ms >= UINT64_C(3600000));
        free_world(w);
}

static void test_a_deferred_job_that_cannot_run_in_time_expires(void **state)
{
        struct rejection rejection;
        struct world *w = new_world(7, 1, 2);
        (void)state;
        w->config.rates[RISK_MEDIUM].executions_per_hour = 1;
        w->config.expires_default_ms = 60000;
        world_join(w, world_start(w));
        world_job(w, 1, "ada", "ok", "");
        world_job(w, 2, "ada", "ok", ",\"on_limit\":\"defer\"");
        assert_settles(w);
        assert_int_equal(status_of(w, 2, "ada", &rejection), STATUS_REJECTED);
        assert_int_equal(rejection.reason, REJECTION_EXPIRED);
        free_world(w);
}

static void test_a_job_no_worker_can_run_expires_and_says_what_was_missing(void **state)
{
        struct rejection rejection;
        struct world *w = new_world(8, 1, 0);
        (void)state;
        w->config.expires_default_ms = 60000;
        world_join(w, world_start(w));
        world_job(w, 1, "ada", "ok", ",\"metadata\":{\"n\":7}");
        assert_settles(w);
        struct result result = {0};
        assert_int_equal(world_results_of(w, 1, "ada", &result), 1);
        rejection = result.rejection;
        assert_int_equal(rejection.reason, REJECTION_EXPIRED);
        assert_non_null(strstr(rejection.message, "python"));
        assert_int_equal(json_integer_value(json_object_get(result.metadata, "n")), 7);
        result_deinit(&result);
        free_world(w);
}

static void cancel(struct world *w, uint64_t number, const char *agent)
{
        char value[256], id[UUID_TEXT_SIZE];
        world_job_id(number, id);
        snprintf(value, sizeof value, "{\"type\":\"cancel\",\"request_id\":\"c\",\"agent_id\":\"%s\",\"job_id\":\"%s\"}", agent, id);
        world_control(w, agent, value);
}

static void test_a_waiting_job_is_cancelled_without_a_run(void **state)
{
        struct world *w = new_world(9, 1, 0);
        (void)state;
        world_join(w, world_start(w));
        world_job(w, 1, "ada", "ok", "");
        world_run(w, 2000);
        cancel(w, 1, "ada");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_CANCELLED);
        assert_int_equal(world_count(w, "brig.control"), 2);
        free_world(w);
}

static void test_a_cancel_of_what_can_be_no_job_is_refused(void **state)
{
        struct world *w = world_with_one_node(27);
        (void)state;
        world_control(w, "b", "{\"type\":\"cancel\",\"request_id\":\"c\",\"agent_id\":\"b\",\"job_id\":\"of another:a\"}");
        while (world_count(w, "brig.control") < 2)
                world_step(w);
        assert_null(strstr(fake_redis_keys(w->redis), ":cancel:"));
        free_world(w);
}

static void test_a_running_job_is_cancelled_by_its_worker(void **state)
{
        struct world *w = world_with_one_node(10);
        (void)state;
        world_job(w, 1, "ada", "ok 60000", "");
        world_run(w, 3000);
        cancel(w, 1, "ada");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_CANCELLED);
        free_world(w);
}

static void test_a_cancel_ahead_of_its_job_holds(void **state)
{
        struct world *w = world_with_one_node(11);
        (void)state;
        cancel(w, 1, "ada");
        world_run(w, 2000);
        world_job(w, 1, "ada", "ok", "");
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_CANCELLED);
        free_world(w);
}

static void test_a_job_that_kills_its_workers_ends_as_an_error_and_a_dead_letter(void **state)
{
        struct world *w = world_with_one_node(12);
        (void)state;
        world_job(w, 1, "ada", "ok 100000", "");
        for (unsigned n = 0; n < 200; n++) {
                world_run(w, 2000);
                for (size_t k = 0; k < w->worker_count; k++)
                        if (fake_worker_runs(&w->workers[k].worker))
                                world_kill_worker(w, k);
        }
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_ERROR);
        assert_int_equal(world_count(w, "brig.dlq"), 1);
        free_world(w);
}

static void test_attacks_quarantine_the_agent_and_end_what_it_has_queued(void **state)
{
        struct rejection rejection;
        struct world *w = new_world(13, 1, 1);
        (void)state;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 6; n++)
                world_job(w, n, "eve", "attack 500", "");
        assert_settles(w);
        unsigned killed = 0, quarantined = 0;
        for (uint64_t n = 1; n <= 6; n++) {
                killed += status_of(w, n, "eve", &rejection) == STATUS_KILLED;
                quarantined += rejection.reason == REJECTION_QUARANTINED;
        }
        assert_true(killed >= 3 && quarantined >= 1); /* one may start before the third is settled */
        assert_int_equal(killed + quarantined, 6);
        assert_true(world_count(w, "brig.alerts") >= 1);
        free_world(w);
}

static void test_a_quarantine_is_told_though_its_dispatcher_died_before(void **state)
{
        struct world *w = new_world(26, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        w->commits_silent = UINT_MAX;
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "eve", "attack 500", "");
        while (!node->dispatcher.counters.quarantines)
                world_step(w);
        world_kill(w, node);
        fake_log_make_anew(&w->log, "brig.alerts");
        w->commits_silent = 0;
        world_join(w, world_start(w));
        assert_settles(w);
        assert_true(world_count(w, "brig.alerts") >= 1);
        free_world(w);
}

static bool blocked_modules_quarantine(char *classes)
{
        struct rejection rejection;
        struct world *w = new_world(25, 1, 1);
        w->config.trust.quarantine_classes = classes;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "eve", "blocked 500", "");
        assert_settles(w);
        world_job(w, 4, "eve", "ok", "");
        assert_settles(w);
        bool quarantined = status_of(w, 4, "eve", &rejection) == STATUS_REJECTED && rejection.reason == REJECTION_QUARANTINED;
        free_world(w);
        return quarantined;
}

static void test_only_the_configured_classes_of_violations_quarantine(void **state)
{
        static char attack[] = "attack", both[] = "policy attack";
        (void)state;
        assert_false(blocked_modules_quarantine(attack));
        assert_true(blocked_modules_quarantine(both));
}

static void test_quarantine_outlives_the_loss_of_redis(void **state)
{
        struct rejection rejection;
        struct world *w = new_world(14, 1, 1);
        (void)state;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "eve", "attack 500", "");
        assert_settles(w);
        world_redis_flush(w);
        world_job(w, 4, "eve", "ok", "");
        assert_settles(w);
        assert_int_equal(status_of(w, 4, "eve", &rejection), STATUS_REJECTED);
        assert_int_equal(rejection.reason, REJECTION_QUARANTINED);
        free_world(w);
}

static void test_an_operator_lifts_a_quarantine_for_good(void **state)
{
        struct world *w = new_world(15, 1, 1);
        (void)state;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "eve", "attack 500", "");
        assert_settles(w);
        world_control(w, "eve", "{\"type\":\"agent\",\"request_id\":\"q\",\"agent_id\":\"eve\",\"quarantined\":false}");
        world_run(w, 2000);
        world_redis_flush(w);
        world_job(w, 4, "eve", "ok", "");
        assert_settles(w);
        assert_int_equal(status_of(w, 4, "eve", NULL), STATUS_SUCCEEDED);
        free_world(w);
}

static void test_nothing_is_admitted_while_redis_is_away(void **state)
{
        struct world *w = new_world(16, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        world_run(w, 2000);
        fake_redis_disconnect(w->redis, node->redis);
        dispatcher_redis_down(&node->dispatcher);
        world_job(w, 1, "ada", "ok", "");
        world_run(w, 20000);
        assert_int_equal(node->dispatcher.counters.jobs_read, 0);
        fake_redis_connect(w->redis, node->redis);
        dispatcher_redis_up(&node->dispatcher);
        assert_settles(w);
        assert_int_equal(status_of(w, 1, "ada", NULL), STATUS_SUCCEEDED);
        free_world(w);
}

static void test_a_dispatcher_that_leaves_has_committed_all_that_is_settled(void **state)
{
        struct world *w = new_world(17, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        world_job(w, 1, "ada", "ok", "");
        world_run(w, 1500);
        while (world_count(w, "brig.results") == 0)
                world_run(w, 10);
        world_run(w, 100);
        world_leave(w, node);
        assert_int_equal(w->committed[0].offset, 1);
        assert_string_equal(w->committed[0].metadata, "r=1");
        free_world(w);
}

static void test_a_committed_offset_that_was_purged_begins_at_the_first_record_there_is(void **state)
{
        struct world *w = new_world(18, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        world_job(w, 1, "ada", "ok", "");
        assert_settles(w);
        for (uint64_t n = 2; n <= 4; n++)
                world_job(w, n, "ada", "ok", "");
        node->cursors[STREAM_JOBS][0].offset = 3;
        dispatcher_purged(&node->dispatcher, STREAM_JOBS, 0);
        assert_true(world_settle_down(w, SETTLE_MS));
        assert_int_equal(status_of(w, 4, "ada", NULL), STATUS_SUCCEEDED);
        assert_int_equal(world_results_of(w, 2, "ada", NULL), 0);
        free_world(w);
}

static void test_results_made_anew_are_settled_all_the_same(void **state)
{
        struct world *w = new_world(23, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        for (uint64_t n = 1; n <= 3; n++)
                world_job(w, n, "ada", "ok", "");
        assert_settles(w);
        fake_log_make_anew(&w->log, "brig.results");
        world_job(w, 4, "ada", "ok", "");
        assert_true(world_settle_down(w, SETTLE_MS));
        world_kill(w, node);
        fake_log_make_anew(&w->log, "brig.results");
        world_join(w, world_start(w));
        world_job(w, 5, "ada", "ok", "");
        assert_true(world_settle_down(w, SETTLE_MS));
        assert_int_equal(status_of(w, 5, "ada", NULL), STATUS_SUCCEEDED);
        assert_true(world_count(w, "brig.alerts") >= 2);
        free_world(w);
}

static void test_a_commit_that_is_never_answered_stops_nothing_for_good(void **state)
{
        struct world *w = new_world(22, 1, 1);
        (void)state;
        world_join(w, world_start(w));
        w->commits_silent = 1;
        world_job(w, 1, "ada", "ok", "");
        assert_settles(w);
        assert_int_equal(w->commits_silent, 0);
        free_world(w);
}

/* As it is after lack of memory: nothing waits whose end would let it come again. */
static void test_a_result_that_was_refused_with_nothing_before_it_comes_again(void **state)
{
        struct world *w = new_world(21, 1, 1);
        (void)state;
        struct world_node *node = world_start(w);
        world_join(w, node);
        world_job(w, 1, "ada", "ok", "");
        assert_settles(w);
        node->dispatcher.partitions[0].settlements.held = true;
        node->cursors[STREAM_RESULTS][0].held = true;
        world_job(w, 2, "ada", "ok", "");
        assert_settles(w);
        free_world(w);
}

static void test_a_flood_of_one_agent_leaves_the_other_its_turn(void **state)
{
        struct world *w = new_world(19, 1, 1);
        (void)state;
        world_join(w, world_start(w));
        for (uint64_t n = 1; n <= 100; n++)
                world_job(w, n, "eve", "ok 1000", "");
        world_job(w, 200, "ada", "ok 100", "");
        world_run(w, 20000);
        assert_int_equal(world_results_of(w, 200, "ada", NULL), 1);
        free_world(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_job_runs_and_its_result_is_settled_and_committed),
                        cmocka_unit_test(test_bytes_that_are_no_job_go_to_the_dead_letters_alone),
                        cmocka_unit_test(test_a_dead_letter_too_large_for_its_topic_goes_without_its_value),
                        cmocka_unit_test(test_an_invalid_job_is_answered_and_kept_as_a_dead_letter),
                        cmocka_unit_test(test_an_image_the_operator_did_not_allow_is_denied),
                        cmocka_unit_test(test_a_job_beyond_the_window_is_rejected_with_a_time_to_wait),
                        cmocka_unit_test(test_a_deferred_job_waits_for_the_window_and_runs),
                        cmocka_unit_test(test_a_deferred_job_that_cannot_run_in_time_expires),
                        cmocka_unit_test(test_a_job_no_worker_can_run_expires_and_says_what_was_missing),
                        cmocka_unit_test(test_a_waiting_job_is_cancelled_without_a_run),
                        cmocka_unit_test(test_a_cancel_of_what_can_be_no_job_is_refused),
                        cmocka_unit_test(test_a_running_job_is_cancelled_by_its_worker),
                        cmocka_unit_test(test_a_cancel_ahead_of_its_job_holds),
                        cmocka_unit_test(test_a_job_that_kills_its_workers_ends_as_an_error_and_a_dead_letter),
                        cmocka_unit_test(test_attacks_quarantine_the_agent_and_end_what_it_has_queued),
                        cmocka_unit_test(test_a_quarantine_is_told_though_its_dispatcher_died_before),
                        cmocka_unit_test(test_only_the_configured_classes_of_violations_quarantine),
                        cmocka_unit_test(test_quarantine_outlives_the_loss_of_redis),
                        cmocka_unit_test(test_an_operator_lifts_a_quarantine_for_good),
                        cmocka_unit_test(test_nothing_is_admitted_while_redis_is_away),
                        cmocka_unit_test(test_a_dispatcher_that_leaves_has_committed_all_that_is_settled),
                        cmocka_unit_test(test_a_committed_offset_that_was_purged_begins_at_the_first_record_there_is),
                        cmocka_unit_test(test_a_result_that_was_refused_with_nothing_before_it_comes_again),
                        cmocka_unit_test(test_results_made_anew_are_settled_all_the_same),
                        cmocka_unit_test(test_a_commit_that_is_never_answered_stops_nothing_for_good),
                        cmocka_unit_test(test_a_flood_of_one_agent_leaves_the_other_its_turn),
                        cmocka_unit_test(test_all_holds_under_every_fault_but_duplicates),
                        cmocka_unit_test(test_all_holds_with_duplicates_while_redis_keeps_its_memory),
                        cmocka_unit_test(test_without_replay_something_breaks),
                        cmocka_unit_test(test_replay_from_the_position_read_breaks_something),
                        cmocka_unit_test(test_without_asking_again_something_never_ends),
                        cmocka_unit_test(test_a_commit_needs_redis_to_confirm_the_epoch_of_its_snapshots),
                        cmocka_unit_test(test_a_late_former_owners_snapshot_hides_none),
                        cmocka_unit_test(test_one_snapshot_key_for_all_writers_breaks_something),
                        cmocka_unit_test(test_without_restoring_snapshots_something_breaks),
                        cmocka_unit_test(test_commits_before_their_snapshots_break_something),
                        cmocka_unit_test(test_a_dispatcher_that_has_not_heard_of_the_new_epoch_changes_nothing),
                        cmocka_unit_test(test_calls_of_an_epoch_gone_by_break_something),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
