/* A hiredis reply made flat: one field, or the elements of an array, each as text. */
#ifndef BRIG_TRANSPORT_REDIS_FIELDS_H
#define BRIG_TRANSPORT_REDIS_FIELDS_H

#include <hiredis/hiredis.h>

#include "common/transport/redis_port.h"

/* Memory that is used again for each reply. Zero-initialised it is empty. */
struct redis_fields {
        struct bytes spans, numbers;
};

void redis_fields_deinit(struct redis_fields *f);

/* The result borrows from `reply` and `f`, until the next call. 0, or -1: no memory. */
int redis_fields_flatten(struct redis_fields *f, const redisReply *reply, struct redis_reply *ret_reply);

#endif
