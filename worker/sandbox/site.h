/* Where brig's own parts lie on this host: brig-init, and the seccomp lists beside the configuration. */
#ifndef BRIG_SANDBOX_SITE_H
#define BRIG_SANDBOX_SITE_H

#include <limits.h>

#include "common/config.h"
#include "common/error.h"

/* brig-init: `given`, or NULL: beside the running program, else ../libexec/brig. An absolute path. 0 or -1 (ERROR_CONFIG). */
int site_find_init(const char *given, char ret_path[static PATH_MAX], struct error *e);

/* deploy/egress: in the source tree of the running program, else ../libexec/brig. An absolute path, or false. */
bool site_find_egress(char ret_path[static PATH_MAX]);

/* The text of DIRECTORY/seccomp/NAME.json, which the caller frees; NULL (ERROR_CONFIG). */
char *site_read_seccomp(const struct config *config, const char *name, struct error *e);

/* The folder of what stands between a program and the names its level blocks: fence/ of the configuration. 0, or -1 (ERROR_CONFIG). */
int site_find_fence(const struct config *config, char ret_path[static PATH_MAX], struct error *e);

#endif
