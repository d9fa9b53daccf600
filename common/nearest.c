#include "common/nearest.h"

#include <string.h>

enum { NAME_BYTES_MAX = 63 };

static size_t minimum(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Optimal string alignment; both at most NAME_BYTES_MAX long. Rows: the one before last, the last, the present. */
static size_t edit_distance(struct span a, struct span b)
{
        size_t rows[3][NAME_BYTES_MAX + 1];
        size_t *before = rows[0], *last = rows[1], *now = rows[2];
        for (size_t j = 0; j <= b.size; j++)
                last[j] = j;
        for (size_t i = 1; i <= a.size; i++) {
                now[0] = i;
                for (size_t j = 1; j <= b.size; j++) {
                        size_t replaced = last[j - 1] + (a.data[i - 1] != b.data[j - 1]);
                        now[j] = minimum(replaced, minimum(last[j], now[j - 1]) + 1);
                        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                                now[j] = minimum(now[j], before[j - 2] + 1);
                }
                size_t *spare = before;
                before = last;
                last = now;
                now = spare;
        }
        return last[b.size];
}

const char *nearest_name(struct span name, const char *const *known, size_t count)
{
        const char *nearest = NULL;
        size_t best = SIZE_MAX;
        if (!name.size || name.size > NAME_BYTES_MAX)
                return NULL;
        for (size_t i = 0; i < count; i++) {
                struct span candidate = span_of(known[i]);
                if (candidate.size > NAME_BYTES_MAX)
                        continue;
                size_t distance = edit_distance(name, candidate);
                size_t longer = name.size > candidate.size ? name.size : candidate.size;
                if (distance * 3 > longer || distance >= best)
                        continue;
                best = distance;
                nearest = known[i];
        }
        return nearest;
}
