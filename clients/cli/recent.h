/* The newest of many lines, in order of time, whatever order they come in; memory is bounded by how many are kept. */
#ifndef BRIG_CLI_RECENT_H
#define BRIG_CLI_RECENT_H

#include <stddef.h>
#include <stdint.h>

struct recent_line {
        int64_t time_ms;
        char *text; /* owned */
};

struct recent {
        size_t keep; /* at least 1 */
        struct recent_line *lines;
        size_t count, capacity;
};

void recent_deinit(struct recent *recent);

/* Takes `text_take` (malloc; NULL is no memory) also on failure. 0 or -1: no memory. */
int recent_add(struct recent *recent, int64_t time_ms, char *text_take);

/* Sorts, drops all but the newest `keep`, and prints them, the oldest first, control characters as '?'. */
void recent_print(struct recent *recent);

#endif
