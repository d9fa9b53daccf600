/* The small text files of control groups. */
#ifndef BRIG_SANDBOX_CGROUP_FILE_H
#define BRIG_SANDBOX_CGROUP_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { CGROUP_FILE_SIZE = 4096 };

/* The file's beginning, NUL-terminated. 0, or -1 with errno in `sys`. */
int cgroup_file_read(const char *path, char *ret_text, size_t size, struct error *e);
int cgroup_file_write(const char *path, const char *text, struct error *e);

/* A number; "max", -1 and the huge value that v1 takes for "none" are UINT64_MAX. 0, or -1: none is there. */
int cgroup_file_number(const char *text, uint64_t *ret_number);

/* The number behind `key` at the beginning of a line; with an empty key the text is one number. */
int cgroup_file_key(const char *text, const char *key, uint64_t *ret_number);

#endif
