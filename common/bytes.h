/* A growable run of bytes, and `struct span`, a borrowed one. */
#ifndef BRIG_COMMON_BYTES_H
#define BRIG_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
        const uint8_t *data; /* borrowed; not NUL-terminated */
        size_t size;
};

/* Zero-initialised it is empty and valid. A NUL always follows the last byte once data is not NULL, and is not counted. */
struct bytes {
        uint8_t *data;
        size_t size;
        size_t capacity;
};

void bytes_deinit(struct bytes *b); /* frees; leaves it empty and valid */

/* Appends. Returns 0, or -1 (ENOMEM) and leaves `b` as it was. */
int bytes_append(struct bytes *b, const void *data, size_t size);
int bytes_append_string(struct bytes *b, const char *text);
int bytes_append_format(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `extra` more bytes after the end; the caller may write there and then raise `size`. 0 or -1. */
int bytes_reserve(struct bytes *b, size_t extra);

/* Drops the first `size` bytes (at most all of them). */
void bytes_consume(struct bytes *b, size_t size);

/* Moves the memory out: the caller frees the NUL-terminated result with free(). NULL when empty and never allocated. */
char *bytes_take(struct bytes *b);

static inline void bytes_clear(struct bytes *b)
{
        b->size = 0;
        if (b->data)
                b->data[0] = 0;
}

static inline struct span bytes_span(const struct bytes *b)
{
        return (struct span){b->data, b->size};
}

struct span span_of(const char *text); /* of a C string; NULL gives an empty span */
bool span_equal(struct span a, struct span b);

/* A decimal number that is the whole span, nothing else; false when it is not one or does not fit. */
bool span_to_u64(struct span s, uint64_t *ret_value);
bool span_to_i64(struct span s, int64_t *ret_value);

#endif
