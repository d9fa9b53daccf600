#include "worker/sandbox/slot_host.h"

#include <string.h>

#include "worker/sandbox/egress.h"
#include "worker/sandbox/spec.h"

static bool has_same_walls(const struct profile *a, const struct profile *b)
{
        return a->risk == b->risk && a->network == b->network && a->work_bytes == b->work_bytes && a->tmp_bytes == b->tmp_bytes &&
               a->shm_bytes == b->shm_bytes;
}

bool slot_want_equal(const struct slot_want *a, const struct slot_want *b)
{
        return strcmp(a->image_id, b->image_id) == 0 && has_same_walls(&a->profile, &b->profile) &&
               a->limits.memory_bytes == b->limits.memory_bytes && a->limits.cpu_millis == b->limits.cpu_millis &&
               spec_pids_max(&a->limits, a->runtime_processes) == spec_pids_max(&b->limits, b->runtime_processes);
}

json_t *slot_host_describe(const struct slot_host *host, const struct slot_want *want, const char *code_path, const char *cgroup_parent,
                           const char *slot)
{
        const struct profile *profile = &want->profile;
        struct spec spec = {
                        .profile = profile,
                        .limits = want->limits,
                        .runtime_processes = want->runtime_processes,
                        .uid = profile->uid,
                        .gid = profile->gid,
                        .image_id = want->image_id,
                        .image_volumes = host->images ? images_volumes(host->images, want->image_id) : NULL,
                        .seccomp = host->seccomp[profile->risk],
                        .init_path = host->init_path,
                        .fence_path = host->fence_path,
                        .hosts_path = host->instance->hosts_path,
                        .code_path = code_path,
                        .cgroup_parent = cgroup_parent,
                        .network = EGRESS_NETWORK,
                        .worker = host->worker,
                        .folder = host->instance->path,
                        .slot = slot,
        };
        return spec_to_json(&spec);
}
