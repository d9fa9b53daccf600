/* What the kernel says is believed, and every wall that is missing is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/sandbox/readback.h"

static const struct profile medium = {.risk = RISK_MEDIUM, .network = NETWORK_LOOPBACK, .seccomp = "medium"};
static const struct readback want = {
                .profile = &medium,
                .sizes = {32 << 20, 32 << 20, 16 << 20},
                .uid = 65534,
                .gid = 65534,
};

static const char status[] = "Name:\tbrig-init\nUid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
                             "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
                             "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";

static const char mounts[] = "1 0 0:50 / / ro,relatime - overlay overlay rw,lowerdir=/l\n"
                             "2 1 0:51 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
                             "3 1 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755\n"
                             "4 3 0:53 / /dev/pts rw,nosuid,noexec - devpts devpts rw\n"
                             "5 1 0:54 / /work rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=32768k,nr_inodes=8192\n"
                             "6 1 0:55 / /tmp rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=32768k,nr_inodes=8192\n"
                             "7 3 0:56 / /dev/shm rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=16384k,nr_inodes=4096\n"
                             "8 1 0:57 /x /code ro,relatime - tmpfs brig rw\n"
                             "9 3 0:58 / /dev/pts ro,relatime - tmpfs tmpfs ro\n";

static const char limits[] = "Limit                     Soft Limit           Hard Limit           Units     \n"
                             "Max file size             33554432             33554432             bytes     \n"
                             "Max core file size        0                    0                    bytes     \n"
                             "Max open files            1024                 1024                 files     \n"
                             "Max msgqueue size         0                    0                    bytes     \n";

typedef int checker(const struct readback *want, const char *text, struct error *e);

/* The text with its first `from` replaced must be refused. */
static void expect_refused(checker *check, const char *text, const char *from, const char *to)
{
        char changed[4096];
        struct error e = {0};
        const char *found = strstr(text, from);
        assert_non_null(found);
        snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
        assert_int_equal(check(&want, changed, &e), -1);
        assert_int_equal(e.code, ERROR_SANDBOX);
}

static void test_a_process_as_it_should_be_is_accepted(void **state)
{
        (void)state;
        struct error e;
        assert_int_equal(readback_check_status(&want, status, &e), 0);
        assert_int_equal(readback_check_mounts(&want, mounts, &e), 0);
        assert_int_equal(readback_check_rlimits(&want, limits, &e), 0);
}

static void test_a_process_with_more_rights_is_refused(void **state)
{
        (void)state;
        expect_refused(readback_check_status, status, "65534\n", "0\n");
        expect_refused(readback_check_status, status, "CapEff:\t0000000000000000", "CapEff:\t0000000000000400");
        expect_refused(readback_check_status, status, "CapBnd:\t0000000000000000", "CapBnd:\t00000000a80425fb");
        expect_refused(readback_check_status, status, "NoNewPrivs:\t1", "NoNewPrivs:\t0");
        expect_refused(readback_check_status, status, "Seccomp:\t2", "Seccomp:\t0");
        expect_refused(readback_check_status, status, "Seccomp:", "Absent:");
}

static void test_a_mount_that_is_looser_is_refused(void **state)
{
        (void)state;
        expect_refused(readback_check_mounts, mounts, "/ / ro", "/ / rw");
        expect_refused(readback_check_mounts, mounts, "/code ro", "/code rw");
        expect_refused(readback_check_mounts, mounts, "/work rw,nosuid,nodev,noexec", "/work rw,nosuid,nodev");
        expect_refused(readback_check_mounts, mounts, "size=32768k", "size=65536k");
        expect_refused(readback_check_mounts, mounts, ",nr_inodes=4096", "");
        expect_refused(readback_check_mounts, mounts, "/dev/pts ro", "/dev/ptx ro"); /* the mask */
        expect_refused(readback_check_mounts, mounts, "/tmp rw", "/data rw");        /* a volume */
        expect_refused(readback_check_mounts, mounts, "6 1 0:55 / /tmp", "6 1 0:55 / /tmp/x");
}

static void test_a_limit_that_is_looser_is_refused(void **state)
{
        (void)state;
        expect_refused(readback_check_rlimits, limits, "33554432             bytes", "unlimited            bytes");
        expect_refused(readback_check_rlimits, limits, "1024                 files", "4096                 files");
        expect_refused(readback_check_rlimits, limits, "Max msgqueue size         0 ", "Max msgqueue size         819200 ");
}

static void test_a_network_device_is_refused(void **state)
{
        (void)state;
        static const char lo[] = "Inter-|   Receive\n face |bytes\n    lo:  1 2\n";
        static const char eth[] = "Inter-|   Receive\n face |bytes\n    lo:  1 2\n  eth0:  3 4\n";
        struct error e;
        struct profile bridge = {.network = NETWORK_BRIDGE};
        struct readback low = {.profile = &bridge};
        assert_int_equal(readback_check_network(&want, lo, &e), 0);
        assert_int_equal(readback_check_network(&want, eth, &e), -1);
        assert_int_equal(readback_check_network(&low, eth, &e), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_process_as_it_should_be_is_accepted),
                        cmocka_unit_test(test_a_process_with_more_rights_is_refused),
                        cmocka_unit_test(test_a_mount_that_is_looser_is_refused),
                        cmocka_unit_test(test_a_limit_that_is_looser_is_refused),
                        cmocka_unit_test(test_a_network_device_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
