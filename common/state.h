/* A declared transition table: the states of a thing, the moves it allows, and one function that makes them. */
#ifndef BRIG_COMMON_STATE_H
#define BRIG_COMMON_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct state {
        const char *name;
        uint32_t next; /* bit n set: may move to state n */
};

struct state_machine {
        const struct state *states; /* the table; borrowed */
        unsigned count;
        unsigned now;
};

/* The only writer of `now`. An illegal move aborts in debug builds; in release it changes nothing and returns false. */
bool state_move(struct state_machine *m, unsigned to);

static inline const char *state_name(const struct state_machine *m)
{
        return m->states[m->now].name;
}

#endif
