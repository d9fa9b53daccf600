#include "worker/sandbox/demand.h"

#include <string.h>

enum { HOLD_MS = 5000 };

static struct demand_entry *find(const struct demand *demand, const struct slot_want *want)
{
        for (size_t i = 0; i < DEMAND_MAX; i++)
                if (demand->entries[i].asked_ms && slot_want_equal(&demand->entries[i].want, want))
                        return (struct demand_entry *)&demand->entries[i];
        return NULL;
}

static struct demand_entry *oldest(struct demand *demand)
{
        struct demand_entry *found = &demand->entries[0];
        for (size_t i = 1; i < DEMAND_MAX; i++)
                if (demand->entries[i].asked_ms < found->asked_ms)
                        found = &demand->entries[i];
        return found;
}

void demand_note(struct demand *demand, const struct slot_want *want, uint64_t now_ms)
{
        struct demand_entry *entry = find(demand, want);
        if (!entry) {
                entry = oldest(demand);
                *entry = (struct demand_entry){.want = *want};
        }
        entry->asked_ms = now_ms ? now_ms : 1;
}

void demand_hold(struct demand *demand, const struct slot_want *want, uint64_t now_ms)
{
        struct demand_entry *entry = find(demand, want);
        if (entry)
                entry->not_before_ms = now_ms + HOLD_MS;
}

bool demand_entry_lasts(const struct demand_entry *entry, uint64_t now_ms)
{
        return entry->asked_ms && now_ms - entry->asked_ms < DEMAND_LASTS_MS && now_ms >= entry->not_before_ms;
}

uint64_t demand_asked_ms(const struct demand *demand, const struct slot_want *want)
{
        const struct demand_entry *entry = find(demand, want);
        return entry ? entry->asked_ms : 0;
}
