/* The watermark of a partition: every second, snapshots of the agents that settlements changed go to brig.agents, and once all are
 * acknowledged the offset is committed that they allow.
 *
 * Between the two Redis must confirm, by an answer to a call made after the acknowledgements, that its epoch is still the one known: then
 * whoever restores it later reads these snapshots. Without it, a Redis lost and restored meanwhile lacks settlements that the commit would
 * put out of every replay's reach. */
#ifndef BRIG_DISPATCHER_WATERMARK_H
#define BRIG_DISPATCHER_WATERMARK_H

#include <jansson.h>

#include "common/error.h"
#include "common/transport/gate.h"

struct dispatcher;
struct partition;

struct watermark {
        json_t *changed;     /* agent id → its record after its last settlement; not in a snapshot yet */
        size_t pending;      /* snapshots sent and not acknowledged, of any generation */
        int64_t limit;       /* position in the results that the pending snapshots reach to */
        int64_t snapshotted; /* position that acknowledged snapshots of a confirmed epoch reach to */
        bool flushing;       /* pending snapshots are of this generation */
        bool confirming;     /* Redis is asked for its epoch */
        bool committing;
        int64_t commit_offset, commit_replay; /* under way */
        uint64_t commit_sent_ms;
        uint64_t due_at_ms;
};

void watermark_deinit(struct watermark *w);

/* A new take-over, whose replay begins at `replay_from`. */
void watermark_reset(struct watermark *w, int64_t replay_from);

/* The agent's record as its last settlement left it. 0, or -1: no memory. */
int watermark_add(struct watermark *w, const struct gate_agent *agent);

/* A snapshot at once, outside any watermark: an operator's change. 0, or -1: no memory. */
int watermark_publish(struct dispatcher *d, const struct gate_agent *agent);

void watermark_tick(struct partition *p);

/* The outcome of a commit. */
void watermark_committed(struct partition *p, int64_t offset, const struct error *e);

/* What could be committed now, by acknowledged snapshots; false: nothing new. */
bool watermark_reached(const struct partition *p, int64_t *ret_offset, int64_t *ret_replay);

/* Whether nothing is on its way any more, and everything settled is committed as far as it can be. */
bool watermark_quiet(const struct partition *p);

#endif
