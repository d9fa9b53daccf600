/* Which containers are kept warm, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "worker/sandbox/demand.h"

static struct slot_want want_of(unsigned image)
{
        struct slot_want want = {.profile = {.risk = RISK_MEDIUM}, .limits = {.memory_bytes = 256, .cpu_millis = 500, .processes = 20}};
        snprintf(want.image_id, sizeof(want.image_id), "sha256:%u", image);
        return want;
}

static void test_what_was_asked_for_lasts_a_while(void **state)
{
        (void)state;
        struct demand demand = {0};
        struct slot_want want = want_of(1);
        demand_note(&demand, &want, 1000);
        assert_int_equal(demand_asked_ms(&demand, &want), 1000);
        assert_true(demand_entry_lasts(&demand.entries[0], 1000));
        assert_true(demand_entry_lasts(&demand.entries[0], 1000 + DEMAND_LASTS_MS - 1));
        assert_false(demand_entry_lasts(&demand.entries[0], 1000 + DEMAND_LASTS_MS));
        assert_false(demand_entry_lasts(&demand.entries[1], 1000));
}

static void test_a_wish_repeated_is_one_entry(void **state)
{
        (void)state;
        struct demand demand = {0};
        struct slot_want want = want_of(1);
        struct slot_want other_time = want;
        other_time.limits.timeout_ms = 99; /* no matter of the container's */
        demand_note(&demand, &want, 1000);
        demand_note(&demand, &other_time, 2000);
        assert_int_equal(demand.entries[0].asked_ms, 2000);
        assert_int_equal(demand.entries[1].asked_ms, 0);
}

static void test_the_oldest_gives_way(void **state)
{
        (void)state;
        struct demand demand = {0};
        struct slot_want first = want_of(0);
        struct slot_want second = want_of(1);
        for (unsigned i = 0; i <= DEMAND_MAX; i++) {
                struct slot_want want = want_of(i);
                demand_note(&demand, &want, 1000 + i);
        }
        assert_int_equal(demand_asked_ms(&demand, &first), 0);
        assert_int_equal(demand_asked_ms(&demand, &second), 1001);
}

static void test_after_a_failure_it_is_not_tried_at_once(void **state)
{
        (void)state;
        struct demand demand = {0};
        struct slot_want want = want_of(1);
        demand_note(&demand, &want, 1000);
        demand_hold(&demand, &want, 1000);
        assert_false(demand_entry_lasts(&demand.entries[0], 1001));
        assert_true(demand_entry_lasts(&demand.entries[0], 11000));
}

static void test_a_container_never_serves_another_level_image_or_limit(void **state)
{
        (void)state;
        const struct slot_want want = want_of(1);
        struct slot_want others[7] = {want_of(2), want, want, want, want, want, want};
        others[1].profile.risk = RISK_HIGH;
        others[2].limits.memory_bytes++;
        others[3].limits.cpu_millis++;
        others[4].limits.processes++;
        others[5].profile.network = NETWORK_NONE;
        others[6].profile.tmp_bytes++;
        assert_true(slot_want_equal(&want, &want));
        for (size_t i = 0; i < 7; i++)
                assert_false(slot_want_equal(&want, &others[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_was_asked_for_lasts_a_while),
                        cmocka_unit_test(test_a_wish_repeated_is_one_entry),
                        cmocka_unit_test(test_the_oldest_gives_way),
                        cmocka_unit_test(test_after_a_failure_it_is_not_tried_at_once),
                        cmocka_unit_test(test_a_container_never_serves_another_level_image_or_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
