/* Artifact globs. Pure.
 *
 * `*` any part of a name, `?` one character, `[a-z]` `[!a-z]` one of (or none of) a set; a whole segment `**` any number of folders, none
 * included. A `.` that begins a name is matched only by itself. Nothing else is special; a `[` that nothing closes is itself. */
#ifndef BRIG_INIT_GLOB_H
#define BRIG_INIT_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Time is bounded by the product of both lengths, whatever the pattern. */
bool glob_match(const char *pattern, const char *path);

/* The pattern ends in a segment `**`, so it means what folders hold, never a folder. */
bool glob_ends_in_any(const char *pattern);

/* RFC 3629: no over-long forms, no surrogates. */
bool glob_utf8_valid(const char *text);

#endif
