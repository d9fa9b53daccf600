#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/cgroup_file.h"

#define CAPTURED BRIG_SOURCE_DIR "/tests/unit/sandbox/cgroup/"

static void text_of(char ret_text[static CGROUP_FILE_SIZE], const char *file)
{
        char path[512];
        struct error e;
        snprintf(path, sizeof path, CAPTURED "%s", file);
        assert_int_equal(cgroup_file_read(path, ret_text, CGROUP_FILE_SIZE, &e), 0);
}

static struct cgroup_layout layout_of(const char *file)
{
        char text[CGROUP_FILE_SIZE];
        struct cgroup_layout layout;
        struct error e;
        text_of(text, file);
        assert_int_equal(cgroup_layout_parse(&layout, text, CGROUP_DRIVER_CGROUPFS, &e), 0);
        return layout;
}

/* All its folders are the one that holds the captured files. */
static struct cgroup captured(const struct cgroup_layout *layout, const char *folder)
{
        struct cgroup cgroup = {.layout = layout};
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
                snprintf(cgroup.folders[i], sizeof cgroup.folders[i], CAPTURED "%s", folder);
        return cgroup;
}

static const char *mount_of(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
        return layout->hierarchies[layout->controllers[controller]].mount_point;
}

static void test_a_host_with_v1_controllers_counts_as_v1_beside_any_unified_mount(void **state)
{
        (void)state;
        struct cgroup_layout separate = layout_of("v1/mountinfo");
        assert_int_equal(separate.version, CGROUP_V1);
        assert_int_equal(separate.hierarchy_count, 10);
        assert_string_equal(mount_of(&separate, CGROUP_CPU), "/sys/fs/cgroup/cpu");
        assert_string_equal(mount_of(&separate, CGROUP_CPUACCT), "/sys/fs/cgroup/cpuacct");
        struct cgroup_layout hybrid = layout_of("hybrid-mountinfo");
        assert_int_equal(hybrid.version, CGROUP_V1);
        assert_int_equal(hybrid.hierarchy_count, 6);
        assert_string_equal(mount_of(&hybrid, CGROUP_CPUACCT), "/sys/fs/cgroup/cpu,cpuacct");
        assert_string_equal(mount_of(&hybrid, CGROUP_MEMORY), "/sys/fs/cgroup/memory");
}

static void test_v2_has_every_controller_in_its_one_hierarchy(void **state)
{
        (void)state;
        struct cgroup_layout layout = layout_of("v2/mountinfo");
        assert_int_equal(layout.version, CGROUP_V2);
        assert_int_equal(layout.hierarchy_count, 1);
        assert_string_equal(mount_of(&layout, CGROUP_PIDS), "/sys/fs/cgroup");
}

static void test_a_host_without_a_controller_is_refused_by_its_name(void **state)
{
        (void)state;
        struct cgroup_layout layout;
        struct error e;
        const char *text = "35 25 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                           "33 25 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        assert_int_equal(cgroup_layout_parse(&layout, text, CGROUP_DRIVER_CGROUPFS, &e), -1);
        assert_non_null(strstr(e.text, "pids"));
        assert_int_equal(cgroup_layout_parse(&layout, "", CGROUP_DRIVER_CGROUPFS, &e), -1);
}

static void test_mount_points_are_unescaped(void **state)
{
        (void)state;
        struct cgroup_layout layout;
        struct error e;
        const char *text = "29 22 0:25 / /mnt/control\\040groups\\134x rw shared:9 master:1 - cgroup2 none rw\n";
        assert_int_equal(cgroup_layout_parse(&layout, text, CGROUP_DRIVER_CGROUPFS, &e), 0);
        assert_string_equal(mount_of(&layout, CGROUP_MEMORY), "/mnt/control groups\\x");
}

static void test_the_folders_of_a_process_are_found_below_the_mounts(void **state)
{
        (void)state;
        char text[CGROUP_FILE_SIZE];
        struct cgroup cgroup;
        struct error e;
        struct cgroup_layout v2 = layout_of("v2/mountinfo");
        text_of(text, "v2/process");
        assert_int_equal(cgroup_parse_process(&cgroup, &v2, text, &e), 0);
        assert_ptr_equal(strstr(cgroup.folders[CGROUP_CPU], "/sys/fs/cgroup/brig.slice/brig-worker_3.slice/docker-4f9f"),
                         cgroup.folders[CGROUP_CPU]);
        struct cgroup_layout v1 = layout_of("v1/mountinfo");
        text_of(text, "v1/process");
        assert_int_equal(cgroup_parse_process(&cgroup, &v1, text, &e), 0);
        assert_ptr_equal(strstr(cgroup.folders[CGROUP_MEMORY], "/sys/fs/cgroup/memory/docker/"), cgroup.folders[CGROUP_MEMORY]);
        assert_ptr_equal(strstr(cgroup.folders[CGROUP_CPUACCT], "/sys/fs/cgroup/cpuacct/docker/"), cgroup.folders[CGROUP_CPUACCT]);
}

