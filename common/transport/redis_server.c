#include "common/transport/redis_server.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_MAJOR_MIN = 7, FIELD_SIZE = 64 };

/* The value of a "name:value" line, cut to fit; "" when there is none. */
static void info_field(const char *info, const char *name, char ret_value[static FIELD_SIZE])
{
        size_t size = strlen(name);
        ret_value[0] = 0;
        for (const char *line = info; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, size) == 0 && line[size] == ':') {
                        snprintf(ret_value, FIELD_SIZE, "%.*s", (int)strcspn(line + size + 1, "\r\n"), line + size + 1);
                        return;
                }
        }
}

int redis_server_check(const char *info, const char *name, char ret_run_id[static REDIS_RUN_ID_SIZE], struct error *e)
{
        char version[FIELD_SIZE], role[FIELD_SIZE], loading[FIELD_SIZE], policy[FIELD_SIZE], run_id[FIELD_SIZE];
        info_field(info, "redis_version", version);
        info_field(info, "role", role);
        info_field(info, "loading", loading);
        info_field(info, "maxmemory_policy", policy);
        info_field(info, "run_id", run_id);
        if (strtol(version, NULL, 10) < VERSION_MAJOR_MIN)
                return error_set(e, ERROR_REDIS, "Redis at %s has version %s; brig needs 7.0 or later", name, version);
        if (strcmp(loading, "1") == 0)
                return error_set(e, ERROR_REDIS, "Redis at %s is still loading its data", name);
        if (strcmp(role, "slave") == 0)
                return error_set(e, ERROR_REDIS, "Redis at %s is a replica; point redis.url (BRIG_REDIS_URL) at the primary", name);
        if (strcmp(policy, "noeviction") != 0)
                return error_set(e, ERROR_REDIS,
                                 "Redis at %s has maxmemory-policy %s, which silently drops leases; run CONFIG SET maxmemory-policy "
                                 "noeviction",
                                 name, *policy ? policy : "unknown");
        if (!*run_id)
                return error_set(e, ERROR_REDIS, "Redis at %s does not tell its run id in INFO", name);
        memcpy(ret_run_id, run_id, strlen(run_id) + 1);
        return 0;
}
