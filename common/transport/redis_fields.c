#include "common/transport/redis_fields.h"

enum { NUMBER_SIZE = 24 };

void redis_fields_deinit(struct redis_fields *f)
{
        bytes_deinit(&f->spans);
        bytes_deinit(&f->numbers);
}

static int fields_append(struct redis_fields *f, const redisReply *reply)
{
        struct span field = {(const uint8_t *)reply->str, reply->str ? (size_t)reply->len : 0};
        if (reply->type == REDIS_REPLY_INTEGER) {
                field.data = f->numbers.data + f->numbers.size;
                if (bytes_append_format(&f->numbers, "%lld", reply->integer))
                        return -1;
                field.size = (size_t)(f->numbers.data + f->numbers.size - field.data);
        }
        return bytes_append(&f->spans, &field, sizeof field);
}

/* The room for numbers is made first, so that none moves. */
int redis_fields_flatten(struct redis_fields *f, const redisReply *reply, struct redis_reply *ret_reply)
{
        bool array = reply->type == REDIS_REPLY_ARRAY;
        size_t count = array ? reply->elements : 1;
        bytes_clear(&f->spans);
        bytes_clear(&f->numbers);
        if (bytes_reserve(&f->numbers, count * NUMBER_SIZE + 1) || bytes_reserve(&f->spans, count * sizeof(struct span) + 1))
                return -1;
        for (size_t i = 0; i < count; i++) {
                if (fields_append(f, array ? reply->element[i] : reply))
                        return -1;
        }
        *ret_reply = (struct redis_reply){(const struct span *)(const void *)f->spans.data, count};
        return 0;
}
