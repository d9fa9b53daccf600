/* A whole worker in virtual time: the real gate on a fake Redis, fake sandboxes, a log in memory for Kafka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/worker_world.h"

static const uint64_t LEASE_MS = 15000;

static void expect_status(struct worker_world *world, const char *job_id, const char *status)
{
        json_t *result = worker_world_result(world, job_id);
        assert_non_null(result);
        assert_string_equal(json_string_value(json_object_get(result, "status")), status);
        json_decref(result);
}

static json_int_t attempt_of(struct worker_world *world, const char *job_id)
{
        json_t *result = worker_world_result(world, job_id);
        assert_non_null(result);
        json_int_t attempt = json_integer_value(json_object_get(result, "attempt"));
        json_decref(result);
        return attempt;
}

static void expect_header(const struct kafka_record *record, const char *name, const char *value)
{
        struct span found;
        assert_true(kafka_record_header(record, name, &found));
        assert_int_equal(found.size, strlen(value));
        assert_memory_equal(found.data, value, found.size);
}

/* ---- the ordinary way ---- */

static void test_job_is_run_reported_and_completed(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 1000", 0);
        worker_world_pass(&world, 3000);
        assert_int_equal(worker_world_results(&world), 1);
        expect_status(&world, job, "succeeded");
        assert_int_equal(attempt_of(&world, job), 1);
        assert_int_equal(fake_log_end(&world.kafka, "brig.audit", 0), 1);
        assert_true(worker_world_idle(&world));
        assert_string_equal(fake_redis_ask(world.redis, "GET", "{brig}:done:00000000-0000-4000-8000-000000000000:a"), "0 0");
        worker_world_deinit(&world);
}

static void test_record_carries_its_origin_and_cloudevents_headers(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        worker_world_submit(&world, "a", "run 10", 0);
        const char *job = worker_world_submit(&world, "a", "run 100", 0);
        worker_world_pass(&world, 2000);
        struct kafka_record record = worker_world_result_record(&world, 1);
        expect_header(&record, "job_id", job);
        expect_header(&record, "req_partition", "0");
        expect_header(&record, "req_offset", "1");
        expect_header(&record, "attempt", "1");
        expect_header(&record, "ce_type", "brig.result");
        expect_header(&record, "ce_source", "/brig/worker/w0");
        expect_header(&record, "content-type", "application/json");
        worker_world_deinit(&world);
}

