#include "clients/cli/health.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/site.h"

static void check_kernel(struct health *health)
{
        struct utsname name;
        uname(&name);
        health_note(health, "kernel", HEALTH_OK, NULL, "%s %s, brig %s as user id %u", name.release, name.machine, BRIG_VERSION,
                    (unsigned)getuid());
}

static void check_cgroups(struct health *health)
{
        struct cgroup_layout layout;
        struct error e = {0};
        if (cgroup_layout_read(&layout, CGROUP_DRIVER_CGROUPFS, &e) < 0)
                health_note(health, "control groups", HEALTH_BROKEN, "mount the controllers memory, cpu, cpuacct and pids", "%s", e.text);
        else
                health_note(health, "control groups", HEALTH_OK, NULL, "v%d with memory, cpu, pids", layout.version == CGROUP_V2 ? 2 : 1);
}

static void check_init(struct health *health)
{
        char path[PATH_MAX];
        struct error e = {0};
        if (site_find_init(NULL, path, &e) == 0)
                health_note(health, "brig-init", HEALTH_OK, NULL, "%.180s", path);
        else
                health_note(health, "brig-init", HEALTH_BROKEN, "build or install it beside brig (needs musl-tools)", "%s", e.text);
}

/* The folder itself, or the nearest one above it that exists, has to be writable. */
static bool can_write_below(const char *directory)
{
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s", directory);
        while (access(path, F_OK) < 0 && errno == ENOENT) {
                char *slash = strrchr(path, '/');
                if (!slash || slash == path)
                        return access("/", W_OK) == 0;
                *slash = 0;
        }
        return access(path, W_OK) == 0;
}

static void check_folder(struct health *health, const char *subject, const char *directory, const char *remedy)
{
        if (can_write_below(directory))
                health_note(health, subject, HEALTH_OK, NULL, "%.180s", directory);
        else
                health_note(health, subject, HEALTH_BROKEN, remedy, "%.150s: %s", directory, strerror(errno));
}

static void check_clock(struct health *health)
{
        struct timex state = {0};
        int verdict = adjtimex(&state);
        if (verdict >= 0 && verdict != TIME_ERROR)
                health_note(health, "clock", HEALTH_OK, NULL, "kept in step, within %ld ms", state.maxerror / 1000);
        else
                health_note(health, "clock", HEALTH_MISSING,
                            "run chrony or systemd-timesyncd: records and windows are read beside those of other hosts",
                            "nobody keeps it in step");
}

void health_check_host(struct health *health)
{
        check_kernel(health);
        check_init(health);
        check_cgroups(health);
        check_folder(health, "runtime folder", health->config->runtime_directory, "make it writable, or set worker.runtime_directory");
        check_folder(health, "log folder", health->config->log_directory, "make it writable, or set logs.directory (BRIG_LOGS_DIRECTORY)");
        check_clock(health);
}
