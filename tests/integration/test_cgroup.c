/* Control groups and network namespaces of this very host. Needs root, and skips without. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/cgroup_file.h"
#include "worker/sandbox/netns.h"

enum { MEMORY_BYTES = 16 << 20 };

/* A container's folder below its parent, as runc would make it, and a process in it. */
struct container {
        struct cgroup cgroup;
        int go[2]; /* a byte lets the process run */
        pid_t pid;
};

static void join(const char *folder)
{
        char path[CGROUP_PATH_SIZE + 64];
        struct error e;
        snprintf(path, sizeof path, "%s/cgroup.procs", folder);
        if (cgroup_file_write(path, "0", &e) < 0)
                _exit(99);
}

/* Touches far more memory than the limit. */
static void hog(void)
{
        size_t size = 4 * (size_t)MEMORY_BYTES;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t i = 0; i < size; i += 4096)
                ((volatile char *)memory)[i] = 1;
        _exit(0);
}

static void container_start(struct container *c, const struct cgroup_parent *parent)
{
        char go;
        c->cgroup = parent->cgroup;
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
                mkdir(c->cgroup.folders[i], 0755);
                snprintf(c->cgroup.folders[i], CGROUP_PATH_SIZE, "%.400s/inner", parent->cgroup.folders[i]);
                mkdir(c->cgroup.folders[i], 0755);
        }
        assert_int_equal(pipe(c->go), 0);
        c->pid = fork();
        if (c->pid)
                return;
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
                join(c->cgroup.folders[i]);
        if (read(c->go[0], &go, 1) == 1 && go == 'h')
                hog();
        _exit(0);
}

static int container_end(struct container *c, char order)
{
        int status;
        assert_int_equal(write(c->go[1], &order, 1), 1);
        assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
                rmdir(c->cgroup.folders[i]);
        close(c->go[0]);
        close(c->go[1]);
        return status;
}

static struct cgroup_layout layout;

static struct cgroup_parent parent_make(void)
{
        struct cgroup_parent parent;
        struct error e;
        char token[64];
        if (geteuid() != 0)
                skip();
        snprintf(token, sizeof token, "test%d-%d", (int)getpid(), rand());
        assert_int_equal(cgroup_layout_read(&layout, CGROUP_DRIVER_CGROUPFS, &e), 0);
        assert_int_equal(cgroup_parent_make(&parent, &layout, token, MEMORY_BYTES, &e), 0);
        return parent;
}

static void parent_end(struct cgroup_parent *parent)
{
        struct error e;
        struct stat status;
        assert_int_equal(cgroup_parent_remove(parent, &e), 0);
        assert_int_equal(stat(parent->cgroup.folders[CGROUP_MEMORY], &status), -1);
        assert_int_equal(cgroup_parent_remove(parent, &e), 0);
}

static void test_an_oom_below_the_parent_rings_and_outlives_the_container(void **state)
{
        (void)state;
        struct cgroup_parent parent = parent_make();
        struct container container;
        if (layout.version == CGROUP_V2)
                skip();
        container_start(&container, &parent);
        assert_int_equal(cgroup_oom_rang(&layout, parent.oom_fd), 0);
        int status = container_end(&container, 'h');
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(cgroup_oom_rang(&layout, parent.oom_fd), 1);
        assert_int_equal(cgroup_oom_rang(&layout, parent.oom_fd), 0);
        parent_end(&parent);
}

static void test_a_quiet_end_rings_nothing_and_leaves_the_counters(void **state)
{
        (void)state;
        struct cgroup_parent parent = parent_make();
        struct container container;
        struct cgroup_counters counters;
        struct error e;
        if (layout.version == CGROUP_V2)
                skip();
        container_start(&container, &parent);
        assert_int_equal(container_end(&container, 'q'), 0);
        assert_int_equal(cgroup_oom_rang(&layout, parent.oom_fd), 0);
        assert_int_equal(cgroup_read_counters(&parent.cgroup, &counters, &e), 0);
        assert_true(counters.cpu_us > 0 && counters.peak_memory_bytes > 0);
        cgroup_reset_peak(&parent.cgroup);
        parent_end(&parent);
}

