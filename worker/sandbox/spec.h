/* The container specification: a profile and limits in, the body of the engine's create call out. Pure. */
#ifndef BRIG_SANDBOX_SPEC_H
#define BRIG_SANDBOX_SPEC_H

#include <jansson.h>

#include "common/limits.h"
#include "common/profile.h"

enum { SPEC_OPEN_FILES_MAX = 1024 };

/* Sizes of the writable file systems, all tmpfs and counted as the job's memory. */
struct spec_sizes {
        uint64_t work_bytes;
        uint64_t tmp_bytes;
        uint64_t shm_bytes; /* 0: none */
};

/* The profile's sizes, scaled down by one factor to whole MiB (at least one), so that together they are at most half of the memory. */
struct spec_sizes spec_sizes(const struct profile *profile, uint64_t memory_bytes);
bool spec_sizes_equal(const struct spec_sizes *a, const struct spec_sizes *b);

/* What pids.max has to be for the job's share: PID 1 and the language's runtime come on top. */
uint64_t spec_pids_max(const struct limits *limits, uint32_t runtime_processes);

/* Everything a specification depends on; borrowed. */
struct spec {
        const struct profile *profile;
        struct limits limits;
        uint32_t runtime_processes;
        uint32_t uid, gid;
        const char *image_id;
        const json_t *image_volumes; /* object by path, as the engine shows it; NULL: none */
        const char *seccomp;         /* the list, as JSON text */
        const char *init_path;       /* brig-init on the host */
        const char *fence_path;      /* the folder bound to /brig/fence */
        const char *hosts_path;      /* the file bound to /etc/hosts */
        const char *code_path;       /* the folder bound to /code */
        const char *cgroup_parent;   /* NULL: the engine's own */
        const char *network;         /* the bridge, where the profile has one */
        const char *resolver;        /* the only name server there; NULL: none */
        const char *worker;          /* labels */
        const char *folder;
        const char *slot;
};

/* New reference, or NULL: no memory. */
json_t *spec_to_json(const struct spec *spec);

#endif
