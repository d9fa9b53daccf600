#include "dispatcher/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"

enum { CAPACITY_MIN = 256, ASKS_MAX = (1 << 12) - 1 };

struct ledger_entry {
        struct ledger_key key;
        uint64_t state : 2;
        uint64_t ending : 1;
        uint64_t named : 1;
        uint64_t asks : 12;
        uint64_t result : 48;
        uint32_t ask_at_s;
        uint32_t chain; /* slot + 1 of the next older entry of the bucket */
};

static_assert(sizeof(struct ledger_entry) == 32, "the ring is bounded in bytes as well");

static uint64_t hex_to_u64(const char *hex)
{
        char digits[17];
        memcpy(digits, hex, 16);
        digits[16] = 0;
        return strtoull(digits, NULL, 16);
}

struct ledger_key ledger_key_of(struct span agent_id, struct span job_id)
{
        uint8_t text[1024];
        char hex[SHA256_HEX_SIZE];
        size_t agent_size = agent_id.size < 900 ? agent_id.size : 900;
        size_t job_size = job_id.size < 64 ? job_id.size : 64;
        if (agent_size)
                memcpy(text, agent_id.data, agent_size);
        text[agent_size] = 0;
        if (job_size)
                memcpy(text + agent_size + 1, job_id.data, job_size);
        sha256_hex((struct span){text, agent_size + 1 + job_size}, hex);
        return (struct ledger_key){hex_to_u64(hex), hex_to_u64(hex + 16)};
}

static bool key_equal(struct ledger_key a, struct ledger_key b)
{
        return a.high == b.high && a.low == b.low;
}

void ledger_deinit(struct ledger *l)
{
        free(l->entries);
        free(l->buckets);
        *l = (struct ledger){0};
}

void ledger_reset(struct ledger *l, int64_t base)
{
        ledger_deinit(l);
        l->base = l->next = l->end = base;
}

bool ledger_has_room(const struct ledger *l, int64_t offset)
{
        return offset >= l->base && offset - l->base < LEDGER_ENTRIES_MAX;
}

static bool holds(const struct ledger *l, int64_t offset)
{
        return offset >= l->base && offset < l->end;
}

static size_t slot_of(const struct ledger *l, int64_t offset)
{
        return (size_t)offset & (l->capacity - 1);
}

static struct ledger_entry *entry_of(const struct ledger *l, int64_t offset)
{
        return holds(l, offset) ? &l->entries[slot_of(l, offset)] : NULL;
}

static uint32_t *bucket_of(const struct ledger *l, struct ledger_key key)
{
        return &l->buckets[key.low & (l->capacity - 1)];
}

static void index_add(struct ledger *l, struct ledger_entry *entry)
{
        uint32_t *bucket = bucket_of(l, entry->key);
        entry->chain = *bucket;
        *bucket = (uint32_t)(entry - l->entries) + 1;
}

static void index_remove(struct ledger *l, const struct ledger_entry *entry)
{
        uint32_t *link = bucket_of(l, entry->key);
        while (*link != (uint32_t)(entry - l->entries) + 1)
                link = &l->entries[*link - 1].chain;
        *link = entry->chain;
}

static void move_entries(struct ledger *to, const struct ledger *from)
{
        for (int64_t k = from->base; k < from->end; k++) {
                struct ledger_entry *entry = &to->entries[slot_of(to, k)];
                *entry = from->entries[slot_of(from, k)];
                if (entry->named)
                        index_add(to, entry);
        }
}

static int grow(struct ledger *l, size_t needed)
{
        struct ledger larger = *l;
        larger.capacity = l->capacity ? l->capacity : CAPACITY_MIN;
        while (larger.capacity < needed)
                larger.capacity *= 2;
        if (larger.capacity == l->capacity)
                return 0;
        larger.entries = malloc(larger.capacity * sizeof *larger.entries);
        larger.buckets = calloc(larger.capacity, sizeof *larger.buckets);
        if (!larger.entries || !larger.buckets) {
                free(larger.entries);
                free(larger.buckets);
                return -1;
        }
        struct ledger smaller = *l;
        move_entries(&larger, &smaller);
        *l = larger;
        ledger_deinit(&smaller);
        return 0;
}

/* Entries up to and with `offset` exist afterwards; the new ones are unknown. */
static int extend(struct ledger *l, int64_t offset)
{
        if (!ledger_has_room(l, offset) || grow(l, (size_t)(offset - l->base) + 1) < 0)
                return -1;
        for (; l->end <= offset; l->end++)
                l->entries[slot_of(l, l->end)] = (struct ledger_entry){0};
        return 0;
}

int ledger_read(struct ledger *l, int64_t offset)
{
        if (offset < l->next || extend(l, offset) < 0)
                return -1;
        for (; l->next < offset; l->next++)
                ledger_finish(l, l->next, LEDGER_NO_RESULT);
        l->next = offset + 1;
        return 0;
}

