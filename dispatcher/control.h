/* Control: requests on brig.control, applied by whichever dispatcher reads them, and answered on the same topic.
 *
 * Request {"type": "cancel", "request_id", "agent_id", "job_id"} or {"type": "agent", "request_id", "agent_id", "trust"?,
 * "quarantined"?}; the reply has "type": "reply", the request's id and ids, and "outcome": cancelled, cancelling, done, noted, changed, or
 * invalid with "message". Applied at least once: each is harmless twice. */
#ifndef BRIG_DISPATCHER_CONTROL_H
#define BRIG_DISPATCHER_CONTROL_H

#include <jansson.h>

#include "common/transport/gate.h"
#include "common/transport/kafka_record.h"

struct dispatcher;

struct control {
        struct dispatcher *dispatcher; /* borrowed */
        struct gate_cancel cancel;
        struct gate_agent_op change;
        json_t *request; /* of the operation under way; NULL: none */
        int32_t partition;
        int64_t offset;
        bool again; /* it failed: to be started again */
};

void control_deinit(struct control *c);

/* A record of brig.control; false: not now. */
bool control_record(struct control *c, const struct kafka_record *record);

/* Lets refused records come again when nothing is under way. */
void control_tick(struct control *c);

#endif
