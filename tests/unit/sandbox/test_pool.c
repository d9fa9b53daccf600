/* When containers are started to be kept waiting, in virtual time. No engine: nothing is started here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/sandbox/pool.h"

struct world {
        uv_loop_t loop;
        struct clock clock;
        struct log log;
        struct slot_host host;
        struct pool pool;
        struct slot_want want;
};

static void closed(struct slot *slot)
{
        (void)slot;
}

static void open_world(struct world *world)
{
        struct error e;
        *world = (struct world){.clock = clock_virtual(1000), .want = {.image_id = "sha256:1"}};
        world->log = (struct log){.clock = &world->clock, .fd = -1};
        world->host.log = &world->log;
        world->host.closed = closed;
        uv_loop_init(&world->loop);
        assert_int_equal(pool_open(&world->pool, &world->host, &world->clock, &world->loop, 2, 1, &e), 0);
        demand_note(&world->pool.demand, &world->want, 1000);
}

static void close_world(struct world *world)
{
        pool_close_slots(&world->pool);
        uv_run(&world->loop, UV_RUN_DEFAULT);
        uv_loop_close(&world->loop);
        pool_free(&world->pool);
}

static void let_one_wait(struct world *world)
{
        world->pool.slots[0]->want = world->want;
        world->pool.slots[0]->state.now = SLOT_WAITING;
}

static void test_a_missing_container_is_not_started_at_once(void **state)
{
        (void)state;
        struct world world;
        open_world(&world);
        uint64_t wait_ms = pool_warm(&world.pool);
        assert_in_range(wait_ms, 2, 1000);
        world.clock.virtual_ms += wait_ms - 1;
        assert_int_equal(pool_warm(&world.pool), 1);
        close_world(&world);
}

static void test_the_wait_begins_anew_when_none_was_missing(void **state)
{
        (void)state;
        struct world world;
        open_world(&world);
        uint64_t wait_ms = pool_warm(&world.pool);
        let_one_wait(&world);
        assert_int_equal(pool_warm(&world.pool), UINT64_MAX);
        world.clock.virtual_ms += 2 * wait_ms;
        world.pool.slots[0]->state.now = SLOT_SERVING;
        world.pool.slots[0]->server = &world;
        assert_int_equal(pool_warm(&world.pool), wait_ms);
        close_world(&world);
}

static void test_a_retiring_container_hurries_when_its_slot_is_wanted(void **state)
{
        (void)state;
        struct world world;
        struct slot *slot = NULL;
        open_world(&world);
        for (size_t i = 0; i < world.pool.count; i++) {
                world.pool.slots[i]->state.now = SLOT_SERVING;
                world.pool.slots[i]->server = &world;
        }
        slot_retire(world.pool.slots[1]);
        world.pool.slots[1]->server = NULL;
        assert_true(uv_timer_get_due_in(&world.pool.slots[1]->timer) > 0);
        assert_int_equal(pool_choose(&world.pool, &world.want, &slot), POOL_NONE);
        assert_int_equal(uv_timer_get_due_in(&world.pool.slots[1]->timer), 0);
        close_world(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_missing_container_is_not_started_at_once),
                        cmocka_unit_test(test_the_wait_begins_anew_when_none_was_missing),
                        cmocka_unit_test(test_a_retiring_container_hurries_when_its_slot_is_wanted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
