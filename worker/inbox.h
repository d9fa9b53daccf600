/* The inbox: asks the gate for work whenever there is room for it and its result could be published.
 *
 * Hints (inbox_ask) make it ask at once; a poll, at the pace that the gate's answer names and at least each 2 s, backs them up. */
#ifndef BRIG_WORKER_INBOX_H
#define BRIG_WORKER_INBOX_H

#include "worker/pools.h"

struct inbox {
        const struct ports *ports;
        size_t (*room)(void *data);                                                    /* how many more jobs can be taken now */
        void (*claimed)(void *data, const struct gate_claim *claim, uint64_t sent_ms); /* borrowed; also after inbox_close */
        void *data;
        struct gate_claim claim;
        struct alarm alarm;
        struct pools pools;
        uint64_t sent_ms;
        uint64_t paused_until_ms;
        bool asking;                /* `claim` is on its way */
        bool hinted;                /* since it was sent */
        void (*closed)(void *data); /* not NULL: asks nothing any more */
};

/* Asks nothing before inbox_ask. */
void inbox_init(struct inbox *inbox, const struct ports *ports, size_t (*room)(void *data),
                void (*claimed)(void *data, const struct gate_claim *claim, uint64_t sent_ms), void *data);
void inbox_deinit(struct inbox *inbox);

/* There may be work, or room for it. */
void inbox_ask(struct inbox *inbox);

/* Asks nothing for a while: what was claimed could not be started. */
void inbox_pause(struct inbox *inbox, uint64_t pause_ms);

/* Asks nothing any more. A claim on its way may still be answered; `closed` runs after that, or at once. */
void inbox_close(struct inbox *inbox, void (*closed)(void *data));

#endif
