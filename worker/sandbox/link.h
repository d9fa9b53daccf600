/* The tie to the engine: known and swept, or lost and asked for again, with pauses that grow.
 *
 * A round asks the engine about itself, removes leftovers, learns the images, and beside that asks whether the bridge's rules are in
 * force; then the sandbox may work. A round is repeated every minute, and at once when something hints that the engine is gone. */
#ifndef BRIG_SANDBOX_LINK_H
#define BRIG_SANDBOX_LINK_H

#include "common/log.h"
#include "worker/sandbox/egress.h"
#include "worker/sandbox/images.h"
#include "worker/sandbox/leftovers.h"

/* The caller's memory until `closed`. */
struct engine_link {
        struct engine engine;
        struct images images;
        const struct instance *instance; /* borrowed */
        const struct log *log;
        bool sweep;                /* remove leftovers */
        const char *egress_script; /* NULL: nobody will use the bridge */
        struct error egress;       /* why the bridge cannot be used; ERROR_NONE: it can */
        bool up;
        bool (*owned)(struct engine_link *link, const char *container);
        int (*check)(struct engine_link *link, struct error *e);          /* does this engine do? After it is known, before work begins */
        void (*changed)(struct engine_link *link, const struct error *e); /* after each round: NULL, it is up; else why it is not */
        void (*closed)(struct engine_link *link);
        void *data;

        /* private */
        struct engine_probe probe;
        struct leftovers leftovers;
        struct egress_check egress_check;
        uv_timer_t timer;
        unsigned failures;
        unsigned parts_open; /* of the round; 0: none is under way */
        struct error failure;
        bool closing, timer_closed;
};

int engine_link_open(struct engine_link *link, uv_loop_t *loop, const struct config *config, struct error *e);
void engine_link_close(struct engine_link *link);

/* Something failed that the engine's absence would explain: ask it now. */
void engine_link_doubt(struct engine_link *link);

#endif
