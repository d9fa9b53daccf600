/* A command that reads or writes the queue: its configuration and cluster, opened together. */
#ifndef BRIG_CLI_SESSION_H
#define BRIG_CLI_SESSION_H

#include <stdbool.h>

#include "clients/cli/cluster.h"
#include "common/config.h"

struct session {
        struct config config;
        struct cluster cluster;
};

/* `config_file` NULL: the usual one. False: the complaint has been printed, *ret_status is what to return, and there is nothing to close. */
bool session_open(struct session *session, const char *config_file, int *ret_status);
void session_close(struct session *session);

#endif
