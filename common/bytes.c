#include "common/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_CAPACITY_MIN = 64 };

void bytes_deinit(struct bytes *b)
{
        free(b->data);
        *b = (struct bytes){0};
}

int bytes_reserve(struct bytes *b, size_t extra)
{
        size_t needed, capacity = b->capacity ? b->capacity : BYTES_CAPACITY_MIN;
        if (__builtin_add_overflow(b->size, extra, &needed) || needed > SIZE_MAX / 2 - 1) {
                errno = ENOMEM;
                return -1;
        }
        if (b->data && needed + 1 <= b->capacity)
                return 0;
        while (capacity < needed + 1)
                capacity *= 2;
        uint8_t *data = realloc(b->data, capacity);
        if (!data)
                return -1;
        data[b->size] = 0;
        b->data = data;
        b->capacity = capacity;
        return 0;
}

int bytes_append(struct bytes *b, const void *data, size_t size)
{
        if (bytes_reserve(b, size) < 0)
                return -1;
        if (size)
                memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = 0;
        return 0;
}

int bytes_append_string(struct bytes *b, const char *text)
{
        return bytes_append(b, text, strlen(text));
}

int bytes_append_format(struct bytes *b, const char *format, ...)
{
        va_list arguments, again;
        va_start(arguments, format);
        va_copy(again, arguments);
        int size = vsnprintf(NULL, 0, format, arguments);
        int status = size < 0 ? -1 : bytes_reserve(b, (size_t)size);
        if (!status) {
                vsnprintf((char *)b->data + b->size, (size_t)size + 1, format, again);
                b->size += (size_t)size;
        }
        va_end(again);
        va_end(arguments);
        return status;
}

void bytes_consume(struct bytes *b, size_t size)
{
        if (!b->data)
                return;
        if (size > b->size)
                size = b->size;
        memmove(b->data, b->data + size, b->size - size + 1);
        b->size -= size;
}

char *bytes_take(struct bytes *b)
{
        char *text = (char *)b->data;
        *b = (struct bytes){0};
        return text;
}

struct span span_of(const char *text)
{
        return (struct span){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool span_equal(struct span a, struct span b)
{
        return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

bool span_to_u64(struct span s, uint64_t *ret_value)
{
        uint64_t value = 0;
        for (size_t i = 0; i < s.size; i++) {
                if (s.data[i] < '0' || s.data[i] > '9')
                        return false;
                if (__builtin_mul_overflow(value, 10U, &value) || __builtin_add_overflow(value, (uint64_t)(s.data[i] - '0'), &value))
                        return false;
        }
        if (s.size)
                *ret_value = value;
        return s.size > 0;
}

bool span_to_i64(struct span s, int64_t *ret_value)
{
        uint64_t magnitude;
        bool negative = s.size && s.data[0] == '-';
        struct span digits = negative ? (struct span){s.data + 1, s.size - 1} : s;
        if (!span_to_u64(digits, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
                return false;
        *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return true;
}
