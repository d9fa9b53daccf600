/* A request to the dispatchers on the control topic, and their answer. */
#ifndef BRIG_CLI_CONTROL_REQUEST_H
#define BRIG_CLI_CONTROL_REQUEST_H

#include <jansson.h>

#include "clients/cli/cluster.h"
#include "common/error.h"

/* Sends `request` (an object with its type; the agent and an id of its own are added) and waits for the reply to it. 0 and the reply, a new
 * reference; -1: no broker, or (ERROR_TIMEOUT) no dispatcher answered within `timeout_ms`. */
int control_request(const struct cluster *cluster, const char *agent_id, json_t *request, uint64_t timeout_ms, json_t **ret_reply,
                    struct error *e);

#endif
