/* Programs that were compiled, kept by the name of what they were made of: LOG_DIR/compiled/KEY, mode 0600, never executed on the host.
 *
 * It has no state but its folder, so that it outlives the process, and several may share it. The least recently used give way. */
#ifndef BRIG_SANDBOX_COMPILE_CACHE_H
#define BRIG_SANDBOX_COMPILE_CACHE_H

#include "common/bytes.h"
#include "common/error.h"

#define COMPILE_CACHE_ENTRIES_MAX 256
#define COMPILE_CACHE_BYTES_MAX (UINT64_C(256) << 20)

struct compile_cache {
        const char *log_directory; /* borrowed */
        size_t entries_max;
        uint64_t bytes_max;
};

/* Appends the program. False: it is not there. */
bool compile_cache_find(const struct compile_cache *cache, const char *key, struct bytes *ret_program);

/* Keeps it whole or not at all, then drops the oldest beyond the bounds. 0 or -1 (ERROR_SYSTEM). */
int compile_cache_keep(const struct compile_cache *cache, const char *key, struct span program, struct error *e);

#endif
