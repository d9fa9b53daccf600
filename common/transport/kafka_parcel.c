#include "common/transport/kafka_parcel.h"

#include <stdlib.h>
#include <string.h>

static struct span copy_span(uint8_t **at, struct span s)
{
        uint8_t *copy = *at;
        if (!s.data)
                return s;
        memcpy(copy, s.data, s.size);
        copy[s.size] = 0;
        *at += s.size + 1;
        return (struct span){copy, s.size};
}

static size_t parcel_size(const struct kafka_send *send)
{
        size_t size = sizeof(struct kafka_parcel) + send->header_count * sizeof(struct kafka_header) + send->key.size + send->value.size +
                      2;
        for (size_t i = 0; i < send->header_count; i++)
                size += send->headers[i].name.size + send->headers[i].value.size + 2;
        return size;
}

struct kafka_parcel *kafka_parcel_new(struct kafka_send *send)
{
        struct kafka_parcel *parcel = malloc(parcel_size(send));
        if (!parcel)
                return NULL;
        *parcel = (struct kafka_parcel){.send = send, .partition = send->partition, .header_count = send->header_count};
        list_init(&parcel->link);
        uint8_t *at = (uint8_t *)&parcel->headers[send->header_count];
        parcel->key = copy_span(&at, send->key);
        parcel->value = copy_span(&at, send->value);
        for (size_t i = 0; i < send->header_count; i++)
                parcel->headers[i] = (struct kafka_header){copy_span(&at, send->headers[i].name), copy_span(&at, send->headers[i].value)};
        return parcel;
}

void kafka_parcel_tell(struct kafka_parcel *parcel, int64_t offset, const struct error *e)
{
        struct kafka_send *send = parcel->send;
        parcel->send = NULL;
        if (!send)
                return;
        send->private = NULL;
        send->done(send, parcel->partition, offset, e);
}

void kafka_parcel_finish(struct kafka_parcel *parcel, int64_t offset, const struct error *e)
{
        list_remove(&parcel->link);
        kafka_parcel_tell(parcel, offset, e);
        free(parcel);
}

static enum error_code refusal_code(rd_kafka_resp_err_t err)
{
        switch (err) {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_INVALID_MSG:
        case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
                return ERROR_INVALID;
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
                return ERROR_DENIED;
        default:
                return ERROR_NONE;
        }
}

bool kafka_parcel_refuse(struct kafka_parcel *parcel, rd_kafka_resp_err_t err)
{
        struct error e;
        enum error_code code = refusal_code(err);
        if (code == ERROR_NONE)
                return false;
        error_set(&e, code, "record of %zu bytes for %s: %s", parcel->value.size, parcel->topic->name, rd_kafka_err2str(err));
        kafka_parcel_finish(parcel, -1, &e);
        return true;
}

static size_t describe(struct kafka_parcel *parcel, rd_kafka_vu_t *parts)
{
        size_t n = 0;
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = parcel->topic->name};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = parcel->partition};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)parcel->key.data, parcel->key.size}};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)parcel->value.data, parcel->value.size}};
        parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = parcel};
        for (size_t i = 0; i < parcel->header_count; i++)
                parts[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
                                             .u.header = {(const char *)parcel->headers[i].name.data, parcel->headers[i].value.data,
                                                          (ssize_t)parcel->headers[i].value.size}};
        return n;
}

rd_kafka_resp_err_t kafka_parcel_produce(struct kafka_parcel *parcel, rd_kafka_t *handle)
{
        rd_kafka_vu_t parts[5 + KAFKA_HEADERS_MAX];
        size_t count = describe(parcel, parts);
        rd_kafka_error_t *error = rd_kafka_produceva(handle, parts, count);
        rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (error)
                rd_kafka_error_destroy(error);
        return err;
}