enum ledger_state ledger_state_of(const struct ledger *l, int64_t offset)
{
        const struct ledger_entry *entry = entry_of(l, offset);
        return entry ? (enum ledger_state)entry->state : LEDGER_UNKNOWN;
}

void ledger_name(struct ledger *l, int64_t offset, struct ledger_key key)
{
        struct ledger_entry *entry = entry_of(l, offset);
        if (!entry || entry->named)
                return;
        entry->key = key;
        entry->named = 1;
        index_add(l, entry);
}

void ledger_admit(struct ledger *l, int64_t offset, uint32_t ask_at_s)
{
        struct ledger_entry *entry = entry_of(l, offset);
        if (!entry || entry->state == LEDGER_TERMINAL)
                return;
        entry->state = LEDGER_ADMITTED;
        entry->ask_at_s = ask_at_s;
        if (entry->asks < ASKS_MAX)
                entry->asks++;
}

unsigned ledger_asks(const struct ledger *l, int64_t offset)
{
        const struct ledger_entry *entry = entry_of(l, offset);
        return entry ? (unsigned)entry->asks : 0;
}

bool ledger_set_ending(struct ledger *l, int64_t offset)
{
        struct ledger_entry *entry = entry_of(l, offset);
        if (!entry || entry->ending || entry->state == LEDGER_TERMINAL)
                return false;
        entry->ending = 1;
        return true;
}

static void finish(struct ledger_entry *entry, int64_t result)
{
        if (entry->state == LEDGER_TERMINAL)
                return;
        entry->state = LEDGER_TERMINAL;
        entry->result = (uint64_t)(result & LEDGER_NO_RESULT);
}

bool ledger_is_ending(const struct ledger *l, int64_t offset)
{
        const struct ledger_entry *entry = entry_of(l, offset);
        return entry && entry->ending;
}

void ledger_finish(struct ledger *l, int64_t offset, int64_t result)
{
        struct ledger_entry *entry = entry_of(l, offset);
        if (entry)
                finish(entry, result);
}

/* The first entry of the job from the bucket's newest on, or after `entry` when that is not NULL. */
static struct ledger_entry *find(const struct ledger *l, struct ledger_key key, const struct ledger_entry *entry)
{
        if (!l->capacity)
                return NULL;
        uint32_t link = entry ? entry->chain : *bucket_of(l, key);
        while (link && !key_equal(l->entries[link - 1].key, key))
                link = l->entries[link - 1].chain;
        return link ? &l->entries[link - 1] : NULL;
}

bool ledger_is_first(const struct ledger *l, int64_t offset, struct ledger_key key)
{
        if (!ledger_has_room(l, offset) || ledger_state_of(l, offset) == LEDGER_TERMINAL)
                return false;
        for (struct ledger_entry *entry = find(l, key, NULL); entry; entry = find(l, key, entry))
                if (entry->state == LEDGER_TERMINAL)
                        return false;
        return true;
}

int ledger_settle(struct ledger *l, int64_t offset, struct ledger_key key, int64_t result)
{
        if (ledger_has_room(l, offset)) {
                if (offset >= l->end && extend(l, offset) < 0)
                        return -1;
                ledger_name(l, offset, key);
                ledger_finish(l, offset, result);
        }
        for (struct ledger_entry *entry = find(l, key, NULL); entry; entry = find(l, key, entry))
                finish(entry, result);
        return 0;
}

int64_t ledger_due(const struct ledger *l, int64_t from, uint32_t now_s)
{
        for (int64_t k = from > l->base ? from : l->base; k < l->next; k++) {
                const struct ledger_entry *entry = entry_of(l, k);
                if (entry->state == LEDGER_ADMITTED && !entry->ending && entry->ask_at_s <= now_s)
                        return k;
        }
        return -1;
}

static bool passable(const struct ledger_entry *entry, int64_t limit)
{
        int64_t result = (int64_t)entry->result;
        return entry->state == LEDGER_TERMINAL && (result < limit || result == LEDGER_NO_RESULT);
}

void ledger_watermark(const struct ledger *l, int64_t limit, int64_t *ret_offset, int64_t *ret_replay)
{
        int64_t offset = l->base, replay = limit;
        while (offset < l->next && passable(entry_of(l, offset), limit))
                offset++;
        for (int64_t k = offset; k < l->end; k++) {
                const struct ledger_entry *entry = entry_of(l, k);
                if (entry->state == LEDGER_TERMINAL && (int64_t)entry->result < replay)
                        replay = (int64_t)entry->result;
        }
        *ret_offset = offset;
        *ret_replay = replay;
}

void ledger_commit(struct ledger *l, int64_t offset)
{
        for (; l->base < offset && l->base < l->end; l->base++) {
                const struct ledger_entry *entry = entry_of(l, l->base);
                if (entry->named)
                        index_remove(l, entry);
        }
}
