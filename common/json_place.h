/* Where in a JSON text one is: the keys and indexes that lead to its last byte. Bears texts that are no JSON. */
#ifndef BRIG_COMMON_JSON_PLACE_H
#define BRIG_COMMON_JSON_PLACE_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/json.h"

struct json_level {
        bool array;
        bool key_next;   /* an object's next string is a key */
        struct span key; /* borrowed from the text; escapes as they stand */
        size_t index;
};

struct json_place {
        struct json_level levels[JSON_DEPTH_MAX];
        size_t depth;
};

/* The place at the end of `text`; false when some part of it is nested deeper than JSON_DEPTH_MAX. */
bool json_place_find(struct json_place *ret_place, struct span text);

/* "limits.memory_bytes", "files[3].path", cut to fit. */
void json_place_format(const struct json_place *place, char ret_path[static JSON_PATH_SIZE]);

#endif