static void test_a_process_leads_to_its_folders_and_their_limits(void **state)
{
        (void)state;
        struct cgroup_parent parent = parent_make();
        struct container container;
        struct cgroup found;
        struct cgroup_limits limits;
        struct error e;
        pid_t pids[4];
        container_start(&container, &parent);
        while (cgroup_processes(&container.cgroup, pids, 4) != 1)
                sched_yield();
        while (cgroup_open_process(&found, &layout, container.pid, &e) < 0 || memcmp(&found, &container.cgroup, sizeof found) != 0)
                sched_yield(); /* it joins one hierarchy after the other */
        assert_int_equal(pids[0], container.pid);
        assert_int_equal(cgroup_read_limits(&parent.cgroup, &limits, &e), 0);
        if (layout.version == CGROUP_V1) {
                assert_int_equal(limits.memory_bytes, MEMORY_BYTES - sysconf(_SC_PAGESIZE));
                assert_int_equal(limits.swap_bytes, 0);
        }
        assert_int_equal(cgroup_lift_cpu(&found, &e), 0);
        assert_int_equal(cgroup_read_limits(&found, &limits, &e), 0);
        assert_true(limits.cpu_millis == UINT64_MAX);
        assert_int_equal(container_end(&container, 'q'), 0);
        parent_end(&parent);
}

static void test_a_parent_in_use_is_not_removed_and_leftovers_are_swept(void **state)
{
        (void)state;
        struct cgroup_parent parent = parent_make();
        struct container container;
        struct error e;
        char prefix[CGROUP_PARENT_SIZE];
        container_start(&container, &parent);
        assert_int_equal(cgroup_parent_remove(&parent, &e), -1);
        assert_int_equal(e.sys, EBUSY);
        assert_int_equal(container_end(&container, 'q'), 0);
        snprintf(prefix, sizeof prefix, "test%d-", (int)getpid());
        cgroup_sweep(&layout, prefix, 0);
        assert_int_equal(cgroup_sweep(&layout, prefix, 0), 0);
        parent_end(&parent);
}

/* A process in a network namespace of its own that says, when asked, whether lo is up there. */
static bool child_sees_loopback_up(bool raise)
{
        int ready[2], go[2], status;
        char byte = 0;
        struct error e;
        assert_int_equal(pipe(ready) + pipe(go), 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct ifreq request = {.ifr_name = "lo"};
                if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1)
                        _exit(2);
                ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCGIFFLAGS, &request);
                _exit(request.ifr_flags & IFF_UP ? 1 : 0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        if (raise)
                assert_int_equal(netns_raise_loopback(pid, &e), 0);
        assert_int_equal(write(go[1], "g", 1), 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
        return WEXITSTATUS(status) == 1;
}

static void test_loopback_is_raised_where_it_was_asked_for_and_nowhere_else(void **state)
{
        (void)state;
        struct stat before, after;
        struct error e;
        if (geteuid() != 0)
                skip();
        stat("/proc/thread-self/ns/net", &before);
        assert_false(child_sees_loopback_up(false));
        assert_true(child_sees_loopback_up(true));
        stat("/proc/thread-self/ns/net", &after);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(netns_raise_loopback(0, &e), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_an_oom_below_the_parent_rings_and_outlives_the_container),
                        cmocka_unit_test(test_a_quiet_end_rings_nothing_and_leaves_the_counters),
                        cmocka_unit_test(test_a_process_leads_to_its_folders_and_their_limits),
                        cmocka_unit_test(test_a_parent_in_use_is_not_removed_and_leftovers_are_swept),
                        cmocka_unit_test(test_loopback_is_raised_where_it_was_asked_for_and_nowhere_else),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
