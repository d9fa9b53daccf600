/* What a Redis server must be for brig: read from its INFO. */
#ifndef BRIG_TRANSPORT_REDIS_SERVER_H
#define BRIG_TRANSPORT_REDIS_SERVER_H

#include "common/error.h"

enum { REDIS_RUN_ID_SIZE = 64 };

/* Checks version (>= 7.0), role (primary), that it has loaded its data, and maxmemory-policy (noeviction: anything else silently drops
 * leases). `name` is the address for messages. 0 with its run id, or -1 (ERROR_REDIS) with the remedy. */
int redis_server_check(const char *info, const char *name, char ret_run_id[static REDIS_RUN_ID_SIZE], struct error *e);

#endif
