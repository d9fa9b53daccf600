/* A folder with the files of one job: made empty for one container, written by the worker, wiped after it.
 *
 * Containers see it read-only, so nothing in it was ever written by a job. Every name is resolved beneath one directory descriptor. */
#ifndef BRIG_SANDBOX_CODE_FOLDER_H
#define BRIG_SANDBOX_CODE_FOLDER_H

#include "common/bytes.h"
#include "common/error.h"

/* Makes `name` under `parent` (a directory descriptor). Returns a descriptor of it, which the caller closes, or -1. */
int code_folder_make(int parent, const char *name, struct error *e);

/* Writes one file, with the folders on its way, executable and read-only for all. `path` is relative; a name that leads out, exists
 * already or passes a link is refused. 0 or -1 (ERROR_SYSTEM). */
int code_folder_write(int folder, const char *path, struct span content, struct error *e);

/* Removes `name` under `parent` with all that is in it; one that is not there is no error. 0 or -1. */
int code_folder_remove(int parent, const char *name, struct error *e);

#endif
