/* What is too old, or too much, of what jobs left: LOG_DIR/artifacts, content and index alike, by the files' times alone.
 *
 * Content that a younger job left again is as young as that job (artifacts.h), so nothing has to be counted and no state outlives the
 * process. First what is older than `retention_ms` goes; if more than `total_bytes` is left, a second pass takes the oldest, by the ages
 * the first one saw, which it knows to a sixteenth. Links are never followed, and what is no plain file is left alone. */
#ifndef BRIG_SANDBOX_ARTIFACT_SWEEP_H
#define BRIG_SANDBOX_ARTIFACT_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARTIFACT_AGES = 1024 };

struct artifact_sweep {
        uint64_t now_ms; /* Unix time */
        uint64_t retention_ms;
        uint64_t total_bytes;

        /* what it came to */
        uint64_t kept_bytes;
        size_t removed;

        /* private */
        int root;
        unsigned folder;
        bool again;
        uint64_t cut_ms; /* this age and older ones go */
        uint64_t bytes_of_age[ARTIFACT_AGES];
};

/* The caller has set what stands above. False: nothing was ever kept there. */
bool artifact_sweep_open(struct artifact_sweep *sweep, const char *log_directory);

/* One folder of some hundred; blocks for that. False: it is over, and closed. */
bool artifact_sweep_step(struct artifact_sweep *sweep);

void artifact_sweep_close(struct artifact_sweep *sweep); /* before its end */

#endif
