#include "worker/init/glob.h"

#include <stdint.h>
#include <string.h>

static size_t segment_size(const char *text)
{
        return strcspn(text, "/");
}

static const char *segment_next(const char *text)
{
        text += segment_size(text);
        return *text ? text + 1 : text;
}

/* Bytes of the character at `text`; 1 for a byte that begins none. */
static size_t character_size(const char *text, const char *end)
{
        uint8_t first = (uint8_t)*text;
        size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
        if (size > (size_t)(end - text))
                return 1;
        for (size_t i = 1; i < size; i++) {
                if (((uint8_t)text[i] & 0xC0) != 0x80)
                        return 1;
        }
        return size;
}

/* Big-endian, which orders UTF-8 as its code points. */
static uint32_t character_at(const char *text, size_t size)
{
        uint32_t value = 0;
        for (size_t i = 0; i < size; i++)
                value = value << 8 | (uint8_t)text[i];
        return value;
}

/* The `]` that closes the set after `[`, or NULL. */
static const char *set_end(const char *set, const char *end)
{
        const char *at = set;
        if (at < end && (*at == '!' || *at == '^'))
                at++;
        if (at < end && *at == ']')
                at++;
        return at < end ? memchr(at, ']', (size_t)(end - at)) : NULL;
}

static uint32_t set_take(const char **at, const char *end)
{
        size_t size = character_size(*at, end);
        uint32_t value = character_at(*at, size);
        *at += size;
        return value;
}

static bool set_has(const char *set, const char *end, uint32_t character)
{
        bool negated = *set == '!' || *set == '^';
        bool found = false;
        for (const char *at = set + negated; at < end;) {
                uint32_t low = set_take(&at, end);
                uint32_t high = low;
                if (end - at >= 2 && *at == '-') {
                        at++;
                        high = set_take(&at, end);
                }
                found |= low <= character && character <= high;
        }
        return found != negated;
}

/* One character of `name` against one element of `pattern` that is no `*`. Returns the element's size, 0 when it does not match. */
static size_t element_match(const char *pattern, const char *pattern_end, const char *name, size_t size)
{
        if (*pattern == '?')
                return 1;
        const char *end = *pattern == '[' ? set_end(pattern + 1, pattern_end) : NULL;
        if (end)
                return set_has(pattern + 1, end, character_at(name, size)) ? (size_t)(end + 1 - pattern) : 0;
        return (size_t)(pattern_end - pattern) >= size && memcmp(pattern, name, size) == 0 ? size : 0;
}

/* The last `*` takes one character more each time the rest does not fit: no earlier one need be tried again. */
static bool segment_match(const char *pattern, const char *pattern_end, const char *name, const char *name_end)
{
        const char *star = NULL, *resume = NULL;
        if (*name == '.' && *pattern != '.')
                return false;
        while (name < name_end) {
                size_t size = character_size(name, name_end);
                size_t element = 0;
                if (pattern < pattern_end && *pattern == '*') {
                        star = ++pattern;
                        resume = name;
                        continue;
                }
                if (pattern < pattern_end)
                        element = element_match(pattern, pattern_end, name, size);
                if (element) {
                        pattern += element;
                        name += size;
                } else if (star) {
                        resume += character_size(resume, name_end);
                        pattern = star;
                        name = resume;
                } else {
                        return false;
                }
        }
        while (pattern < pattern_end && *pattern == '*')
                pattern++;
        return pattern == pattern_end;
}

static bool is_any(const char *pattern)
{
        return segment_size(pattern) == 2 && memcmp(pattern, "**", 2) == 0;
}

static bool segments_match(const char *pattern, const char *path)
{
        return segment_match(pattern, pattern + segment_size(pattern), path, path + segment_size(path));
}

static bool any_hidden(const char *path)
{
        for (; *path; path = segment_next(path)) {
                if (*path == '.')
                        return true;
        }
        return false;
}

/* The same walk, a segment at a time: `**` is its star. */
bool glob_match(const char *pattern, const char *path)
{
        const char *any = NULL, *resume = NULL;
        while (*path) {
                if (is_any(pattern)) {
                        any = pattern = segment_next(pattern);
                        resume = path;
                        if (!*pattern)
                                return !any_hidden(path);
                } else if (*pattern && segments_match(pattern, path)) {
                        pattern = segment_next(pattern);
                        path = segment_next(path);
                } else if (any && *resume != '.') {
                        path = resume = segment_next(resume);
                        pattern = any;
                } else {
                        return false;
                }
        }
        return !*pattern;
}

bool glob_ends_in_any(const char *pattern)
{
        const char *last = strrchr(pattern, '/');
        return is_any(last ? last + 1 : pattern);
}

struct utf8_form {
        uint32_t low, high; /* first and last character of this size */
};

static bool character_valid(uint32_t value, size_t size)
{
        static const struct utf8_form forms[] = {
                        {0, 0x7F},
                        {0xC280, 0xDFBF},
                        {0xE0A080, 0xEFBFBF},
                        {0xF0908080, 0xF48FBFBF},
        };
        const struct utf8_form *form = &forms[size - 1];
        bool surrogate = value >= 0xEDA080 && value <= 0xEDBFBF;
        return value >= form->low && value <= form->high && !surrogate;
}

bool glob_utf8_valid(const char *text)
{
        const char *end = text + strlen(text);
        while (text < end) {
                size_t size = character_size(text, end);
                if (!character_valid(character_at(text, size), size))
                        return false;
                text += size;
        }
        return true;
}