static void test_a_mount_of_a_part_of_the_hierarchy_shows_only_what_is_below_it(void **state)
{
        (void)state;
        struct cgroup_layout layout;
        struct cgroup cgroup;
        struct error e;
        const char *text = "29 22 0:25 /machine/guest /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_int_equal(cgroup_layout_parse(&layout, text, CGROUP_DRIVER_CGROUPFS, &e), 0);
        assert_int_equal(cgroup_parse_process(&cgroup, &layout, "0::/machine/guest/docker/x\n", &e), 0);
        assert_string_equal(cgroup.folders[CGROUP_MEMORY], "/sys/fs/cgroup/docker/x");
        assert_int_equal(cgroup_parse_process(&cgroup, &layout, "0::/other\n", &e), -1);
        assert_int_equal(cgroup_parse_process(&cgroup, &layout, "0::/machine/guest/../../etc\n", &e), -1);
        assert_int_equal(cgroup_parse_process(&cgroup, &layout, "rubbish", &e), -1);
}

static void test_counters_of_v2_are_read(void **state)
{
        (void)state;
        struct cgroup_layout layout = layout_of("v2/mountinfo");
        struct cgroup cgroup = captured(&layout, "v2");
        struct cgroup_counters c;
        struct error e;
        assert_int_equal(cgroup_read_counters(&cgroup, &c, &e), 0);
        assert_int_equal(c.cpu_us, 1234567);
        assert_int_equal(c.memory_bytes, 4194304);
        assert_int_equal(c.peak_memory_bytes, 133988352);
        assert_int_equal(c.oom_kills, 2);
        assert_int_equal(c.processes, 4);
        assert_int_equal(c.processes_refused, 7);
        pid_t pids[1];
        assert_int_equal(cgroup_processes(&cgroup, pids, 1), 2);
        assert_int_equal(pids[0], 4123);
}

static void test_counters_of_v1_are_read(void **state)
{
        (void)state;
        struct cgroup_layout layout = layout_of("v1/mountinfo");
        struct cgroup cgroup = captured(&layout, "v1");
        struct cgroup_counters c;
        struct error e;
        assert_int_equal(cgroup_read_counters(&cgroup, &c, &e), 0);
        assert_in_range(c.cpu_us, 1000, 1000000);
        assert_in_range(c.memory_bytes, 4096, 32 << 20);
        assert_true(c.peak_memory_bytes >= c.memory_bytes);
        assert_int_equal(c.oom_kills, 0);
        assert_int_equal(c.processes, 1);
        assert_int_equal(c.processes_refused, 0);
}

static void test_limits_are_read_back_in_the_same_units_from_both(void **state)
{
        (void)state;
        struct cgroup_layout v1 = layout_of("v1/mountinfo"), v2 = layout_of("v2/mountinfo");
        struct cgroup cgroups[] = {captured(&v1, "v1"), captured(&v2, "v2")};
        for (size_t i = 0; i < 2; i++) {
                struct cgroup_limits limits;
                struct error e;
                assert_int_equal(cgroup_read_limits(&cgroups[i], &limits, &e), 0);
                assert_int_equal(limits.memory_bytes, 128 << 20);
                assert_int_equal(limits.swap_bytes, 0);
                assert_int_equal(limits.cpu_millis, 250);
                assert_int_equal(limits.processes, 16);
        }
}

static void test_what_cannot_be_read_is_an_error_and_never_zero(void **state)
{
        (void)state;
        struct cgroup_layout v1 = layout_of("v1/mountinfo");
        struct cgroup gone = captured(&v1, "v2"); /* v1's files are not there */
        struct cgroup_counters counters = {.oom_kills = 77};
        struct cgroup_limits limits;
        struct error e;
        assert_int_equal(cgroup_read_counters(&gone, &counters, &e), -1);
        assert_int_equal(counters.oom_kills, 77);
        assert_int_equal(e.sys, ENOENT);
        assert_int_equal(cgroup_read_limits(&gone, &limits, &e), -1);
        assert_int_equal(cgroup_processes(&(struct cgroup){.layout = &v1}, NULL, 0), 0);
}

static void test_numbers_say_none_in_each_version_s_way(void **state)
{
        (void)state;
        uint64_t number;
        assert_int_equal(cgroup_file_number("max\n", &number), 0);
        assert_true(number == UINT64_MAX);
        assert_int_equal(cgroup_file_number("9223372036854771712\n", &number), 0);
        assert_true(number == UINT64_MAX);
        assert_int_equal(cgroup_file_number("-1\n", &number), 0);
        assert_true(number == UINT64_MAX);
        assert_int_equal(cgroup_file_number("\n", &number), -1);
        assert_int_equal(cgroup_file_key("oom 3\noom_kill 2\n", "oom_kill", &number), 0);
        assert_int_equal(number, 2);
        assert_int_equal(cgroup_file_key("oom_kill_disable 0\n", "oom_kill", &number), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_host_with_v1_controllers_counts_as_v1_beside_any_unified_mount),
                        cmocka_unit_test(test_v2_has_every_controller_in_its_one_hierarchy),
                        cmocka_unit_test(test_a_host_without_a_controller_is_refused_by_its_name),
                        cmocka_unit_test(test_mount_points_are_unescaped),
                        cmocka_unit_test(test_the_folders_of_a_process_are_found_below_the_mounts),
                        cmocka_unit_test(test_a_mount_of_a_part_of_the_hierarchy_shows_only_what_is_below_it),
                        cmocka_unit_test(test_counters_of_v2_are_read),
                        cmocka_unit_test(test_counters_of_v1_are_read),
                        cmocka_unit_test(test_limits_are_read_back_in_the_same_units_from_both),
                        cmocka_unit_test(test_what_cannot_be_read_is_an_error_and_never_zero),
                        cmocka_unit_test(test_numbers_say_none_in_each_version_s_way),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
