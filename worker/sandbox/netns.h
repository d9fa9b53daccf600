/* Network namespaces of containers, acted on from outside. */
#ifndef BRIG_SANDBOX_NETNS_H
#define BRIG_SANDBOX_NETNS_H

#include <sys/types.h>

#include "common/error.h"

/* Raises `lo` in the network namespace of a process (its id as this process sees it). A short-lived thread goes there, so the
 * caller never leaves its own; it blocks for about 0.1 ms. Needs CAP_SYS_ADMIN. 0 or -1. setns(2), netdevice(7). */
int netns_raise_loopback(pid_t pid, struct error *e);

#endif
