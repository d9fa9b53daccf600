#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SHIPPED BRIG_SOURCE_DIR "/config/sandbox-config.yaml"

static char *const no_environment[] = {NULL};

static void assert_contains(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void test_the_shipped_files_say_what_the_levels_are(void **state)
{
        struct config config;
        struct error e;
        (void)state;
        if (config_load(&config, SHIPPED, no_environment, &e) < 0)
                fail_msg("%s", e.text);
        const struct profile *high = &config.profiles[RISK_HIGH], *low = &config.profiles[RISK_LOW];
        assert_int_equal(high->limits.memory_bytes, 128 << 20);
        assert_int_equal(high->limits.cpu_millis, 250);
        assert_int_equal(high->limits.timeout_ms, 60000);
        assert_int_equal(high->limits.processes, 5);
        assert_int_equal(high->network, NETWORK_NONE);
        assert_int_equal(high->uid, 65534);
        assert_int_equal(low->gid, 1000);
        assert_int_equal(low->shm_bytes, 64 << 20);
        assert_int_equal(config.maximum.memory_bytes, 512 << 20);
        assert_int_equal(config.rates[RISK_HIGH].cpu_ms_per_hour, 180000);
        assert_int_equal(config.trust.succeeded, 50);
        assert_string_equal(config.trust.quarantine_classes, "attack");
        assert_string_equal(config.worker_risks, "low medium high");
        assert_string_equal(config_language(&config, "python")->command[5], "{file}");
        assert_null(config_language(&config, "python")->command[6]);
        assert_null(config_language(&config, "bash")->compile[0]);
        assert_null(config_language(&config, "bash")->blocked[RISK_LOW]);
        assert_null(config_language(&config, "cobol"));
        assert_true(config_job_bounds(&config).language_count >= 3);
        assert_true(config_image_allowed(&config, "brig/python") && config_image_allowed(&config, "brig/python:latest"));
        assert_false(config_image_allowed(&config, "brig/python:3") || config_image_allowed(&config, "alpine"));
        config_deinit(&config);
}

static void test_the_environment_overrides_by_one_rule(void **state)
{
        char named[] = "BRIG_CONFIG=" SHIPPED;
        char *const environment[] = {"PATH=/bin",
                                     "BRIG_REDIS_URL=redis://u:hidden@h:1/2",
                                     "BRIG_WORKER_RISKS=low,high",
                                     "BRIG_PROFILES_HIGH_LIMITS_MEMORY=64m",
                                     "BRIG_LANGUAGES_NODE_IMAGE=node:20",
                                     "BRIG_KAFKA_SASL_PASSWORD=hidden",
                                     "BRIG_IMAGES_ALLOW=node:* python:3",
                                     "BRIG_TEST_ANYTHING=1",
                                     named,
                                     NULL};
        struct config config;
        struct bytes text = {0};
        struct error e;
        (void)state;
        if (config_load(&config, NULL, environment, &e) < 0)
                fail_msg("%s", e.text);
        assert_string_equal(config.worker_risks, "low high");
        assert_int_equal(config.profiles[RISK_HIGH].limits.memory_bytes, 64 << 20);
        assert_string_equal(config_language(&config, "node")->image, "node:20");
        assert_string_equal(config.kafka_pass_through[0].key, "sasl.password");
        assert_true(config_image_allowed(&config, "node:20") && !config_image_allowed(&config, "brig/python"));
        assert_int_equal(config_print(&config, &text), 0);
        assert_contains((char *)text.data, "(BRIG_PROFILES_HIGH_LIMITS_MEMORY)");
        assert_contains((char *)text.data, "redis://u:********@h:1/2");
        assert_contains((char *)text.data, "/config/profiles/high.yaml:");
        assert_contains((char *)text.data, "(default)");
        assert_null(strstr((char *)text.data, "hidden"));
        bytes_deinit(&text);
        config_deinit(&config);
}

static void test_unknown_variables_and_wrong_values_are_refused(void **state)
{
        static const struct {
                char *variable;
                const char *message;
        } cases[] = {
                        {"BRIG_REDIS_ULR=x", "BRIG_REDIS_ULR: unknown variable; nearest known is BRIG_REDIS_URL"},
                        {"BRIG_KAFKA_BOOTSTRAP_SERVER=x", "nearest known key is kafka.bootstrap_servers"},
                        {"BRIG_NONSENSE=x", "BRIG_NONSENSE: unknown variable"},
                        {"BRIG_WORKER_SLOTS=0", "BRIG_WORKER_SLOTS: worker.slots: must be a whole number from 1 to 256, not \"0\""},
                        {"BRIG_WORKER_SLOTS=", "worker.slots: must be a whole number"},
                        {"BRIG_JOBS_LEASE=15x", "jobs.lease: must be a duration such as"},
                        {"BRIG_JOBS_LEASE=1h",
                         "jobs.lease: must be a duration such as 250ms, 90s, 2m, 1h or 30d from 1s to 5m, not \"1h\""},
                        {"BRIG_MAXIMUM_MEMORY=1s", "must be a size such as"},
                        {"BRIG_MAXIMUM_MEMORY=64m", "above the operator's maximum"},
                        {"BRIG_TRUST_LOW_AT=0.1", "trust.low_at is below trust.medium_at"},
                        {"BRIG_WORKER_EXECUTION_LOGS=yes", "must be true or false"},
                        {"BRIG_RISK_DEFAULT=none", "must be one of low, medium, high"},
                        {"BRIG_WORKER_RISKS=low extreme", "must be a list of low, medium, high"},
                        {"BRIG_PROFILES_HIGH_USER=0:0", "must be UID:GID, each from 1"},
                        {"BRIG_DOCKER_HOST=", "must be a text of 1 to"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char *const environment[] = {cases[i].variable, NULL};
                struct config config;
                struct error e;
                assert_int_equal(config_load(&config, SHIPPED, environment, &e), -1);
                assert_int_equal(e.code, ERROR_CONFIG);
                assert_contains(e.text, cases[i].message);
        }
}

/* A folder with the shipped profiles and languages, and files of the test's own. */
static char folder[64];

static void link_shipped(const char *name)
{
        char target[512], path[128];
        snprintf(target, sizeof target, "%s/config/%s", BRIG_SOURCE_DIR, name);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(symlink(target, path), 0);
}

static int make_folder(void **state)
{
        (void)state;
        strcpy(folder, "/tmp/brig-test-config-XXXXXX");
        assert_non_null(mkdtemp(folder));
        link_shipped("languages");
        link_shipped("profiles");
        return 0;
}

static int remove_folder(void **state)
{
        static const char *const names[] = {"languages", "profiles", "sandbox-config.yaml"};
        char path[128];
        (void)state;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                unlink(path);
        }
        return rmdir(folder);
}

static int load_text(const char *text, struct config *config, struct error *e)
{
        char path[128];
        snprintf(path, sizeof path, "%s/sandbox-config.yaml", folder);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        return config_load(config, path, no_environment, e);
}

static void test_an_empty_file_gives_what_the_shipped_one_says(void **state)
{
        struct config shipped, empty;
        struct bytes text = {0}, other = {0};
        struct error e;
        (void)state;
        assert_int_equal(load_text("# nothing\n", &empty, &e), 0);
        assert_int_equal(config_load(&shipped, SHIPPED, no_environment, &e), 0);
        for (size_t i = 0; i < empty.origin_count; i++)
                free(empty.origins[i].key), free(empty.origins[i].origin);
        for (size_t i = 0; i < shipped.origin_count; i++)
                free(shipped.origins[i].key), free(shipped.origins[i].origin);
        empty.origin_count = shipped.origin_count = 0;
        assert_int_equal(config_print(&empty, &text), 0);
        assert_int_equal(config_print(&shipped, &other), 0);
        assert_string_equal((char *)text.data, (char *)other.data);
        bytes_deinit(&text);
        bytes_deinit(&other);
        config_deinit(&empty);
        config_deinit(&shipped);
}

static void test_faults_in_the_file_name_its_line_and_key(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                        {"redis:\n  ulr: x\n", ":2: redis.ulr: unknown key; nearest known key is redis.url"},
                        {"\nworker:\n  slots: many\n", ":3: worker.slots: must be a whole number, not \"many\""},
                        {"worker:\n  slots: [1, 2]\n", ":2: worker.slots: must be a whole number, not a list"},
                        {"worker:\n  slots:\n", ":2: worker.slots: has no value"},
                        {"worker: {slots: 1}\nworker: {slots: 2}\n", ":2: worker.slots: stands twice"},
                        {"worker: 1\n", ":1: worker: unknown key"},
                        {"a: [1\n", ":2: "},
                        {"- a\n", ":1: a list cannot stand here"},
                        {"text\n", ":1: the file must be a mapping"},
                        {"a: &x 1\nb: *x\n", ":2: b: aliases are not read"},
                        {"? [a]\n: b\n", ":1: a list cannot stand here"},
                        {"worker: {slots: 1}\n---\nworker: {slots: 1}\n", "second document"},
                        {"kafka:\n  bootstrap.servers: x\n", "nearest known key is kafka.bootstrap_servers"},
                        {"profiles:\n  high:\n    netwrok: none\n",
                         ":3: profiles.high.netwrok: unknown key; nearest known key is profiles.high.network"},
                        {"a:\n\t- b\n", ":2: "},
                        {"\xFF: b\n", ":1: "},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct config config;
                struct error e;
                assert_int_equal(load_text(cases[i].text, &config, &e), -1);
                assert_int_equal(e.code, ERROR_CONFIG);
                assert_contains(e.text, folder);
                assert_contains(e.text, cases[i].message);
        }
}

