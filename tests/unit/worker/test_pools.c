#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/pools.h"

struct fake_engine {
        bool has_python;
        const char *image; /* another one that may be used; NULL: none */
        unsigned asked;
};

static bool has_image(void *data, const char *image)
{
        const struct fake_engine *engine = data;
        return engine->has_python && strcmp(image, "brig/python") == 0;
}

static void each_image(void *data, void (*each)(void *data, const char *image), void *listing)
{
        struct fake_engine *engine = data;
        engine->asked++;
        if (engine->has_python)
                each(listing, "brig/python");
        if (engine->image)
                each(listing, engine->image);
}

static char python[] = "python", python_image[] = "brig/python", node[] = "node", node_image[] = "brig/node";

static struct ports ports_to(struct fake_engine *engine, struct config *config, const struct clock *clock)
{
        config->languages[0] = (struct language){.name = python, .image = python_image};
        config->languages[1] = (struct language){.name = node, .image = node_image};
        config->language_count = 2;
        return (struct ports){
                        .config = config, .clock = clock, .sandbox = {.has_image = has_image, .each_image = each_image, .sandbox = engine}};
}

static bool offers(const struct pools *pools, const char *name)
{
        for (size_t i = 0; i < pools->count; i++)
                if (strcmp(pools->names[i], name) == 0)
                        return true;
        return false;
}

static void test_language_is_offered_by_its_name_when_its_image_is_there(void **state)
{
        static struct config config;
        struct clock clock = clock_virtual(1000);
        struct fake_engine engine = {.has_python = true};
        struct ports ports = ports_to(&engine, &config, &clock);
        struct pools pools = {0};
        (void)state;
        pools_refresh(&pools, &ports);
        assert_true(offers(&pools, "python"));
        assert_false(offers(&pools, "python@brig/python"));
        assert_false(offers(&pools, "node"));
        assert_true(offers(&pools, "node@brig/python"));
        pools_deinit(&pools);
}

static void test_any_other_image_is_offered_for_every_language(void **state)
{
        static struct config config;
        struct clock clock = clock_virtual(1000);
        struct fake_engine engine = {.image = "some/image:1"};
        struct ports ports = ports_to(&engine, &config, &clock);
        struct pools pools = {0};
        (void)state;
        pools_refresh(&pools, &ports);
        assert_int_equal(pools.count, 2);
        assert_true(offers(&pools, "python@some/image:1"));
        assert_true(offers(&pools, "node@some/image:1"));
        pools_deinit(&pools);
}

static void test_answer_is_kept_for_some_seconds_unless_it_was_empty(void **state)
{
        static struct config config;
        struct clock clock = clock_virtual(1000);
        struct fake_engine engine = {0};
        struct ports ports = ports_to(&engine, &config, &clock);
        struct pools pools = {0};
        (void)state;
        pools_refresh(&pools, &ports);
        engine.has_python = true;
        pools_refresh(&pools, &ports);
        assert_true(offers(&pools, "python"));
        pools_refresh(&pools, &ports);
        assert_int_equal(engine.asked, 2);
        engine.has_python = false;
        clock.virtual_ms += 60000;
        pools_refresh(&pools, &ports);
        assert_int_equal(pools.count, 0);
        pools_deinit(&pools);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_language_is_offered_by_its_name_when_its_image_is_there),
                        cmocka_unit_test(test_any_other_image_is_offered_for_every_language),
                        cmocka_unit_test(test_answer_is_kept_for_some_seconds_unless_it_was_empty),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
