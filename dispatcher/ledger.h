/* The ledger of one partition: what has become of each record of brig.jobs between the committed offset and the newest one known, and from
 * it the offset that may be committed. Pure; no clock, no I/O.
 *
 * An entry goes unknown → admitted → terminal(result offset), never back. Entries from `base` (what is committed) to `end` lie in a ring
 * that grows as needed up to LEDGER_ENTRIES_MAX, 36 bytes an entry with its share of the index by job. Job ids are kept as 128 bits of a
 * SHA-256 over agent and job id, so nobody can make two jobs look like one. */
#ifndef BRIG_DISPATCHER_LEDGER_H
#define BRIG_DISPATCHER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

enum { LEDGER_ENTRIES_MAX = 65536 };

enum ledger_state { LEDGER_UNKNOWN, LEDGER_ADMITTED, LEDGER_TERMINAL };

/* Result offset of an entry that ended with no record in this partition's results: no job id could be read, no such record exists any more,
 * or its job ended on another partition. */
#define LEDGER_NO_RESULT ((int64_t)((UINT64_C(1) << 48) - 1))

struct ledger_key {
        uint64_t high, low;
};

struct ledger_entry;

struct ledger {
        struct ledger_entry *entries; /* entry of offset k at k modulo capacity */
        uint32_t *buckets;            /* by key: slot + 1 of the newest entry; 0: none */
        size_t capacity;              /* a power of two, or 0 */
        int64_t base;                 /* first entry: all before it is committed */
        int64_t next;                 /* the next record to be read */
        int64_t end;                  /* one past the last entry; beyond `next` when a replay told of results ahead */
};

struct ledger_key ledger_key_of(struct span agent_id, struct span job_id);

void ledger_deinit(struct ledger *l); /* zero-initialised it is empty, base 0 */

/* Forgets everything; entries begin at `base`. */
void ledger_reset(struct ledger *l, int64_t base);

/* Whether record `offset` would still fit. */
bool ledger_has_room(const struct ledger *l, int64_t offset);

/* The record at `offset` >= next was read: the entry is there from now on, and those passed over, which Kafka does not hold, are terminal
 * without a result. 0, or -1 with nothing changed: no memory, or no room. */
int ledger_read(struct ledger *l, int64_t offset);

/* An offset outside [base, end) is unknown. */
enum ledger_state ledger_state_of(const struct ledger *l, int64_t offset);

/* Says whose entry it is; without effect when it was said before or the offset is outside. */
void ledger_name(struct ledger *l, int64_t offset, struct ledger_key key);

/* unknown → admitted; asked again no earlier than `ask_at_s`. Counts how often it was called for the entry. */
void ledger_admit(struct ledger *l, int64_t offset, uint32_t ask_at_s);

/* How often the entry was admitted so far. */
unsigned ledger_asks(const struct ledger *l, int64_t offset);

/* A terminal record is on its way: the entry is not asked for again. False when that was so already or the entry is terminal or outside. */
bool ledger_set_ending(struct ledger *l, int64_t offset);
bool ledger_is_ending(const struct ledger *l, int64_t offset);

/* → terminal, when it is not so already. */
void ledger_finish(struct ledger *l, int64_t offset, int64_t result);

/* Whether a result of job `key`, said to be that of record `offset`, is the first one for a job that is still waited for. */
bool ledger_is_first(const struct ledger *l, int64_t offset, struct ledger_key key);

/* The result at `result` was settled: entry `offset` (also when it is yet to be read) and every other waiting entry of the job are
 * terminal. 0, or -1 with nothing changed: no memory. */
int ledger_settle(struct ledger *l, int64_t offset, struct ledger_key key, int64_t result);

/* The first admitted entry at or after `from` that is due to be asked for again; -1: none. */
int64_t ledger_due(const struct ledger *l, int64_t from, uint32_t now_s);

/* What may be committed when everything settled before `limit` (a position in the results) is in acknowledged snapshots: the end of the
 * contiguous prefix of terminal entries whose results lie before it, and where the results must be replayed from by whoever starts there. */
void ledger_watermark(const struct ledger *l, int64_t limit, int64_t *ret_offset, int64_t *ret_replay);

/* `offset` is committed: what lies before it is forgotten. */
void ledger_commit(struct ledger *l, int64_t offset);

#endif
