#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dispatcher/ledger.h"

struct fixture {
        struct ledger ledger;
        int64_t offset, replay;
};

static struct ledger_key key(uint64_t n)
{
        return (struct ledger_key){n, n * 977};
}

static void read_named(struct ledger *l, int64_t offset, uint64_t job)
{
        assert_int_equal(ledger_read(l, offset), 0);
        ledger_name(l, offset, key(job));
        ledger_admit(l, offset, 15);
}

static void assert_watermark(struct ledger *l, int64_t limit, int64_t offset, int64_t replay)
{
        int64_t found_offset, found_replay;
        ledger_watermark(l, limit, &found_offset, &found_replay);
        assert_int_equal(found_offset, offset);
        assert_int_equal(found_replay, replay);
}

static void test_watermark_stops_at_the_first_unfinished_entry(void **state)
{
        struct ledger l = {0};
        (void)state;
        ledger_reset(&l, 10);
        for (int64_t k = 10; k < 14; k++)
                read_named(&l, k, (uint64_t)k);
        assert_int_equal(ledger_settle(&l, 10, key(10), 7), 0);
        assert_int_equal(ledger_settle(&l, 12, key(12), 8), 0);
        assert_watermark(&l, 9, 11, 8);
        ledger_commit(&l, 11);
        assert_int_equal(l.base, 11);
        assert_int_equal(ledger_state_of(&l, 12), LEDGER_TERMINAL);
        ledger_deinit(&l);
}

static void test_a_settlement_outside_the_snapshots_is_not_passed(void **state)
{
        struct ledger l = {0};
        (void)state;
        read_named(&l, 0, 1);
        read_named(&l, 1, 2);
        ledger_settle(&l, 0, key(1), 3);
        ledger_settle(&l, 1, key(2), 4);
        assert_watermark(&l, 4, 1, 4);
        assert_watermark(&l, 3, 0, 3);
        assert_watermark(&l, 5, 2, 5);
        ledger_deinit(&l);
}

static void test_replay_begins_at_the_oldest_result_still_needed(void **state)
{
        struct ledger l = {0};
        (void)state;
        for (int64_t k = 0; k < 3; k++)
                read_named(&l, k, (uint64_t)k);
        ledger_settle(&l, 2, key(2), 0);
        ledger_settle(&l, 0, key(0), 1);
        assert_watermark(&l, 2, 1, 0);
        ledger_deinit(&l);
}

static void test_every_waiting_entry_of_a_job_ends_with_its_first_result(void **state)
{
        struct ledger l = {0};
        (void)state;
        read_named(&l, 0, 5);
        read_named(&l, 1, 6);
        read_named(&l, 2, 5);
        assert_true(ledger_is_first(&l, 0, key(5)));
        ledger_settle(&l, 0, key(5), 9);
        assert_int_equal(ledger_state_of(&l, 2), LEDGER_TERMINAL);
        assert_int_equal(ledger_state_of(&l, 1), LEDGER_ADMITTED);
        assert_false(ledger_is_first(&l, 2, key(5)));
        read_named(&l, 3, 5);
        assert_false(ledger_is_first(&l, 3, key(5)));
        ledger_deinit(&l);
}

static void test_results_may_be_told_before_their_records_are_read(void **state)
{
        struct ledger l = {0};
        (void)state;
        ledger_reset(&l, 100);
        assert_true(ledger_is_first(&l, 400, key(1)));
        ledger_settle(&l, 400, key(1), 50);
        assert_false(ledger_is_first(&l, 400, key(1)));
        assert_watermark(&l, 60, 100, 50);
        for (int64_t k = 100; k < 400; k++)
                read_named(&l, k, (uint64_t)k + 1000);
        assert_int_equal(ledger_state_of(&l, 400), LEDGER_TERMINAL);
        assert_int_equal(ledger_read(&l, 400), 0);
        assert_int_equal(ledger_state_of(&l, 400), LEDGER_TERMINAL);
        ledger_deinit(&l);
}

