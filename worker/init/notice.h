/* Lines of the policy pipe: bounded in number and length, whatever the job writes into it. Pure. */
#ifndef BRIG_INIT_NOTICE_H
#define BRIG_INIT_NOTICE_H

#include <stddef.h>

#include "worker/init/frame.h"

struct notice {
        char line[FRAME_NOTICE_BYTES_MAX];
        size_t size; /* so far; what is beyond the bound is dropped */
        unsigned count;
};

/* Adds a byte. Returns the size of the line that it ended, or 0: none, an empty one, or too many before. */
size_t notice_add(struct notice *n, char byte);

#endif
