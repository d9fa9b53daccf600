/* What a sweep takes of what jobs left, in virtual time, with files of given ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "worker/sandbox/artifact_index.h"
#include "worker/sandbox/artifact_sweep.h"
#include "worker/sandbox/artifacts.h"

#define DAY_MS UINT64_C(86400000)
#define NOW_MS (20000 * DAY_MS)

struct store {
        char folder[64];
};

static int make_store(void **state)
{
        struct store *store = calloc(1, sizeof(*store));
        strcpy(store->folder, "/tmp/brig-test-XXXXXX");
        assert_non_null(mkdtemp(store->folder));
        *state = store;
        return 0;
}

static int remove_store(void **state)
{
        struct store *store = *state;
        char command[96];
        snprintf(command, sizeof(command), "rm -rf %s", store->folder);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
        free(store);
        return 0;
}

static void path_of(const struct store *store, const char *name, char ret_path[static PATH_MAX])
{
        snprintf(ret_path, PATH_MAX, "%s/artifacts/%s", store->folder, name);
}

static bool is_there(const struct store *store, const char *name)
{
        char path[PATH_MAX];
        struct stat status;
        path_of(store, name, path);
        return lstat(path, &status) == 0;
}

static void set_age(const struct store *store, const char *name, uint64_t age_ms)
{
        char path[PATH_MAX];
        uint64_t at_ms = NOW_MS - age_ms;
        struct timespec time = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
        path_of(store, name, path);
        assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){time, time}, AT_SYMLINK_NOFOLLOW), 0);
}

/* The name, beneath artifacts, of a job's file with this content. */
static void leave(const struct store *store, const char *content, char ret_name[static 80])
{
        struct artifact_file file;
        struct error e;
        char sum[SHA256_HEX_SIZE];
        assert_int_equal(artifact_file_open(&file, store->folder, &e), 0);
        assert_int_equal(artifact_file_write(&file, span_of(content), &e), 0);
        assert_int_equal(artifact_file_finish(&file, sum, &e), 0);
        snprintf(ret_name, 80, "sha256/%.2s/%s", sum, sum + 2);
}

static struct artifact_sweep sweep_all(const struct store *store, uint64_t total_bytes)
{
        struct clock clock = clock_virtual(NOW_MS);
        struct artifact_sweep sweep = {.now_ms = clock_realtime_ms(&clock), .retention_ms = 30 * DAY_MS, .total_bytes = total_bytes};
        if (artifact_sweep_open(&sweep, store->folder))
                for (int steps = 1; artifact_sweep_step(&sweep); steps++)
                        assert_true(steps < 2000);
        return sweep;
}

static void test_nothing_was_ever_left(void **state)
{
        assert_int_equal(sweep_all(*state, 1000).removed, 0);
}

static void test_what_is_older_than_the_retention_goes(void **state)
{
        const struct store *store = *state;
        char old[80], young[80];
        leave(store, "old", old);
        leave(store, "young", young);
        set_age(store, old, 30 * DAY_MS);
        set_age(store, young, 30 * DAY_MS - 1);
        struct artifact_sweep sweep = sweep_all(store, 1000);
        assert_int_equal(sweep.removed, 1);
        assert_int_equal(sweep.kept_bytes, strlen("young"));
        assert_false(is_there(store, old));
        assert_true(is_there(store, young));
}

static void test_content_that_a_younger_job_left_again_stays(void **state)
{
        const struct store *store = *state;
        char name[80];
        leave(store, "the same", name);
        set_age(store, name, 40 * DAY_MS);
        leave(store, "the same", name); /* at the system's time, which the sweep's clock is set behind */
        sweep_all(store, 1000);
        assert_true(is_there(store, name));
}