static void test_a_profile_that_leaves_a_limit_out_is_refused(void **state)
{
        char profiles[128], path[160];
        struct config config;
        struct error e;
        (void)state;
        snprintf(profiles, sizeof profiles, "%s/profiles", folder);
        snprintf(path, sizeof path, "%s/low.yaml", profiles);
        assert_int_equal(unlink(profiles), 0);
        assert_int_equal(mkdir(profiles, 0700), 0);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("limits: {timeout: 300s, cpus: 1.0, processes: 50}\nnetwork: bridge\n", file);
        fclose(file);
        assert_int_equal(load_text("", &config, &e), -1);
        unlink(path);
        rmdir(profiles);
        link_shipped("profiles");
        assert_contains(e.text, "/profiles/low.yaml: limits.memory is missing");
}

static void test_other_kafka_keys_pass_through(void **state)
{
        struct config config;
        struct error e;
        (void)state;
        assert_int_equal(load_text("kafka:\n  security: {protocol: ssl}\n  linger.ms: 5\nprofiles.low.limits.timeout: 10\n", &config, &e),
                         0);
        assert_int_equal(config.kafka_pass_through_count, 2);
        assert_string_equal(config.kafka_pass_through[0].key, "security.protocol");
        assert_string_equal(config.kafka_pass_through[1].value, "5");
        assert_int_equal(config.profiles[RISK_LOW].limits.timeout_ms, 10000);
        config_deinit(&config);
}

