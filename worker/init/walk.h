/* A walk over everything below a directory that hostile code filled and that nobody changes any more.
 *
 * Strict where openat2's RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS would be: every step opens one name that the kernel listed, in the directory
 * it was listed in, without following a link. Depth, path length and descriptors are bounded; it takes no memory but its stack. */
#ifndef BRIG_INIT_WALK_H
#define BRIG_INIT_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "worker/init/frame.h"

enum { WALK_DEPTH_MAX = 32 };

struct walk_entry {
        int directory;             /* it lies in */
        const char *name;          /* there */
        const char *path;          /* below the root; cut when problem says so */
        const struct stat *status; /* of the entry itself, links not followed; NULL with a problem */
        const char *problem;       /* why it could not be looked at or into; NULL: none */
};

struct walk {
        bool (*visit)(void *data, const struct walk_entry *entry); /* false ends the walk */
        void *data;
        char path[FRAME_PATH_MAX + 1];
};

/* Visits each entry below `root`, which the caller closes, folders before what they hold. False when a visit ended it. */
bool walk_run(struct walk *w, int root);

#endif
