#include "clients/cli/recent.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recent_deinit(struct recent *recent)
{
        for (size_t i = 0; i < recent->count; i++)
                free(recent->lines[i].text);
        free(recent->lines);
        *recent = (struct recent){.keep = recent->keep};
}

static int compare_times(const void *a, const void *b)
{
        int64_t left = ((const struct recent_line *)a)->time_ms, right = ((const struct recent_line *)b)->time_ms;
        return (left > right) - (left < right);
}

static void settle(struct recent *recent)
{
        if (recent->count == 0)
                return;
        qsort(recent->lines, recent->count, sizeof *recent->lines, compare_times);
        size_t excess = recent->count > recent->keep ? recent->count - recent->keep : 0;
        for (size_t i = 0; i < excess; i++)
                free(recent->lines[i].text);
        recent->count -= excess;
        memmove(recent->lines, recent->lines + excess, recent->count * sizeof *recent->lines);
}

static int make_room(struct recent *recent)
{
        if (recent->count >= 2 * recent->keep)
                settle(recent);
        if (recent->count < recent->capacity)
                return 0;
        size_t capacity = recent->capacity ? 2 * recent->capacity : 64;
        struct recent_line *lines = realloc(recent->lines, capacity * sizeof *lines);
        if (!lines)
                return -1;
        recent->lines = lines;
        recent->capacity = capacity;
        return 0;
}

int recent_add(struct recent *recent, int64_t time_ms, char *text_take)
{
        if (!text_take || make_room(recent) < 0) {
                free(text_take);
                return -1;
        }
        recent->lines[recent->count++] = (struct recent_line){time_ms, text_take};
        return 0;
}

void recent_print(struct recent *recent)
{
        settle(recent);
        for (size_t i = 0; i < recent->count; i++) {
                for (char *c = recent->lines[i].text; *c; c++)
                        if (iscntrl((unsigned char)*c) && *c != '\t')
                                *c = '?';
                printf("%s\n", recent->lines[i].text);
        }
}