static void test_a_missing_file_is_named(void **state)
{
        struct config config;
        struct error e;
        (void)state;
        assert_int_equal(config_load(&config, "/nonexistent/x.yaml", no_environment, &e), -1);
        assert_contains(e.text, "/nonexistent/x.yaml: ");
}

static void test_units(void **state)
{
        static const char *const bad[] = {"", "m", "-1", "1.5m", "1 m", "1t", "99999999999999999999", "18014398509481984k"};
        uint64_t value;
        (void)state;
        assert_true(config_parse_bytes(span_of("512m"), &value) == 0 && value == 512 << 20);
        assert_true(config_parse_bytes(span_of("64KiB"), &value) == 0 && value == 64 << 10);
        assert_true(config_parse_bytes(span_of("4096"), &value) == 0 && value == 4096);
        assert_true(config_parse_duration(span_of("180"), &value) == 0 && value == 180000);
        assert_true(config_parse_duration(span_of("250ms"), &value) == 0 && value == 250);
        assert_true(config_parse_duration(span_of("30d"), &value) == 0 && value == 2592000000);
        assert_true(config_parse_thousandths(span_of("0.5"), &value) == 0 && value == 500);
        assert_true(config_parse_thousandths(span_of("2"), &value) == 0 && value == 2000);
        assert_true(config_parse_thousandths(span_of("0.0625"), &value) < 0 && config_parse_thousandths(span_of("1."), &value) < 0);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(config_parse_bytes(span_of(bad[i]), &value), -1);
}

static void test_the_reference_names_every_key(void **state)
{
        struct bytes text = {0};
        (void)state;
        assert_int_equal(config_print_reference(&text), 0);
        assert_contains((char *)text.data, "| `kafka.bootstrap_servers` | `BRIG_KAFKA_BOOTSTRAP_SERVERS` | 127.0.0.1:9092 |");
        assert_contains((char *)text.data,
                        "| `maximum.memory` | `BRIG_MAXIMUM_MEMORY` | 512m | a size such as 64k, 512m or 1g; 8m to 1024g |");
        bytes_deinit(&text);
}

/* config/README.md ends with the table; BRIG_TEST_UPDATE=1 writes it anew. */
static void test_the_reference_that_is_shipped_is_this_one(void **state)
{
        static const char path[] = BRIG_SOURCE_DIR "/config/README.md", head[] = "| key | variable |";
        static char page[64 << 10];
        struct bytes text = {0};
        (void)state;
        assert_int_equal(config_print_reference(&text), 0);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        page[fread(page, 1, sizeof page - 1, file)] = 0;
        char *table = strstr(page, head);
        assert_non_null(table);
        if (getenv("BRIG_TEST_UPDATE")) {
                assert_int_equal(ftruncate(fileno(file), table - page), 0);
                assert_int_equal(fseek(file, table - page, SEEK_SET), 0);
                fputs((char *)text.data, file);
        } else {
                assert_string_equal(table, (char *)text.data);
        }
        fclose(file);
        bytes_deinit(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_the_shipped_files_say_what_the_levels_are),
                        cmocka_unit_test(test_the_environment_overrides_by_one_rule),
                        cmocka_unit_test(test_unknown_variables_and_wrong_values_are_refused),
                        cmocka_unit_test(test_an_empty_file_gives_what_the_shipped_one_says),
                        cmocka_unit_test(test_faults_in_the_file_name_its_line_and_key),
                        cmocka_unit_test(test_a_profile_that_leaves_a_limit_out_is_refused),
                        cmocka_unit_test(test_other_kafka_keys_pass_through),
                        cmocka_unit_test(test_a_missing_file_is_named),
                        cmocka_unit_test(test_units),
                        cmocka_unit_test(test_the_reference_names_every_key),
                        cmocka_unit_test(test_the_reference_that_is_shipped_is_this_one),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