static void test_results_of_committed_records_are_never_first(void **state)
{
        struct ledger l = {0};
        (void)state;
        ledger_reset(&l, 10);
        assert_false(ledger_is_first(&l, 9, key(1)));
        assert_int_equal(ledger_settle(&l, 9, key(1), 50), 0);
        assert_int_equal(l.end, 10);
        ledger_deinit(&l);
}

static void test_offsets_that_kafka_passes_over_hold_nothing_up(void **state)
{
        struct ledger l = {0};
        (void)state;
        read_named(&l, 0, 1);
        ledger_settle(&l, 0, key(1), 0);
        read_named(&l, 5, 2);
        assert_watermark(&l, 1, 5, 1);
        ledger_deinit(&l);
}

static void test_only_due_entries_are_asked_for_again(void **state)
{
        struct ledger l = {0};
        (void)state;
        read_named(&l, 0, 1);
        read_named(&l, 1, 2);
        read_named(&l, 2, 3);
        assert_int_equal(ledger_due(&l, 0, 14), -1);
        ledger_settle(&l, 0, key(1), 0);
        assert_true(ledger_set_ending(&l, 1));
        assert_false(ledger_set_ending(&l, 1));
        assert_int_equal(ledger_due(&l, 0, 15), 2);
        ledger_admit(&l, 2, 30);
        assert_int_equal(ledger_asks(&l, 2), 2);
        assert_int_equal(ledger_due(&l, 0, 29), -1);
        ledger_deinit(&l);
}

static void test_ring_is_bounded_and_frees_by_commit_alone(void **state)
{
        struct ledger l = {0};
        (void)state;
        for (int64_t k = 0; k < LEDGER_ENTRIES_MAX; k++)
                read_named(&l, k, (uint64_t)k);
        assert_false(ledger_has_room(&l, LEDGER_ENTRIES_MAX));
        assert_int_equal(ledger_read(&l, LEDGER_ENTRIES_MAX), -1);
        ledger_settle(&l, 0, key(0), 0);
        assert_false(ledger_has_room(&l, LEDGER_ENTRIES_MAX));
        ledger_commit(&l, 1);
        assert_true(ledger_has_room(&l, LEDGER_ENTRIES_MAX));
        read_named(&l, LEDGER_ENTRIES_MAX, 0);
        assert_int_equal(ledger_state_of(&l, LEDGER_ENTRIES_MAX), LEDGER_ADMITTED);
        assert_int_equal(ledger_settle(&l, 70000, key(3), 1), 0);
        assert_int_equal(ledger_state_of(&l, 3), LEDGER_TERMINAL);
        ledger_deinit(&l);
}

static void test_terminal_is_final(void **state)
{
        struct ledger l = {0};
        (void)state;
        read_named(&l, 0, 1);
        ledger_settle(&l, 0, key(1), 4);
        ledger_settle(&l, 0, key(1), 9);
        ledger_admit(&l, 0, 1);
        assert_watermark(&l, 10, 1, 10);
        assert_watermark(&l, 4, 0, 4);
        ledger_deinit(&l);
}

static void test_jobs_of_two_agents_never_share_a_key(void **state)
{
        struct ledger_key a = ledger_key_of(span_of("a"), span_of("bc"));
        struct ledger_key b = ledger_key_of(span_of("ab"), span_of("c"));
        (void)state;
        assert_true(a.high != b.high && a.low != b.low);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_watermark_stops_at_the_first_unfinished_entry),
                        cmocka_unit_test(test_a_settlement_outside_the_snapshots_is_not_passed),
                        cmocka_unit_test(test_replay_begins_at_the_oldest_result_still_needed),
                        cmocka_unit_test(test_every_waiting_entry_of_a_job_ends_with_its_first_result),
                        cmocka_unit_test(test_results_may_be_told_before_their_records_are_read),
                        cmocka_unit_test(test_results_of_committed_records_are_never_first),
                        cmocka_unit_test(test_offsets_that_kafka_passes_over_hold_nothing_up),
                        cmocka_unit_test(test_only_due_entries_are_asked_for_again),
                        cmocka_unit_test(test_ring_is_bounded_and_frees_by_commit_alone),
                        cmocka_unit_test(test_terminal_is_final),
                        cmocka_unit_test(test_jobs_of_two_agents_never_share_a_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
