/* Which containers are wanted ready: what was asked for or used lately. Pure. */
#ifndef BRIG_SANDBOX_DEMAND_H
#define BRIG_SANDBOX_DEMAND_H

#include "worker/sandbox/slot.h"

enum { DEMAND_MAX = 16, DEMAND_LASTS_MS = 10 * 60 * 1000 };

struct demand_entry {
        struct slot_want want;
        uint64_t asked_ms;         /* 0: unused */
        uint64_t not_before_ms;    /* after a failure */
        uint64_t missing_since_ms; /* fewer are ready than are to be; 0: enough are */
};

/* Zeroed it is empty. */
struct demand {
        struct demand_entry entries[DEMAND_MAX];
};

/* Notes one more wish; the oldest gives way. */
void demand_note(struct demand *demand, const struct slot_want *want, uint64_t now_ms);

/* Making one failed: none is tried again for a while. */
void demand_hold(struct demand *demand, const struct slot_want *want, uint64_t now_ms);

/* Does it still last, and may it be tried? */
bool demand_entry_lasts(const struct demand_entry *entry, uint64_t now_ms);

/* When `want` was last asked for; 0: never. */
uint64_t demand_asked_ms(const struct demand *demand, const struct slot_want *want);

#endif
