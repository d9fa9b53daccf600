/* Artifacts and disk use, read once nothing of the job runs any more. */
#ifndef BRIG_INIT_COLLECT_H
#define BRIG_INIT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/init/frame.h"

/* Where frames go. */
struct collect_port {
        uint8_t *(*reserve)(void *data, size_t size); /* waits until there is room; NULL: give up */
        void (*commit)(void *data, size_t size);
        void *data;
};

struct collect_request {
        const char *const *globs;
        size_t glob_count;
        struct frame_artifacts bounds;
};

/* Emits ARTIFACT, ARTIFACT_DATA and ARTIFACT_OMITTED for what lies below `root` and a glob matches: regular files with one name, as far
 * as the bounds go. False: the port gave up, or a file could not be read to the size it has. */
bool collect_artifacts(int root, const struct collect_request *request, const struct collect_port *port, struct frame_report *ret_report);

/* Raises *largest_bytes to the size of the largest regular file below `root`. */
void collect_largest(int root, uint64_t *largest_bytes);

/* No block or no inode is left. */
bool collect_is_full(int root);

#endif
