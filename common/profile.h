/* A risk profile: what a sandbox of one risk level gives and refuses (config/profiles/LEVEL.yaml; R2, sandbox.md). */
#ifndef BRIG_COMMON_PROFILE_H
#define BRIG_COMMON_PROFILE_H

#include <stdbool.h>

#include "common/error.h"
#include "common/limits.h"
#include "common/risk.h"

enum network { NETWORK_BRIDGE, NETWORK_LOOPBACK, NETWORK_NONE };

struct profile {
        enum risk risk;
        struct limits limits;
        enum network network;
        uint64_t code_bytes_max;
        uint64_t work_bytes; /* tmpfs /work */
        uint64_t tmp_bytes;  /* tmpfs /tmp */
        uint64_t shm_bytes;  /* tmpfs /dev/shm; 0: none */
        uint32_t uid, gid;
        char *seccomp; /* name of config/seccomp/NAME.json */
        char *runtime; /* the engine's runtime; "runc" */
};

extern const char *const network_names[]; /* NULL-ended */

const char *network_name(enum network network);

#endif
