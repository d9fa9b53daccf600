/* The transition tables of slots and runs: no way around what must happen, and a way out of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/sandbox/run.h"

static bool may(const struct state *table, unsigned from, unsigned to)
{
        return table[from].next & 1U << to;
}

/* States reachable from `from` without passing `avoided`. */
static uint32_t reachable(const struct state *table, unsigned count, unsigned from, unsigned avoided)
{
        uint32_t seen = 1U << from;
        for (unsigned pass = 0; pass < count; pass++)
                for (unsigned i = 0; i < count; i++)
                        if (seen & 1U << i && i != avoided)
                                seen |= table[i].next;
        return seen;
}

static void test_a_run_can_always_be_reported_and_never_moves_again(void **state)
{
        (void)state;
        for (unsigned i = 0; i < RUN_STATES; i++)
                assert_true(reachable(run_states, RUN_STATES, i, RUN_STATES) & 1U << RUN_REPORTED);
        assert_int_equal(run_states[RUN_REPORTED].next, 0);
}

static void test_no_run_is_reported_before_its_container_was_let_go(void **state)
{
        (void)state;
        assert_false(reachable(run_states, RUN_STATES, RUN_QUEUED, RUN_REMOVING) & 1U << RUN_REPORTED);
}

static void test_no_program_runs_before_init_was_told(void **state)
{
        (void)state;
        assert_false(reachable(run_states, RUN_STATES, RUN_QUEUED, RUN_STARTING) & 1U << RUN_RUNNING);
}

static void test_no_container_serves_before_its_walls_were_checked(void **state)
{
        (void)state;
        assert_false(reachable(slot_states, SLOT_STATES, SLOT_EMPTY, SLOT_CHECKING) & 1U << SLOT_SERVING);
        assert_false(reachable(slot_states, SLOT_STATES, SLOT_EMPTY, SLOT_CHECKING) & 1U << SLOT_WAITING);
}

static void test_a_container_that_served_is_removed_and_nothing_else(void **state)
{
        (void)state;
        assert_int_equal(slot_states[SLOT_SERVING].next, 1U << SLOT_REMOVING);
        assert_int_equal(slot_states[SLOT_REMOVING].next, 1U << SLOT_EMPTY);
}

static void test_every_container_can_be_removed_at_any_time(void **state)
{
        (void)state;
        for (unsigned i = SLOT_CREATING; i < SLOT_REMOVING; i++)
                assert_true(may(slot_states, i, SLOT_REMOVING));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_run_can_always_be_reported_and_never_moves_again),
                        cmocka_unit_test(test_no_run_is_reported_before_its_container_was_let_go),
                        cmocka_unit_test(test_no_program_runs_before_init_was_told),
                        cmocka_unit_test(test_no_container_serves_before_its_walls_were_checked),
                        cmocka_unit_test(test_a_container_that_served_is_removed_and_nothing_else),
                        cmocka_unit_test(test_every_container_can_be_removed_at_any_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
