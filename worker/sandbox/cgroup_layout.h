/* Where this host keeps its control groups, found from mountinfo; nothing is assumed. */
#ifndef BRIG_SANDBOX_CGROUP_LAYOUT_H
#define BRIG_SANDBOX_CGROUP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum { CGROUP_PATH_SIZE = 512, CGROUP_HIERARCHIES_MAX = 16 };

enum cgroup_version { CGROUP_V1, CGROUP_V2 };
enum cgroup_driver { CGROUP_DRIVER_CGROUPFS, CGROUP_DRIVER_SYSTEMD }; /* the engine's; its /info says which */
enum cgroup_controller { CGROUP_MEMORY, CGROUP_CPU, CGROUP_CPUACCT, CGROUP_PIDS, CGROUP_CONTROLLER_COUNT };

struct cgroup_hierarchy {
        char mount_point[CGROUP_PATH_SIZE];
        char root[CGROUP_PATH_SIZE]; /* the part of the hierarchy that is mounted there, "/" on a host */
};

/* Where the host keeps its control groups. */
struct cgroup_layout {
        enum cgroup_version version;
        enum cgroup_driver driver;
        struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX]; /* every one, v1's named and hybrid's v2 among them */
        size_t hierarchy_count;
        size_t controllers[CGROUP_CONTROLLER_COUNT]; /* the hierarchy of each */
};

/* Pure: reads the text of a mountinfo file. 0, or -1 (ERROR_SANDBOX) naming the controller that is nowhere. */
int cgroup_layout_parse(struct cgroup_layout *ret_layout, const char *mountinfo, enum cgroup_driver driver, struct error *e);

/* The same of /proc/self/mountinfo. */
int cgroup_layout_read(struct cgroup_layout *ret_layout, enum cgroup_driver driver, struct error *e);

extern const char *const cgroup_controller_names[CGROUP_CONTROLLER_COUNT];

/* A word in a list with commas. */
bool cgroup_list_has(const char *list, const char *word);

#endif
