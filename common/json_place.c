#include "common/json_place.h"

#include <stdio.h>

#include "common/encoding.h"

/* `at` stands behind the opening quote; returns where the closing one is, or the end. */
static size_t string_end(struct span text, size_t at)
{
        while (at < text.size && text.data[at] != '"')
                at += text.data[at] == '\\' ? 2 : 1;
        return at < text.size ? at : text.size;
}

static bool open_level(struct json_place *place, bool array)
{
        if (place->depth == JSON_DEPTH_MAX)
                return false;
        place->levels[place->depth++] = (struct json_level){.array = array, .key_next = !array};
        return true;
}

static void next_member(struct json_place *place)
{
        struct json_level *level = place->depth ? &place->levels[place->depth - 1] : NULL;
        if (!level)
                return;
        level->index++;
        level->key_next = !level->array;
}

static void take_string(struct json_place *place, struct span string)
{
        struct json_level *level = place->depth ? &place->levels[place->depth - 1] : NULL;
        if (!level || !level->key_next)
                return;
        level->key = string;
        level->key_next = false;
}

bool json_place_find(struct json_place *ret_place, struct span text)
{
        ret_place->depth = 0;
        for (size_t at = 0; at < text.size; at++) {
                uint8_t c = text.data[at];
                if ((c == '{' || c == '[') && !open_level(ret_place, c == '['))
                        return false;
                if ((c == '}' || c == ']') && ret_place->depth)
                        ret_place->depth--;
                if (c == ',')
                        next_member(ret_place);
                if (c != '"')
                        continue;
                size_t end = string_end(text, at + 1);
                take_string(ret_place, (struct span){text.data + at + 1, end - at - 1});
                at = end;
        }
        return true;
}

void json_place_format(const struct json_place *place, char ret_path[static JSON_PATH_SIZE])
{
        size_t size = 0;
        ret_path[0] = 0;
        for (size_t i = 0; i < place->depth && size < JSON_PATH_SIZE; i++) {
                const struct json_level *level = &place->levels[i];
                const char *separator = level->array || !level->key.size || !size ? "" : ".";
                size_t room = JSON_PATH_SIZE - size;
                int added = level->array ? snprintf(ret_path + size, room, "[%zu]", level->index)
                                         : snprintf(ret_path + size, room, "%s%.*s", separator, (int)level->key.size, level->key.data);
                size += added > 0 ? (size_t)added : 0;
        }
        utf8_trim(ret_path);
}
