/* One partition of brig.jobs, as this dispatcher owns it: the take-over, and the way of a record from being read to being committed.
 *
 * The take-over is one procedure, for an assignment and for every change of Redis's epoch: forget everything, replay brig.results from the
 * committed position to its end, and only then admit jobs from the committed offset. What was under way before carries an older
 * generation, and its answers are dropped. */
#ifndef BRIG_DISPATCHER_PARTITION_H
#define BRIG_DISPATCHER_PARTITION_H

#include "common/state.h"
#include "dispatcher/ledger.h"
#include "dispatcher/reread.h"
#include "dispatcher/settlement.h"
#include "dispatcher/watermark.h"

struct dispatcher;

enum phase {
        PHASE_IDLE,      /* not ours */
        PHASE_WAITING,   /* for Redis, or for the first record when nothing was ever committed */
        PHASE_REPLAYING, /* results from the committed position to their end */
        PHASE_ADMITTING,
        PHASE_COUNT
};

enum { PARTITION_ADMISSIONS_MAX = 64 }; /* under way at once */

struct partition {
        struct dispatcher *dispatcher; /* borrowed */
        int32_t number;
        struct state_machine phase;
        uint64_t generation; /* of the take-over */
        uint64_t epoch;      /* of Redis, as it was at the take-over */
        int64_t committed;   /* offset, acknowledged; -1: none ever */
        int64_t replay_from; /* committed with it */
        int64_t position;    /* the record that the source tells next */
        struct ledger ledger;
        unsigned admissions; /* under way */
        struct settlements settlements;
        struct watermark watermark;
        struct reread reread;
};

void partition_init(struct partition *p, struct dispatcher *d, int32_t number);
void partition_deinit(struct partition *p);

/* `committed` -1: nothing was ever committed. The metadata is that of the commit, or NULL. */
void partition_assign(struct partition *p, int64_t committed, const char *metadata);

/* Commits what may be, unless the assignment is lost already, and forgets the partition. */
void partition_revoke(struct partition *p, bool lost);

/* The committed offset is not in the log any more: the next record told is the first that is. */
void partition_purged(struct partition *p);

/* The position in the results is not in their log any more, or not yet: the topic was made anew. Replays all that there is. */
void partition_results_purged(struct partition *p);

void partition_take_over(struct partition *p);

/* Redis is ready: takes over when its epoch is another one, else goes on. */
void partition_resume(struct partition *p);

/* A record of brig.jobs. False: not now; partition_release tells when. */
bool partition_job(struct partition *p, const struct kafka_record *record);

/* The results have been replayed to their end: admits from now on. */
void partition_replayed(struct partition *p);

/* Lets held records come again, when there is room for them. */
void partition_release(struct partition *p);

void partition_tick(struct partition *p);

bool partition_owned(const struct partition *p);
bool partition_admitting(const struct partition *p); /* and Redis is ready */

/* Metadata of a commit, "r=<offset>", and back; 0 when it says nothing. */
enum { PARTITION_METADATA_SIZE = 32 };
void partition_metadata(int64_t replay_from, char ret_metadata[static PARTITION_METADATA_SIZE]);
int64_t partition_metadata_parse(const char *metadata);

#endif
