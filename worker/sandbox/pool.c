#include "worker/sandbox/pool.h"

#include <stdlib.h>
#include <string.h>

enum {
        STARTS_AT_ONCE = 2,   /* more only makes each of them slower */
        REFILL_AFTER_MS = 50, /* a start beside a short program doubles its time */
};

int pool_open(struct pool *pool, struct slot_host *host, const struct clock *clock, uv_loop_t *loop, size_t count, uint64_t warm,
              struct error *e)
{
        *pool = (struct pool){.host = host, .clock = clock, .warm = warm, .slots = calloc(count, sizeof(struct slot *))};
        if (!pool->slots)
                return error_set(e, ERROR_MEMORY, "no memory for %zu slots", count);
        for (; pool->count < count; pool->count++) {
                struct slot *slot = malloc(sizeof(*slot));
                pool->slots[pool->count] = slot;
                if (!slot)
                        return error_set(e, ERROR_MEMORY, "no memory for %zu slots", count);
                slot_init(slot, host, loop, (unsigned)pool->count);
        }
        return 0;
}

static bool is_coming(const struct slot *slot)
{
        return slot_state(slot) > SLOT_EMPTY && slot_state(slot) < SLOT_WAITING;
}

static enum pool_choice choice_of(const struct slot *slot, const struct slot_want *want)
{
        if (slot_state(slot) == SLOT_EMPTY)
                return POOL_EMPTY;
        if (slot->server || !slot_want_equal(&slot->want, want))
                return POOL_NONE;
        if (slot_state(slot) == SLOT_WAITING)
                return POOL_WAITING;
        return is_coming(slot) ? POOL_COMING : POOL_NONE;
}

static void evict_least_wanted(struct pool *pool)
{
        struct slot *least = NULL;
        uint64_t least_ms = UINT64_MAX;
        for (size_t i = 0; i < pool->count; i++) {
                struct slot *slot = pool->slots[i];
                uint64_t asked_ms = demand_asked_ms(&pool->demand, &slot->want);
                if (slot_state(slot) == SLOT_REMOVING && !slot->server) {
                        slot_remove(slot); /* one is going already, and is to hurry */
                        return;
                }
                if (slot_state(slot) == SLOT_WAITING && asked_ms < least_ms) {
                        least = slot;
                        least_ms = asked_ms;
                }
        }
        if (least)
                slot_remove(least);
}

enum pool_choice pool_choose(struct pool *pool, const struct slot_want *want, struct slot **ret_slot)
{
        enum pool_choice best = POOL_NONE;
        for (size_t i = 0; i < pool->count; i++) {
                enum pool_choice choice = choice_of(pool->slots[i], want);
                if (choice < best) {
                        best = choice;
                        *ret_slot = pool->slots[i];
                }
        }
        if (best == POOL_NONE)
                evict_least_wanted(pool);
        return best;
}

static size_t count_coming(const struct pool *pool)
{
        size_t count = 0;
        for (size_t i = 0; i < pool->count; i++)
                count += is_coming(pool->slots[i]);
        return count;
}

static size_t count_ready(const struct pool *pool, const struct slot_want *want)
{
        size_t count = 0;
        for (size_t i = 0; i < pool->count; i++) {
                const struct slot *slot = pool->slots[i];
                bool lives = is_coming(slot) || slot_state(slot) == SLOT_WAITING;
                count += lives && !slot->server && slot_want_equal(&slot->want, want);
        }
        return count;
}

static struct slot *find_empty(const struct pool *pool)
{
        for (size_t i = 0; i < pool->count; i++)
                if (slot_state(pool->slots[i]) == SLOT_EMPTY)
                        return pool->slots[i];
        return NULL;
}

static bool warm_one(struct pool *pool, const struct demand_entry *entry, uint64_t now_ms)
{
        struct error e;
        struct slot *slot = find_empty(pool);
        if (!slot || count_coming(pool) >= STARTS_AT_ONCE)
                return false;
        if (slot_prepare(slot, &entry->want, &e) == 0)
                return true;
        log_error(pool->host->log, LOG_WARNING, "no container can be kept ready", &e, NULL);
        demand_hold(&pool->demand, &entry->want, now_ms);
        return false;
}

/* How long until containers may be started for an entry; UINT64_MAX: none is missing. */
static uint64_t refill_wait_ms(const struct pool *pool, struct demand_entry *entry, uint64_t now_ms)
{
        if (!demand_entry_lasts(entry, now_ms) || count_ready(pool, &entry->want) >= pool->warm) {
                entry->missing_since_ms = 0;
                return UINT64_MAX;
        }
        if (!entry->missing_since_ms)
                entry->missing_since_ms = now_ms;
        uint64_t missing_ms = now_ms - entry->missing_since_ms;
        return missing_ms < REFILL_AFTER_MS ? REFILL_AFTER_MS - missing_ms : 0;
}

uint64_t pool_warm(struct pool *pool)
{
        uint64_t now_ms = clock_boottime_ms(pool->clock);
        uint64_t next_ms = UINT64_MAX;
        for (size_t i = 0; i < DEMAND_MAX; i++) {
                struct demand_entry *entry = &pool->demand.entries[i];
                uint64_t wait_ms = refill_wait_ms(pool, entry, now_ms);
                while (wait_ms == 0 && count_ready(pool, &entry->want) < pool->warm)
                        if (!warm_one(pool, entry, now_ms))
                                break;
                if (wait_ms > 0 && wait_ms < next_ms)
                        next_ms = wait_ms;
        }
        return next_ms;
}

bool pool_owns(const struct pool *pool, const char *container)
{
        for (size_t i = 0; i < pool->count; i++)
                if (slot_state(pool->slots[i]) != SLOT_EMPTY && strcmp(pool->slots[i]->name, container) == 0)
                        return true;
        return false;
}

bool pool_is_empty(const struct pool *pool)
{
        for (size_t i = 0; i < pool->count; i++)
                if (slot_state(pool->slots[i]) != SLOT_EMPTY)
                        return false;
        return true;
}

void pool_remove_all(struct pool *pool)
{
        for (size_t i = 0; i < pool->count; i++)
                slot_remove(pool->slots[i]);
}

void pool_close_slots(struct pool *pool)
{
        for (size_t i = 0; i < pool->count; i++)
                slot_close(pool->slots[i]);
}

void pool_free(struct pool *pool)
{
        for (size_t i = 0; i < pool->count; i++)
                free(pool->slots[i]);
        free(pool->slots);
        pool->slots = NULL;
        pool->count = 0;
}
