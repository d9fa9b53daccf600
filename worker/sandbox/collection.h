/* The artifacts of one job as they come from brig-init: kept by content, named in the result; what cannot be kept is said there. */
#ifndef BRIG_SANDBOX_COLLECTION_H
#define BRIG_SANDBOX_COLLECTION_H

#include "common/result.h"
#include "worker/init/frame.h"
#include "worker/sandbox/artifacts.h"

struct collection {
        const char *log_directory; /* borrowed, as result */
        struct result *result;
        struct bytes *product;     /* borrowed: the content of the one artifact goes here, nowhere else; NULL: as files */
        struct artifact_file file; /* the one being received */
        char *path;
        uint64_t left_bytes, total_bytes;
        size_t begun; /* artifacts */
};

/* Frames ARTIFACT, ARTIFACT_DATA, ARTIFACT_OMITTED, REPORT. 0, or -1 when they make no sense or go
 * beyond the bounds that brig-init keeps (ERROR_PROTOCOL): whatever became of it, no more than them is taken. */
int collection_take(struct collection *c, const struct frame *frame, struct error *e);

void collection_deinit(struct collection *c); /* drops what is not whole */

#endif
