/* Are the rules in force that fence the bridge of low risk? Asked of deploy/egress, which makes them and knows them. */
#ifndef BRIG_SANDBOX_EGRESS_H
#define BRIG_SANDBOX_EGRESS_H

#include <stdbool.h>
#include <uv.h>

#include "common/error.h"

#define EGRESS_NETWORK "brig" /* the engine's name of that network */

/* One question; the caller's memory until `done`. */
struct egress_check {
        void (*done)(struct egress_check *check, const struct error *e); /* NULL: in force; else ERROR_SANDBOX, what is missing */
        void *data;

        /* private */
        uv_process_t process;
        uv_pipe_t pipe;
        uv_timer_t timer;
        unsigned handles_open;
        int64_t exit_status;
        size_t size;
        char said[200];
};

/* `script` is the path of deploy/egress. `done` will run, whatever happens. */
void egress_check_start(struct egress_check *check, uv_loop_t *loop, const char *script);

#endif
