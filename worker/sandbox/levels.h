/* Which risk levels hold on this host: no wall of theirs is known to be broken, and brig's own attack on them was withstood. */
#ifndef BRIG_SANDBOX_LEVELS_H
#define BRIG_SANDBOX_LEVELS_H

#include "worker/sandbox/link.h"
#include "worker/sandbox/selfattack.h"

/* Borrows everything but `program`. */
struct levels {
        const struct config *config;
        const struct engine_link *link;
        const struct log *log;
        unsigned asked; /* as sandbox_options.levels */
        bool attacked;  /* a level is offered only after the attack on it */
        const char *init_path;
        int (*start)(void *data, struct selfattack *attack, const struct slot_want *want, struct error *e); /* 0: run.done will run */
        void (*judged)(void *data); /* an attack is over, and its level offered or not */
        void *data;

        /* private */
        struct error broken[RISK_COUNT]; /* a wall did not take */
        struct selfattack attacks[RISK_COUNT];
        struct bytes program;
};

int levels_open(struct levels *levels, struct error *e); /* 0, or -1: the attack's program is missing */
void levels_close(struct levels *levels);

bool levels_ask_for(const struct levels *levels, enum risk risk);

/* 0, or -1 and which wall does not hold. */
int levels_check(const struct levels *levels, enum risk risk, struct error *e);

/* What a container's start showed; whether that is news. */
bool levels_break(struct levels *levels, enum risk risk, const struct error *e);

/* A round of the link is over: what was broken is looked at anew, and levels that were not attacked yet are. After a loss of the engine
 * (`anew`) all of them are. */
void levels_look(struct levels *levels, bool anew);

void levels_cancel_attacks(struct levels *levels);
size_t levels_count_attacks(const struct levels *levels); /* that run now */

#endif
