#include "common/state.h"

#include <assert.h>

bool state_move(struct state_machine *m, unsigned to)
{
        bool allowed = to < m->count && (m->states[m->now].next & UINT32_C(1) << to);
        assert(allowed);
        if (allowed)
                m->now = to;
        return allowed;
}
