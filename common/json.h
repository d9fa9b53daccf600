/* Strict JSON over jansson, and small functions to read and write members. */
#ifndef BRIG_COMMON_JSON_H
#define BRIG_COMMON_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

/* Parses one document. Refused (ERROR_INVALID, with line and column in the text): anything but one JSON value, duplicate keys, invalid
 * UTF-8, NUL and \u0000, numbers beyond 2^63-1, nesting deeper than 64. Returns a new reference, or NULL. */
json_t *json_document_parse(struct span text, struct error *e);

enum { JSON_DEPTH_MAX = 64, JSON_PATH_SIZE = 128 };

/* The same, and on failure the dotted path of the place at fault, such as `files[3].path` (cut to fit; "" at the top). */
json_t *json_document_parse_where(struct span text, char ret_path[static JSON_PATH_SIZE], struct error *e);

/* Compact text, in insertion order, appended to `ret_text`. 0, or -1: no memory. */
int json_document_append(const json_t *value, struct bytes *ret_text);

/* A new string; bytes that are no UTF-8 and NULs become U+FFFD. NULL: no memory. */
json_t *json_text(struct span text);

/* Sets object[key] to text: as it is when `data` is UTF-8 without NUL and its JSON form is not longer than base64; else to base64, and
 * object[encoding_key] to "base64". 0 or -1. */
int json_set_data(json_t *object, const char *key, const char *encoding_key, struct span data);

/* Reads what json_set_data wrote (absent: empty). 0, or -1: wrong type or bad base64. */
int json_get_data(const json_t *object, const char *key, const char *encoding_key, struct bytes *ret_data);

#endif
