/* Where time comes from: the system's clocks, or a test's virtual ones. Core code never asks the system itself. */
#ifndef BRIG_COMMON_CLOCK_H
#define BRIG_COMMON_CLOCK_H

#include <stdint.h>

struct clock {
        uint64_t (*boottime_ms)(const struct clock *clock); /* CLOCK_BOOTTIME: never jumps, counts suspend; for deadlines */
        uint64_t (*realtime_ms)(const struct clock *clock); /* Unix time; only for records and display */
        uint64_t virtual_ms;                                /* used by virtual clocks alone */
};

extern const struct clock clock_system;

/* Both readings are `virtual_ms`, which the test moves. */
struct clock clock_virtual(uint64_t start_ms);

static inline uint64_t clock_boottime_ms(const struct clock *clock)
{
        return clock->boottime_ms(clock);
}

static inline uint64_t clock_realtime_ms(const struct clock *clock)
{
        return clock->realtime_ms(clock);
}

enum { CLOCK_RFC3339_SIZE = 25 }; /* "2026-01-10T02:27:34.123Z" and its NUL */

/* RFC 3339, UTC, milliseconds. */
void clock_format_rfc3339(uint64_t realtime_ms, char ret_text[static CLOCK_RFC3339_SIZE]);

/* Any RFC 3339 date-time, offset included; 0, or -1 when `text` is none. */
int clock_parse_rfc3339(const char *text, uint64_t *ret_realtime_ms);

#endif
