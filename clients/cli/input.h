/* A whole file, or standard input, in memory. */
#ifndef BRIG_CLI_INPUT_H
#define BRIG_CLI_INPUT_H

#include "common/bytes.h"
#include "common/error.h"

enum { INPUT_BYTES_MAX = 64 << 20 };

/* Reads `path` ("-": standard input) to its end; blocks. 0, or -1: cannot be read (ERROR_USAGE with errno's text), or is larger than
 * INPUT_BYTES_MAX (ERROR_INVALID). */
int input_read(const char *path, struct bytes *ret_data, struct error *e);

#endif
