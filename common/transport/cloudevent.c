#include "common/transport/cloudevent.h"

static struct kafka_header header(const char *name, const char *value)
{
        return (struct kafka_header){span_of(name), span_of(value)};
}

void cloudevent_headers(const struct cloudevent *event, struct kafka_header ret_headers[static CLOUDEVENT_HEADERS])
{
        ret_headers[0] = header("content-type", "application/json");
        ret_headers[1] = header("ce_specversion", "1.0");
        ret_headers[2] = header("ce_id", event->id);
        ret_headers[3] = header("ce_source", event->source);
        ret_headers[4] = header("ce_type", event->type);
        ret_headers[5] = header("ce_time", event->time);
}
