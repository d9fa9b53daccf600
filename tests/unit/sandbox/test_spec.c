/* The container specification: every wall of the contract stands in what the engine is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "worker/sandbox/spec.h"

enum { MIB = 1 << 20 };

static const struct profile profiles[RISK_COUNT] = {
                {RISK_LOW,
                 {300000, 0, 512 * MIB, 1000, 50, 1 << 18},
                 NETWORK_BRIDGE,
                 32 * MIB,
                 128 * MIB,
                 64 * MIB,
                 64 * MIB,
                 1000,
                 1000,
                 "low",
                 "runc"},
                {RISK_MEDIUM,
                 {120000, 0, 256 * MIB, 500, 20, 1 << 18},
                 NETWORK_LOOPBACK,
                 32 * MIB,
                 32 * MIB,
                 32 * MIB,
                 16 * MIB,
                 65534,
                 65534,
                 "medium",
                 "runc"},
                {RISK_HIGH,
                 {60000, 0, 128 * MIB, 250, 5, 1 << 18},
                 NETWORK_NONE,
                 16 * MIB,
                 4 * MIB,
                 4 * MIB,
                 0,
                 65534,
                 65534,
                 "high",
                 "runc"},
};

static json_t *make(enum risk risk, const json_t *volumes)
{
        struct spec spec = {
                        .profile = &profiles[risk],
                        .limits = profiles[risk].limits,
                        .runtime_processes = 4,
                        .uid = profiles[risk].uid,
                        .gid = profiles[risk].gid,
                        .image_id = "sha256:abc",
                        .image_volumes = volumes,
                        .seccomp = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}",
                        .init_path = "/host/init",
                        .fence_path = "/host/fence",
                        .hosts_path = "/host/hosts",
                        .code_path = "/host/code",
                        .cgroup_parent = "/brig-1",
                        .network = "brig",
                        .worker = "w",
                        .folder = "/run/brig/x",
                        .slot = "3",
        };
        json_t *body = spec_to_json(&spec);
        assert_non_null(body);
        return body;
}

static const json_t *at(const json_t *body, const char *key)
{
        const json_t *value = json_object_get(json_object_get(body, "HostConfig"), key);
        return value ? value : json_object_get(body, key);
}

static void expect_text(const json_t *body, const char *key, const char *text)
{
        assert_string_equal(json_string_value(at(body, key)), text);
}

static void expect_number(const json_t *body, const char *key, json_int_t number)
{
        assert_true(json_is_integer(at(body, key)));
        assert_int_equal(json_integer_value(at(body, key)), number);
}

static bool has(const json_t *array, const char *text)
{
        size_t i;
        json_t *value;
        json_array_foreach((json_t *)array, i, value)
        {
                if (strcmp(json_string_value(value), text) == 0)
                        return true;
        }
        return false;
}

static void test_limits_are_the_kernels_to_keep(void **state)
{
        (void)state;
        json_t *body = make(RISK_MEDIUM, NULL);
        expect_number(body, "Memory", 256 * MIB);
        expect_number(body, "MemorySwap", 256 * MIB);
        expect_number(body, "NanoCpus", 500000000);
        expect_number(body, "PidsLimit", 25); /* the job's 20, the runtime's 4, init */
        expect_number(body, "OomScoreAdj", 0);
        expect_text(body, "CgroupParent", "/brig-1");
        json_decref(body);
}

static void test_walls_stand_at_every_level(void **state)
{
        (void)state;
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++) {
                json_t *body = make(risk, NULL);
                assert_true(json_is_true(at(body, "ReadonlyRootfs")));
                assert_true(has(at(body, "CapDrop"), "ALL"));
                assert_true(has(at(body, "SecurityOpt"), "no-new-privileges"));
                assert_true(has(at(body, "SecurityOpt"), "seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}"));
                assert_true(has(at(body, "MaskedPaths"), "/dev/mqueue") && has(at(body, "MaskedPaths"), "/dev/pts"));
                assert_true(has(at(body, "MaskedPaths"), "/proc/kcore") && has(at(body, "ReadonlyPaths"), "/proc/sys"));
                expect_text(body, "IpcMode", "none");
                expect_text(body, "CgroupnsMode", "private");
                expect_text(body, "Hostname", "sandbox");
                expect_text(body, "Runtime", "runc");
                assert_string_equal(json_string_value(json_object_get(at(body, "LogConfig"), "Type")), "none");
                assert_string_equal(json_string_value(json_object_get(at(body, "RestartPolicy"), "Name")), "no");
                assert_null(at(body, "Devices"));
                assert_null(at(body, "Privileged"));
                assert_null(at(body, "CapAdd"));
                json_decref(body);
        }
}