static void test_the_oldest_goes_when_there_is_too_much(void **state)
{
        const struct store *store = *state;
        static const char *const contents[] = {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"};
        char names[4][80];
        for (int i = 0; i < 4; i++) {
                leave(store, contents[i], names[i]);
                set_age(store, names[i], (uint64_t)(4 - i) * DAY_MS);
        }
        struct artifact_sweep sweep = sweep_all(store, 25);
        assert_int_equal(sweep.removed, 2);
        assert_int_equal(sweep.kept_bytes, 20);
        assert_false(is_there(store, names[0]) || is_there(store, names[1]));
        assert_true(is_there(store, names[2]) && is_there(store, names[3]));
}

static void test_as_much_as_may_be_there_stays(void **state)
{
        const struct store *store = *state;
        char name[80];
        leave(store, "aaaaaaaaaa", name);
        set_age(store, name, DAY_MS);
        assert_int_equal(sweep_all(store, 10).removed, 0);
        assert_int_equal(sweep_all(store, 9).removed, 1);
}

static void test_the_bound_holds_however_many_ages_there_are(void **state)
{
        const struct store *store = *state;
        char content[16], name[80];
        for (uint64_t i = 0; i < 200; i++) {
                snprintf(content, sizeof(content), "%010d", (int)i);
                leave(store, content, name);
                set_age(store, name, i * i * i * 300);
        }
        struct artifact_sweep sweep = sweep_all(store, 1000);
        assert_true(sweep.kept_bytes <= 1000 && sweep.kept_bytes >= 800);
}

static void test_links_are_neither_followed_nor_taken(void **state)
{
        const struct store *store = *state;
        char kept[80], outside[PATH_MAX], link_path[PATH_MAX], folder_link[PATH_MAX];
        leave(store, "kept", kept);
        snprintf(outside, sizeof(outside), "%s/00", store->folder);
        assert_int_equal(mkdir(outside, 0700), 0);
        snprintf(outside, sizeof(outside), "%s/00/victim", store->folder);
        assert_int_equal(close(open(outside, O_CREAT | O_WRONLY, 0600)), 0);
        assert_int_equal(utimensat(AT_FDCWD, outside, (struct timespec[]){{0}, {0}}, 0), 0);
        path_of(store, "records", folder_link);
        assert_int_equal(symlink(store->folder, folder_link), 0); /* records/00 leads out */
        path_of(store, kept, link_path);
        *strrchr(link_path, '/') = 0;
        strcat(link_path, "/link");
        assert_int_equal(symlink(outside, link_path), 0);
        set_age(store, strstr(link_path, "sha256"), 40 * DAY_MS);
        assert_int_equal(sweep_all(store, 1000).removed, 0);
        assert_int_equal(access(outside, F_OK), 0);
}

/* --- the index --- */

static const char job_id[] = "0b9f5a3e-6f2c-4c0e-9a56-0d8f6c1a2b3c";

static struct result result_of(char *agent_id, char *path)
{
        static struct artifact artifact;
        artifact = (struct artifact){.path = path, .bytes = 3};
        memset(artifact.sha256, 'a', SHA256_HEX_SIZE - 1);
        struct result result = {.agent_id = agent_id,
                                .language = "python",
                                .status = STATUS_SUCCEEDED,
                                .termination.cause = CAUSE_EXIT,
                                .started_at_ms = NOW_MS,
                                .finished_at_ms = NOW_MS,
                                .artifacts = &artifact,
                                .artifact_count = 1};
        strcpy(result.job_id, job_id);
        return result;
}

static void add(const struct store *store, char *agent_id, char *path)
{
        struct result result = result_of(agent_id, path);
        struct error e;
        if (artifact_index_add(store->folder, &result, &e) < 0)
                fail_msg("%s", e.text);
}

/* The path of the one artifact, or why there is none. */
static void find(const struct store *store, const char *agent_id, char ret_text[static 64])
{
        struct result result = {0};
        struct error e = {0};
        bool found;
        int failed = artifact_index_find(store->folder, job_id, agent_id, &result, &found, &e);
        snprintf(ret_text, 64, "%s", failed ? error_name(e.code) : found ? result.artifacts[0].path : "unknown");
        result_deinit(&result);
}

static void test_a_job_is_found_by_its_own_agent_alone(void **state)
{
        const struct store *store = *state;
        char text[64];
        find(store, NULL, text);
        assert_string_equal(text, "unknown");
        add(store, "one", "a.txt");
        find(store, NULL, text);
        assert_string_equal(text, "a.txt");
        find(store, "two", text);
        assert_string_equal(text, "unknown");
        add(store, "two", "b.txt");
        find(store, "one", text);
        assert_string_equal(text, "a.txt");
        find(store, NULL, text);
        assert_string_equal(text, "usage");
}

static void test_a_job_that_ran_again_has_its_last_record(void **state)
{
        const struct store *store = *state;
        char text[64];
        add(store, "one", "first.txt");
        add(store, "one", "second.txt");
        find(store, "one", text);
        assert_string_equal(text, "second.txt");
}

static void test_an_index_grows_old_as_content_does(void **state)
{
        const struct store *store = *state;
        char text[64], sum[SHA256_HEX_SIZE], name[128];
        add(store, "one", "a.txt");
        sha256_hex(span_of("one"), sum);
        snprintf(name, sizeof(name), "records/0b/%s-%.16s.json", job_id, sum);
        set_age(store, name, 31 * DAY_MS);
        assert_int_equal(sweep_all(store, 100000).removed, 1);
        find(store, "one", text);
        assert_string_equal(text, "unknown");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_store, remove_store)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_nothing_was_ever_left),
                        TEST(test_what_is_older_than_the_retention_goes),
                        TEST(test_content_that_a_younger_job_left_again_stays),
                        TEST(test_the_oldest_goes_when_there_is_too_much),
                        TEST(test_as_much_as_may_be_there_stays),
                        TEST(test_the_bound_holds_however_many_ages_there_are),
                        TEST(test_links_are_neither_followed_nor_taken),
                        TEST(test_a_job_is_found_by_its_own_agent_alone),
                        TEST(test_a_job_that_ran_again_has_its_last_record),
                        TEST(test_an_index_grows_old_as_content_does),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
