/* Two workers under random faults, in virtual time: answers and calls lost, links cut, Redis restarted, Kafka away, processes
 * stopped. BRIG_TEST_SEED names the first seed, BRIG_TEST_RUNS how many follow. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/worker_world.h"

enum { JOBS = 24, FAULTY_TURNS = 400, TURN_MS = 200, QUIET_MS = 400000, RUNS = 40 };

struct trial {
        struct worker_world world;
        uint64_t random;
        char jobs[JOBS][UUID_TEXT_SIZE];
        size_t job_count;
};

static uint32_t below(struct trial *t, uint32_t bound)
{
        t->random = t->random * 6364136223846793005U + 1442695040888963407U;
        return (uint32_t)(t->random >> 33) % bound;
}

static void submit(struct trial *t)
{
        char code[32], agent[8];
        snprintf(code, sizeof code, "%s %u", below(t, 8) ? "run" : "break", 100 + below(t, 20000));
        snprintf(agent, sizeof agent, "a%u", below(t, 3));
        size_t padding = below(t, 6) ? 0 : GATE_PAYLOAD_MAX;
        snprintf(t->jobs[t->job_count++], UUID_TEXT_SIZE, "%s", worker_world_submit(&t->world, agent, code, padding));
}

static void toggle_link(struct trial *t)
{
        struct world_worker *w = &t->world.workers[below(t, 2)];
        if (below(t, 2))
                fake_redis_disconnect(t->world.redis, w->port);
        else
                fake_redis_connect(t->world.redis, w->port);
}

static void restart_redis(struct trial *t)
{
        fake_redis_restart(t->world.redis);
        worker_world_restore(&t->world);
}

static void fault(struct trial *t)
{
        struct worker_world *world = &t->world;
        switch (below(t, 40)) {
        case 0:
                fake_redis_drop_answer(world->redis, 1 + below(t, 8));
                break;
        case 1:
                fake_redis_drop_call(world->redis, 1 + below(t, 8));
                break;
        case 2:
        case 3:
                toggle_link(t);
                break;
        case 4:
                world->sink_down = below(t, 2);
                break;
        case 5:
                world->ack_delay_ms = UINT64_C(8000) * below(t, 3);
                break;
        case 6:
        case 7:
                world->workers[below(t, 2)].paused = below(t, 3) == 0;
                break;
        case 8:
                world->workers[below(t, 2)].engine_down = below(t, 3) == 0;
                break;
        case 9:
                if (below(t, 10) == 0)
                        restart_redis(t);
                break;
        default:
                break;
        }
}

static void heal(struct trial *t)
{
        struct worker_world *world = &t->world;
        world->sink_down = false;
        world->ack_delay_ms = 0;
        for (size_t i = 0; i < world->worker_count; i++) {
                fake_redis_connect(world->redis, world->workers[i].port);
                world->workers[i].paused = world->workers[i].engine_down = false;
        }
}

/* The switch in the sandbox, not the worker's good will, sees to it. */
static void expect_one_execution_of_each(struct trial *t)
{
        for (size_t i = 0; i < t->job_count; i++)
                if (worker_world_executing(&t->world, t->jobs[i]) > 1)
                        fail_msg("job %s runs twice at %" PRIu64, t->jobs[i], t->world.clock.virtual_ms);
}

static bool is_over(struct trial *t, const char *job_id)
{
        json_t *result = worker_world_result(&t->world, job_id);
        json_decref(result);
        if (result)
                return true;
        for (int agent = 0; agent < 3; agent++) {
                char ref[64];
                snprintf(ref, sizeof ref, "%s:a%d", job_id, agent);
                if (fake_redis_ask(t->world.redis, "ZSCORE", "{brig}:dead", ref)[0])
                        return true;
        }
        return false;
}

static void expect_every_job_over(struct trial *t)
{
        for (size_t i = 0; i < t->job_count; i++)
                if (!is_over(t, t->jobs[i]))
                        fail_msg("job %s has neither a record nor died", t->jobs[i]);
        assert_true(worker_world_idle(&t->world));
}

static void try_seed(uint64_t seed)
{
        struct trial t = {.random = seed};
        worker_world_init(&t.world, 2);
        for (int turn = 0; turn < FAULTY_TURNS; turn++) {
                if (t.job_count < JOBS && below(&t, 8) == 0)
                        submit(&t);
                fault(&t);
                worker_world_pass(&t.world, TURN_MS);
                expect_one_execution_of_each(&t);
        }
        heal(&t);
        for (int turn = 0; turn < QUIET_MS / 1000 && !(turn > 60 && worker_world_idle(&t.world)); turn++) {
                worker_world_pass(&t.world, 1000);
                expect_one_execution_of_each(&t);
        }
        expect_every_job_over(&t);
        worker_world_deinit(&t.world);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);
        return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_every_job_ends_and_none_runs_twice_at_once(void **state)
{
        uint64_t seed = setting("BRIG_TEST_SEED", (uint64_t)time(NULL));
        uint64_t runs = setting("BRIG_TEST_RUNS", RUNS);
        (void)state;
        for (uint64_t i = 0; i < runs; i++) {
                printf("seed %" PRIu64 "\n", seed + i);
                try_seed(seed + i);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_job_ends_and_none_runs_twice_at_once)};
        setvbuf(stdout, NULL, _IOLBF, 0);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