static void test_more_jobs_than_slots_all_run(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        for (int n = 0; n < 10; n++)
                worker_world_submit(&world, n % 2 ? "a" : "b", "run 500", 0);
        worker_world_pass(&world, 400);
        assert_int_equal(world.started, 4);
        worker_world_pass(&world, 4000);
        assert_int_equal(worker_world_results(&world), 10);
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static void test_long_job_keeps_its_lease(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 100000", 0);
        worker_world_pass(&world, 102000);
        expect_status(&world, job, "succeeded");
        assert_int_equal(world.started, 1);
        worker_world_deinit(&world);
}

static void test_large_record_is_read_from_kafka(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 100", GATE_PAYLOAD_MAX);
        worker_world_pass(&world, 2000);
        expect_status(&world, job, "succeeded");
        worker_world_deinit(&world);
}

static void test_lost_large_record_ends_in_an_error(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        world.workers[0].paused = true;
        const char *job = worker_world_submit(&world, "a", "run 100", GATE_PAYLOAD_MAX);
        world.kafka.topics[0].partitions[0].count = 0;
        world.workers[0].paused = false;
        worker_world_pass(&world, 3000);
        world.kafka.topics[0].partitions[0].count = 1;
        expect_status(&world, job, "error");
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static void test_record_that_cannot_be_read_ends_in_an_error(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        world.workers[0].config.language_count = 0; /* this worker knows no python */
        const char *job = worker_world_submit(&world, "a", "run 100", 0);
        worker_world_pass(&world, 3000);
        expect_status(&world, job, "error");
        worker_world_deinit(&world);
}

/* ---- leases ---- */

static void test_lost_lease_kills_the_run_and_publishes_nothing(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 2000);
        assert_int_equal(world.started, 1);
        fake_redis_flush(world.redis);
        worker_world_restore(&world);
        assert_int_equal(world.killed, 1);
        assert_int_equal(worker_world_results(&world), 0);
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static struct assignment *only_assignment(struct worker_world *world)
{
        struct list *assignments = &world->workers[0].worker.assignments;
        assert_false(list_empty(assignments));
        return list_entry(assignments->next, struct assignment, link);
}

static void test_lost_lease_ends_the_run_at_the_next_renewal(void **state)
{
        struct worker_world world;
        char key[128];
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        snprintf(key, sizeof key, "{brig}:job:%s:a", job);
        fake_redis_ask(world.redis, "HINCRBY", key, "fence", "1");
        worker_world_pass(&world, LEASE_MS / 3);
        assert_int_equal(world.killed, 1);
        assert_int_equal(worker_world_results(&world), 0);
        assert_int_equal(world.workers[0].worker.count, 0);
        worker_world_deinit(&world);
}

static void test_deadline_counts_from_when_the_renewal_was_sent(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        struct assignment *assignment = only_assignment(&world);
        uint64_t sent_ms = world.clock.virtual_ms;
        assignment_check(assignment);
        world.clock.virtual_ms += 3000; /* the answer is slow */
        fake_redis_pump_all(world.redis);
        assert_int_equal(lease_deadline_ms(&assignment->lease), sent_ms + LEASE_MS * 8 / 10);
        assert_int_equal(assignment->run.deadline_ms, sent_ms + LEASE_MS * 8 / 10);
        worker_world_deinit(&world);
}

static void test_hint_during_a_renewal_is_followed_by_another(void **state)
{
        struct worker_world world;
        uint64_t due_ms = 0;
        (void)state;
        worker_world_init(&world, 1);
        worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        assignment_check(only_assignment(&world));
        assignment_check(only_assignment(&world));
        fake_redis_pump_all(world.redis);
        assert_true(alarms_next(&world.workers[0].alarms, &due_ms));
        assert_int_equal(due_ms, world.clock.virtual_ms);
        worker_world_deinit(&world);
}

static void test_redis_down_ends_the_run_inside_its_lease(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 20000", 0);
        worker_world_pass(&world, 2000);
        fake_redis_disconnect(world.redis, world.workers[0].port);
        worker_world_pass(&world, LEASE_MS * 8 / 10 - 2000 - 200);
        assert_int_equal(worker_world_executing(&world, job), 1);
        worker_world_pass(&world, 400);
        assert_int_equal(worker_world_executing(&world, job), 0);
        assert_int_equal(worker_world_results(&world), 0);
        fake_redis_connect(world.redis, world.workers[0].port);
        worker_wake(&world.workers[0].worker);
        worker_world_pass(&world, 60000);
        expect_status(&world, job, "succeeded");
        assert_int_equal(attempt_of(&world, job), 2);
        worker_world_deinit(&world);
}

static void test_redis_down_for_a_moment_changes_nothing(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 20000", 0);
        worker_world_pass(&world, 4000);
        fake_redis_disconnect(world.redis, world.workers[0].port);
        worker_world_pass(&world, 5000);
        fake_redis_connect(world.redis, world.workers[0].port);
        worker_world_pass(&world, 20000);
        expect_status(&world, job, "succeeded");
        assert_int_equal(attempt_of(&world, job), 1);
        assert_int_equal(world.started, 1);
        worker_world_deinit(&world);
}

static void test_job_of_a_silent_worker_runs_elsewhere_and_the_late_one_changes_nothing(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 2);
        world.workers[1].paused = true;
        const char *job = worker_world_submit(&world, "a", "run 3000", 0);
        worker_world_pass(&world, 1000);
        assert_int_equal(worker_world_executing(&world, job), 1);
        world.workers[0].paused = true;
        world.workers[1].paused = false;
        worker_world_pass(&world, LEASE_MS + 6000);
        assert_int_equal(worker_world_results(&world), 1);
        assert_int_equal(attempt_of(&world, job), 2);
        world.workers[0].paused = false;
        worker_world_pass(&world, 5000);
        assert_int_equal(worker_world_results(&world), 1);
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static void test_record_of_a_late_worker_comes_second_and_completes_nothing(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 2);
        world.workers[1].paused = true;
        world.ack_delay_ms = LEASE_MS * 2;
        const char *job = worker_world_submit(&world, "a", "run 1000", 0);
        worker_world_pass(&world, 2000); /* its record is in the log, and the report is on its way */
        assert_int_equal(worker_world_results(&world), 1);
        world.workers[0].paused = true;
        world.workers[1].paused = false;
        world.ack_delay_ms = 0;
        worker_world_pass(&world, LEASE_MS + 6000);
        assert_int_equal(worker_world_results(&world), 2);
        world.workers[0].paused = false;
        worker_world_pass(&world, LEASE_MS * 2);
        assert_string_equal(fake_redis_ask(world.redis, "GET", "{brig}:done:00000000-0000-4000-8000-000000000000:a"), "0 1");
        assert_int_equal(attempt_of(&world, job), 1);
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

/* ---- cancel ---- */

static void test_cancelled_run_is_ended_at_once_and_published(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        worker_world_cancel(&world, "a", job);
        worker_world_pass(&world, 200);
        expect_status(&world, job, "cancelled");
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static void test_cancel_without_its_hint_is_seen_by_the_next_renewal(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        fake_redis_on_message(world.redis, NULL, NULL);
        worker_world_cancel(&world, "a", job);
        worker_world_pass(&world, LEASE_MS / 3);
        expect_status(&world, job, "cancelled");
        worker_world_deinit(&world);
}

/* ---- what is down ---- */

static void test_nothing_is_claimed_while_results_cannot_be_published(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        world.sink_down = true;
        const char *job = worker_world_submit(&world, "a", "run 100", 0);
        worker_world_pass(&world, 10000);
        assert_int_equal(world.started, 0);
        world.sink_down = false;
        worker_world_pass(&world, 4000);
        expect_status(&world, job, "succeeded");
        worker_world_deinit(&world);
}

static void test_nothing_is_claimed_without_an_engine(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        world.workers[0].engine_down = true;
        const char *job = worker_world_submit(&world, "a", "run 100", 0);
        worker_world_pass(&world, 10000);
        assert_string_equal(fake_redis_ask(world.redis, "ZCARD", "{brig}:leases"), "0");
        world.workers[0].engine_down = false;
        worker_world_pass(&world, 4000);
        assert_int_equal(attempt_of(&world, job), 1);
        worker_world_deinit(&world);
}

static void test_result_waits_for_kafka_under_its_lease(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 1000", 0);
        worker_world_pass(&world, 500);
        world.sink_down = true;
        worker_world_pass(&world, LEASE_MS * 4);
        assert_int_equal(worker_world_results(&world), 0);
        world.sink_down = false;
        world.ack_delay_ms = LEASE_MS * 2;
        worker_world_pass(&world, LEASE_MS * 3);
        assert_int_equal(worker_world_results(&world), 1);
        assert_int_equal(attempt_of(&world, job), 1);
        assert_int_equal(world.started, 1);
        assert_true(worker_world_idle(&world));
        worker_world_deinit(&world);
}

static void test_job_that_was_not_started_goes_back_uncounted(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "refuse", 0);
        worker_world_pass(&world, 6000);
        assert_int_equal(worker_world_results(&world), 0);
        char key[128];
        snprintf(key, sizeof key, "{brig}:job:%s:a", job);
        assert_in_range(strtoul(fake_redis_ask(world.redis, "HGET", key, "released"), NULL, 10), 3, 8); /* with a pause between */
        assert_string_equal(fake_redis_ask(world.redis, "HGET", key, "attempt"), "0");
        worker_world_deinit(&world);
}

static void test_interrupted_job_runs_again_until_its_attempts_are_over(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        worker_world_submit(&world, "a", "break 500", 0);
        worker_world_pass(&world, 10000);
        assert_int_equal(world.started, 3);
        assert_int_equal(worker_world_results(&world), 0);
        assert_string_equal(fake_redis_ask(world.redis, "ZCARD", "{brig}:dead"), "1");
        worker_world_deinit(&world);
}

static void test_engine_lost_in_a_run_gives_the_job_back_counted(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        const char *job = worker_world_submit(&world, "a", "run 5000", 0);
        worker_world_pass(&world, 1000);
        world.workers[0].engine_down = true;
        worker_world_pass(&world, 1000);
        assert_string_equal(fake_redis_ask(world.redis, "ZCARD", "{brig}:leases"), "0");
        world.workers[0].engine_down = false;
        worker_world_pass(&world, 9000);
        assert_int_equal(attempt_of(&world, job), 2);
        worker_world_deinit(&world);
}

/* ---- drain ---- */

static void drained(void *data)
{
        ((struct world_worker *)data)->drained = true;
}

static void test_drain_finishes_what_can_end_and_gives_back_the_rest(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        struct world_worker *w = &world.workers[0];
        char quick[UUID_TEXT_SIZE];
        snprintf(quick, sizeof quick, "%s", worker_world_submit(&world, "a", "run 5000", 0));
        const char *slow = worker_world_submit(&world, "a", "run 60000", 0);
        worker_world_pass(&world, 1000);
        worker_drain(&w->worker, 10000, drained, w);
        char key[128];
        snprintf(key, sizeof key, "{brig}:job:%s:a", slow);
        worker_world_pass(&world, 9000);
        expect_status(&world, quick, "succeeded");
        assert_false(w->drained);
        worker_world_pass(&world, 1500);
        assert_true(w->drained);
        assert_int_equal(worker_world_results(&world), 1);
        assert_string_equal(fake_redis_ask(world.redis, "HGET", key, "state"), "queued");
        assert_string_equal(fake_redis_ask(world.redis, "HGET", key, "attempt"), "1");
        worker_world_deinit(&world);
}

static void test_drained_worker_claims_nothing(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        struct world_worker *w = &world.workers[0];
        worker_drain(&w->worker, 10000, drained, w);
        worker_world_pass(&world, 100);
        assert_true(w->drained);
        worker_world_submit(&world, "a", "run 100", 0);
        worker_world_pass(&world, 10000);
        assert_int_equal(world.started, 0);
        worker_world_deinit(&world);
}

static void test_drain_ends_although_kafka_is_away(void **state)
{
        struct worker_world world;
        (void)state;
        worker_world_init(&world, 1);
        struct world_worker *w = &world.workers[0];
        worker_world_submit(&world, "a", "run 1000", 0);
        worker_world_pass(&world, 500);
        world.sink_down = true;
        worker_world_pass(&world, 2000);
        worker_drain(&w->worker, 3000, drained, w);
        worker_world_pass(&world, 7500);
        assert_false(w->drained);
        worker_world_pass(&world, 1000);
        assert_true(w->drained);
        worker_world_deinit(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_job_is_run_reported_and_completed),
                        cmocka_unit_test(test_record_carries_its_origin_and_cloudevents_headers),
                        cmocka_unit_test(test_more_jobs_than_slots_all_run),
                        cmocka_unit_test(test_long_job_keeps_its_lease),
                        cmocka_unit_test(test_large_record_is_read_from_kafka),
                        cmocka_unit_test(test_lost_large_record_ends_in_an_error),
                        cmocka_unit_test(test_record_that_cannot_be_read_ends_in_an_error),
                        cmocka_unit_test(test_lost_lease_kills_the_run_and_publishes_nothing),
                        cmocka_unit_test(test_lost_lease_ends_the_run_at_the_next_renewal),
                        cmocka_unit_test(test_deadline_counts_from_when_the_renewal_was_sent),
                        cmocka_unit_test(test_hint_during_a_renewal_is_followed_by_another),
                        cmocka_unit_test(test_redis_down_ends_the_run_inside_its_lease),
                        cmocka_unit_test(test_redis_down_for_a_moment_changes_nothing),
                        cmocka_unit_test(test_job_of_a_silent_worker_runs_elsewhere_and_the_late_one_changes_nothing),
                        cmocka_unit_test(test_record_of_a_late_worker_comes_second_and_completes_nothing),
                        cmocka_unit_test(test_cancelled_run_is_ended_at_once_and_published),
                        cmocka_unit_test(test_cancel_without_its_hint_is_seen_by_the_next_renewal),
                        cmocka_unit_test(test_nothing_is_claimed_while_results_cannot_be_published),
                        cmocka_unit_test(test_nothing_is_claimed_without_an_engine),
                        cmocka_unit_test(test_result_waits_for_kafka_under_its_lease),
                        cmocka_unit_test(test_job_that_was_not_started_goes_back_uncounted),
                        cmocka_unit_test(test_interrupted_job_runs_again_until_its_attempts_are_over),
                        cmocka_unit_test(test_engine_lost_in_a_run_gives_the_job_back_counted),
                        cmocka_unit_test(test_drain_finishes_what_can_end_and_gives_back_the_rest),
                        cmocka_unit_test(test_drained_worker_claims_nothing),
                        cmocka_unit_test(test_drain_ends_although_kafka_is_away),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
