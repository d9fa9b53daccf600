/* Whatever happens at the gate, every job ends and nothing of it is left. The seed is printed; BRIG_SEED repeats one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/gate_driver.h"

enum { LIVES = 20, STEPS = 400 };

static void fault(struct gate_driver *d)
{
        struct gate_rig *rig = d->rig;
        switch (gate_driver_random(d, 200)) {
        case 0:
                fake_redis_flush(rig->fake);
                break;
        case 1:
                fake_redis_revert(rig->fake);
                break;
        case 2:
                fake_redis_restart(rig->fake);
                break;
        case 3:
        case 4:
                fake_redis_save(rig->fake);
                break;
        case 5:
        case 6:
                fake_redis_drop_answer(rig->fake, 1);
                break;
        case 7:
                fake_redis_drop_call(rig->fake, 1);
                break;
        default:
                gate_rig_pass(rig, gate_driver_random(d, 3000));
        }
}

static void assert_nothing_left(struct gate_rig *rig)
{
        static const char *const kept[] = {"{brig}:agent:", "{brig}:epoch", "{brig}:fair"};
        char *keys = strdup(fake_redis_keys(rig->fake)), *rest = keys;
        for (char *key; (key = strsep(&rest, "\n"));) {
                bool known = false;
                for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                        known |= strncmp(key, kept[i], strlen(kept[i])) == 0;
                if (!known)
                        print_error("left: %s\n", key);
                assert_true(known);
        }
        free(keys);
}

static void live(uint64_t seed, bool faults)
{
        struct gate_rig rig;
        struct gate_driver d;
        gate_rig_init(&rig);
        fake_redis_save(rig.fake);
        rig.config.agent_concurrent_max = seed % 3;
        rig.config.global_concurrent = 3 + seed % 8;
        rig.config.rates[RISK_HIGH].cpu_ms_per_hour = 100000;
        gate_rig_reconfigure(&rig);
        gate_driver_init(&d, &rig, seed);
        for (int i = 0; i < STEPS; i++) {
                if (faults)
                        fault(&d);
                gate_driver_step(&d);
                if (rig.error.code == ERROR_NOT_READY)
                        gate_rig_restore(&rig);
        }
        fake_redis_drop_answer(rig.fake, 0);
        fake_redis_drop_call(rig.fake, 0);
        gate_rig_reap(&rig, 1);
        if (rig.error.code == ERROR_NOT_READY)
                gate_rig_restore(&rig);
        bool finished = gate_driver_finish(&d);
        if (!finished)
                print_error("%.*s", (int)d.log.size, (const char *)d.log.data);
        assert_true(finished);
        gate_rig_pass(&rig, rig.config.dedupe_ms);
        assert_nothing_left(&rig);
        gate_driver_deinit(&d);
        gate_rig_deinit(&rig);
}

static void live_many(bool faults)
{
        const char *given = getenv("BRIG_SEED");
        uint64_t first = given ? strtoull(given, NULL, 10) : 1, last = given ? first : LIVES;
        for (uint64_t seed = first; seed <= last; seed++) {
                printf("seed %llu\n", (unsigned long long)seed);
                live(seed, faults);
        }
}

static void test_every_job_ends(void **state)
{
        (void)state;
        live_many(false);
}

static void test_every_job_ends_also_with_faults(void **state)
{
        (void)state;
        live_many(true);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_job_ends),
                        cmocka_unit_test(test_every_job_ends_also_with_faults),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
