/* The known name most like a misspelt one, for error messages. */
#ifndef BRIG_COMMON_NEAREST_H
#define BRIG_COMMON_NEAREST_H

#include <stddef.h>

#include "common/bytes.h"

/* By edit distance with transpositions; NULL when none is near enough to help (more than a third of the letters differ). */
const char *nearest_name(struct span name, const char *const *known, size_t count);

#endif
