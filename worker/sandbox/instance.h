/* One running engine of brig on this host: its folder, where code folders lie, locked for as long as it lives.
 *
 * Whatever carries the folder's name (containers by label, control groups, folders) is a leftover once nobody holds the lock. */
#ifndef BRIG_SANDBOX_INSTANCE_H
#define BRIG_SANDBOX_INSTANCE_H

#include <limits.h>

#include "common/config.h"
#include "common/error.h"
#include "worker/sandbox/cgroup.h"

enum { INSTANCE_NAME_SIZE = 48 };

struct instance {
        char name[INSTANCE_NAME_SIZE]; /* unique on this host: letters, digits, '-' */
        char path[PATH_MAX / 4];
        char hosts_path[PATH_MAX / 4 + 8]; /* a file for /etc/hosts */
        int folder;                        /* descriptor; holds the lock */
        bool mounted;                      /* a tmpfs of its own, as root only */
};

/* Makes config->runtime_directory/NAME; as root a tmpfs of `bytes` is mounted there, else the directory should be one. 0 or -1. */
int instance_open(struct instance *instance, const struct config *config, uint64_t bytes, struct error *e);
void instance_close(struct instance *instance);

/* The name without what every name begins with, for where that is put before it again: control groups. */
const char *instance_token(const char *name);

/* Does somebody hold the lock of this folder? */
bool instance_lives(const char *path);

/* Removes the control groups and folders of those that died, after their containers. Returns how many. */
size_t instance_sweep(const struct config *config, const struct cgroup_layout *cgroups);

#endif