static void test_the_image_decides_nothing(void **state)
{
        (void)state;
        json_t *body = make(RISK_HIGH, NULL);
        assert_string_equal(json_string_value(json_array_get(at(body, "Entrypoint"), 0)), "/brig/init");
        assert_int_equal(json_array_size(at(body, "Cmd")), 0);
        expect_text(body, "User", "65534:65534");
        expect_text(body, "WorkingDir", "/work");
        assert_true(has(json_object_get(at(body, "Healthcheck"), "Test"), "NONE"));
        assert_true(json_is_true(at(body, "OpenStdin")) && json_is_true(at(body, "StdinOnce")) && json_is_false(at(body, "Tty")));
        json_decref(body);
}

static void test_only_low_has_a_network(void **state)
{
        (void)state;
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++) {
                json_t *body = make(risk, NULL);
                expect_text(body, "NetworkMode", risk == RISK_LOW ? "brig" : "none");
                assert_int_equal(json_is_true(at(body, "NetworkDisabled")), risk != RISK_LOW);
                json_decref(body);
        }
}

static void test_every_bind_is_read_only(void **state)
{
        (void)state;
        json_t *body = make(RISK_MEDIUM, NULL);
        size_t i;
        json_t *mount;
        assert_int_equal(json_array_size(at(body, "Mounts")), 4);
        json_array_foreach((json_t *)at(body, "Mounts"), i, mount) assert_true(json_is_true(json_object_get(mount, "ReadOnly")));
        assert_null(at(body, "Binds"));
        json_decref(body);
}

static void test_every_writable_place_has_a_size_and_an_inode_limit(void **state)
{
        (void)state;
        json_t *body = make(RISK_MEDIUM, NULL);
        const json_t *tmpfs = at(body, "Tmpfs");
        assert_int_equal(json_object_size(tmpfs), 3);
        assert_string_equal(json_string_value(json_object_get(tmpfs, "/work")),
                            "rw,noexec,nosuid,nodev,size=33554432,nr_inodes=8192,mode=0755,uid=65534,gid=65534");
        assert_string_equal(json_string_value(json_object_get(tmpfs, "/dev/shm")),
                            "rw,noexec,nosuid,nodev,size=16777216,nr_inodes=4096,mode=1777,uid=65534,gid=65534");
        json_decref(body);
        body = make(RISK_HIGH, NULL);
        assert_null(json_object_get(at(body, "Tmpfs"), "/dev/shm"));
        assert_string_equal(json_string_value(json_object_get(at(body, "Tmpfs"), "/tmp")),
                            "rw,noexec,nosuid,nodev,size=4194304,nr_inodes=1024,mode=1777,uid=65534,gid=65534");
        json_decref(body);
}

static void test_volumes_of_the_image_are_covered(void **state)
{
        (void)state;
        json_t *volumes = json_pack("{s{} s{}}", "/data", "/work");
        json_t *body = make(RISK_MEDIUM, volumes);
        const char *covered = json_string_value(json_object_get(at(body, "Tmpfs"), "/data"));
        assert_memory_equal(covered, "ro,", 3);
        assert_memory_equal(json_string_value(json_object_get(at(body, "Tmpfs"), "/work")), "rw,", 3);
        json_decref(volumes);
        json_decref(body);
}

static void test_sizes_shrink_together_to_half_of_the_memory(void **state)
{
        (void)state;
        struct spec_sizes whole = spec_sizes(&profiles[RISK_LOW], 512 * MIB);
        assert_int_equal(whole.work_bytes, 128 * MIB);
        struct spec_sizes half = spec_sizes(&profiles[RISK_LOW], 256 * MIB);
        assert_int_equal(half.work_bytes, 64 * MIB);
        assert_int_equal(half.tmp_bytes, 32 * MIB);
        assert_int_equal(half.shm_bytes, 32 * MIB);
        struct spec_sizes least = spec_sizes(&profiles[RISK_HIGH], 4 * MIB);
        assert_int_equal(least.work_bytes, 1 * MIB);
        assert_int_equal(least.tmp_bytes, 1 * MIB);
        assert_int_equal(least.shm_bytes, 0);
        assert_false(spec_sizes_equal(&whole, &half));
}

static void test_containers_can_be_found_by_label(void **state)
{
        (void)state;
        json_t *body = make(RISK_MEDIUM, NULL);
        const json_t *labels = at(body, "Labels");
        assert_string_equal(json_string_value(json_object_get(labels, "brig.worker")), "w");
        assert_string_equal(json_string_value(json_object_get(labels, "brig.folder")), "/run/brig/x");
        assert_string_equal(json_string_value(json_object_get(labels, "brig.slot")), "3");
        json_decref(body);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_limits_are_the_kernels_to_keep),
                        cmocka_unit_test(test_walls_stand_at_every_level),
                        cmocka_unit_test(test_the_image_decides_nothing),
                        cmocka_unit_test(test_only_low_has_a_network),
                        cmocka_unit_test(test_every_bind_is_read_only),
                        cmocka_unit_test(test_every_writable_place_has_a_size_and_an_inode_limit),
                        cmocka_unit_test(test_volumes_of_the_image_are_covered),
                        cmocka_unit_test(test_sizes_shrink_together_to_half_of_the_memory),
                        cmocka_unit_test(test_containers_can_be_found_by_label),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
