/* Control groups of the host: a parent folder for each container, the counters that say what a job used and what it was refused, and the
 * limits that the kernel holds. v1, hybrid (controllers on v1) and v2; nothing is assumed of where they are mounted.
 *
 * A `struct cgroup` names folders and holds no descriptor: reading costs some microseconds a file. cgroup_open_process works for any user;
 * what writes (make, remove, lift) needs root. Sources: Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst. */
#ifndef BRIG_SANDBOX_CGROUP_H
#define BRIG_SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "worker/sandbox/cgroup_layout.h"

enum { CGROUP_PARENT_SIZE = 128 };

struct cgroup {
        const struct cgroup_layout *layout; /* borrowed */
        char folders[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE];
};

/* A parent folder for one container. */
struct cgroup_parent {
        struct cgroup cgroup;
        char name[CGROUP_PARENT_SIZE]; /* what the engine takes as CgroupParent: "/brig-TOKEN", or "brig-TOKEN.slice" */
        int oom_fd;                    /* -1 until watched; see cgroup_watch_oom */
};

/* Makes the folder of a new container whose Memory will be `memory_bytes`. cgroupfs driver: on v1 its limit is set one page below
 * and its OOMs are watched. systemd driver: systemd makes it when the container starts, so nothing is done but naming; call
 * cgroup_parent_limit after the start. `token`: [A-Za-z0-9_.-], at most 100; unique on the host. 0, or -1 with nothing left behind. */
int cgroup_parent_make(struct cgroup_parent *ret_parent, const struct cgroup_layout *layout, const char *token, uint64_t memory_bytes,
                       struct error *e);

/* Sets the limit (v1) and watches OOMs; make does it already with the cgroupfs driver. On v2 there is no limit to set. */
int cgroup_parent_limit(struct cgroup_parent *parent, uint64_t memory_bytes, struct error *e);

/* Rings beyond this call are worthless: removal rings too, so read cgroup_oom_rang first. Closes oom_fd, removes the folder in every
 * hierarchy. The container must be gone: 0, or -1 (EBUSY) when processes are still in it; may be called again. */
int cgroup_parent_remove(struct cgroup_parent *parent, struct error *e);

/* Removes the empty folders that parents with tokens beginning with `prefix` left behind, if they were last changed more than
 * `seconds` ago (0: whenever), and returns how many. Where a container lives, nothing is empty. */
size_t cgroup_sweep(const struct cgroup_layout *layout, const char *prefix, unsigned seconds);

/* The folders of the control group that a process is in, from /proc/PID/cgroup. */
int cgroup_open_process(struct cgroup *ret_cgroup, const struct cgroup_layout *layout, pid_t pid, struct error *e);

/* Pure: the same from the file's text. */
int cgroup_parse_process(struct cgroup *ret_cgroup, const struct cgroup_layout *layout, const char *text, struct error *e);

struct cgroup_counters {
        uint64_t cpu_us;
        uint64_t memory_bytes;
        uint64_t peak_memory_bytes; /* 0: this kernel has none (v2 before 5.19) */
        uint64_t oom_kills;         /* v1: 0 in a parent, only the container's own folder counts */
        uint64_t processes;         /* tasks now */
        uint64_t processes_refused; /* forks that pids.max refused; v1: only in the container's own folder */
};

/* 0, or -1 when a file is gone or unreadable (then nothing is known: never take it for zero). */
int cgroup_read_counters(const struct cgroup *cgroup, struct cgroup_counters *ret_counters, struct error *e);

/* Lets the peak begin anew, where the kernel can (v1); best effort. */
void cgroup_reset_peak(const struct cgroup *cgroup);

struct cgroup_limits { /* UINT64_MAX: none */
        uint64_t memory_bytes;
        uint64_t swap_bytes; /* beyond memory: v1's memsw less memory. UINT64_MAX also where swap is not accounted for */
        uint64_t cpu_millis;
        uint64_t processes;
};

/* What the kernel holds. 0, or -1 when it cannot be read. */
int cgroup_read_limits(const struct cgroup *cgroup, struct cgroup_limits *ret_limits, struct error *e);

/* Takes the CPU quota away, so that a kill is not throttled. Root; 0 or -1. */
int cgroup_lift_cpu(const struct cgroup *cgroup, struct error *e);

/* v1 counts the buffers of TCP and UDP apart from all other memory, and without this only for the whole host; neither runc nor the parent
 * limits them. Nothing to do on v2, and where the kernel has no such file. Root, before the job has a socket; 0 or -1. */
int cgroup_limit_sockets(const struct cgroup *cgroup, uint64_t bytes, struct error *e);

/* Tasks' process ids as this process sees them; at most `max`; returns how many there are, 0 also when the folder is gone. */
size_t cgroup_processes(const struct cgroup *cgroup, pid_t *ret_pids, size_t max);

/* A descriptor that tells of OOMs, non-blocking, close-on-exec; the caller closes it. v1: an eventfd on memory.oom_control, readable
 * (UV_READABLE) once it rang. It rings for OOMs at this folder's own limit, and at its removal. v2: memory.events, which polls
 * UV_PRIORITIZED when a count changed. Any user who may read the folder. -1: error. */
int cgroup_watch_oom(const struct cgroup *cgroup, struct error *e);

/* v1: rings since the last call. v2: the count of OOM kills so far, and the descriptor is quiet again. 0 also on error. */
uint64_t cgroup_oom_rang(const struct cgroup_layout *layout, int oom_fd);

#endif
