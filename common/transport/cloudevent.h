/* The CloudEvents 1.0 headers (Kafka protocol binding, binary mode) of a record that brig produces. */
#ifndef BRIG_TRANSPORT_CLOUDEVENT_H
#define BRIG_TRANSPORT_CLOUDEVENT_H

#include "common/clock.h"
#include "common/transport/kafka_record.h"

enum { CLOUDEVENT_HEADERS = 6 };

struct cloudevent {
        const char *type;   /* borrowed: "brig.result", "brig.audit", … */
        const char *source; /* borrowed: a URI reference, "/brig/worker/NAME" */
        const char *id;     /* borrowed: unique within the source */
        char time[CLOCK_RFC3339_SIZE];
};

/* Writes content-type, ce_specversion, ce_id, ce_source, ce_type and ce_time; they borrow from `event`. */
void cloudevent_headers(const struct cloudevent *event, struct kafka_header ret_headers[static CLOUDEVENT_HEADERS]);

#endif
