/* Are the walls up? Reads what the kernel holds of a started container, and compares. A mismatch is never run.
 *
 * /proc of the container's PID 1 and the files of its control group; readable by any user. */
#ifndef BRIG_SANDBOX_READBACK_H
#define BRIG_SANDBOX_READBACK_H

#include <sys/types.h>

#include "common/profile.h"
#include "common/result.h"
#include "worker/init/frame.h"
#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/spec.h"

/* What was asked for. */
struct readback {
        const struct profile *profile;
        struct limits limits;
        uint64_t pids_max;
        struct spec_sizes sizes;
        uint32_t uid, gid;
};

struct readback readback_of(const struct profile *profile, const struct limits *limits, uint32_t runtime_processes);

/* What brig-init found of itself (its first frame), and how the engine says the container is networked. 0 or -1. */
int readback_check_hello(const struct readback *want, const struct frame *frame, struct error *e);
int readback_check_inspection(const struct readback *want, const json_t *inspection, struct error *e);

/* Everything about the container. 0, or -1 (ERROR_SANDBOX): the wall that is missing, what was asked and what is there. */
int readback_check(const struct readback *want, pid_t pid, const struct cgroup *cgroup, struct error *e);

/* The limits alone, and as the result shows them. */
int readback_limits(const struct readback *want, const struct cgroup *cgroup, struct limits_in_force *ret_limits, struct error *e);

/* Pure parts: the text of /proc/PID/status, mountinfo, limits and net/dev. 0 or -1. */
int readback_check_status(const struct readback *want, const char *status, struct error *e);
int readback_check_mounts(const struct readback *want, const char *mountinfo, struct error *e);
int readback_check_rlimits(const struct readback *want, const char *limits, struct error *e);
int readback_check_network(const struct readback *want, const char *devices, struct error *e);

#endif
