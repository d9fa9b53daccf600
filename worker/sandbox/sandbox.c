#include "worker/sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/compile.h"
#include "worker/sandbox/levels.h"
#include "worker/sandbox/link.h"
#include "worker/sandbox/pool.h"
#include "worker/sandbox/run.h"
#include "worker/sandbox/site.h"
#include "worker/sandbox/want.h"

enum {
        SPARE_KINDS = 4,
        ONE_SHOT_SLOTS = 2 /* a compiler's container may still be going when the program's comes */,
        CODE_BYTES_EACH = 32 << 20
};

struct sandbox {
        struct sandbox_options options;
        uv_loop_t *loop;
        struct engine_link link;
        struct instance instance;
        struct cgroup_layout cgroups;
        struct slot_host slots;
        struct pool pool;
        struct run_host runs;
        struct compile_host compiles;
        struct list queue; /* of every run not reported */
        size_t run_count;
        uv_timer_t kick; /* work to be done, but not from inside the caller */
        char init_path[PATH_MAX];
        char fence_path[PATH_MAX];
        char egress_path[PATH_MAX];
        struct levels levels;
        unsigned handles_open;
        bool ready, closing;
        void (*closed)(void *data);
        void *closed_data;
};

bool sandbox_ready(const struct sandbox *sandbox)
{
        return sandbox->ready && !sandbox->closing;
}

size_t sandbox_free_slots(const struct sandbox *sandbox)
{
        size_t slots = sandbox->options.one_shot ? 1 : sandbox->options.config->worker_slots;
        size_t jobs = sandbox->run_count - levels_count_attacks(&sandbox->levels); /* which take none from jobs */
        return jobs < slots ? slots - jobs : 0;
}

/* --- which levels hold here --- */

int sandbox_check_level(const struct sandbox *sandbox, enum risk risk, struct error *e)
{
        return levels_check(&sandbox->levels, risk, e);
}

bool sandbox_withstood(const struct sandbox *sandbox, enum risk risk)
{
        return sandbox->levels.attacks[risk].verdict == SELFATTACK_HELD;
}

bool sandbox_is_attacked(const struct sandbox *sandbox)
{
        return levels_count_attacks(&sandbox->levels) > 0;
}

bool sandbox_offers(const struct sandbox *sandbox, enum risk risk)
{
        struct error ignored;
        return sandbox_check_level(sandbox, risk, &ignored) == 0;
}

static void say_trouble(struct sandbox *sandbox, const struct error *e)
{
        if (sandbox->options.trouble && !sandbox->closing)
                sandbox->options.trouble(sandbox->options.data, e);
}

/* --- who is served by which slot --- */

static void kick(struct sandbox *sandbox);

static void place(struct sandbox *sandbox, struct run *run)
{
        struct slot *slot = NULL;
        struct error e;
        switch (pool_choose(&sandbox->pool, &run->want, &slot)) {
        case POOL_WAITING:
                run_assign(run, slot);
                run_serve(run);
                break;
        case POOL_COMING:
                run_assign(run, slot);
                break;
        case POOL_EMPTY:
                if (slot_prepare(slot, &run->want, &e) == 0)
                        run_assign(run, slot);
                else
                        run_refuse(run, &e);
                break;
        case POOL_NONE:
                break;
        }
}

static void kicked(uv_timer_t *timer)
{
        struct sandbox *sandbox = timer->data;
        list_for_each (link, &sandbox->queue) {
                struct run *run = list_entry(link, struct run, link);
                if (run_state(run) == RUN_QUEUED)
                        place(sandbox, run);
        }
        if (!sandbox_ready(sandbox) || sandbox->options.one_shot)
                return;
        uint64_t wait_ms = pool_warm(&sandbox->pool);
        if (wait_ms != UINT64_MAX)
                uv_timer_start(timer, kicked, wait_ms, 0);
}

static void kick(struct sandbox *sandbox)
{
        if (!sandbox->closing)
                uv_timer_start(&sandbox->kick, kicked, 0, 0);
}

static void slot_ready(struct slot *slot)
{
        struct sandbox *sandbox = slot->host->data;
        if (slot->server)
                run_serve(slot->server);
        kick(sandbox);
}

static void slot_frame(struct slot *slot, const struct frame *frame)
{
        if (slot->server)
                run_take_frame(slot->server, frame);
}

static void note_broken(struct sandbox *sandbox, enum risk risk, const struct error *e)
{
        if (levels_break(&sandbox->levels, risk, e))
                say_trouble(sandbox, e);
}

static void slot_lost(struct slot *slot, const struct error *e)
{
        struct sandbox *sandbox = slot->host->data;
        if (e && e->code == ERROR_SANDBOX)
                note_broken(sandbox, slot->want.profile.risk, e);
        if (!slot->server && e) {
                log_error(sandbox->options.log, LOG_WARNING, "a waiting container was lost", e, NULL);
                demand_hold(&sandbox->pool.demand, &slot->want, clock_boottime_ms(sandbox->options.clock));
        }
        if (slot->server)
                run_slot_lost(slot->server, e);
        if (e && !sandbox->closing)
                engine_link_doubt(&sandbox->link);
}

/* --- the end --- */

static void handle_closed(struct sandbox *sandbox)
{
        if (--sandbox->handles_open > 0)
                return;
        void (*closed)(void *data) = sandbox->closed;
        void *data = sandbox->closed_data;
        for (size_t i = 0; i < RISK_COUNT; i++)
                free(sandbox->slots.seccomp[i]);
        levels_close(&sandbox->levels);
        instance_close(&sandbox->instance);
        pool_free(&sandbox->pool);
        free(sandbox);
        closed(data);
}

static void kick_closed(uv_handle_t *handle)
{
        handle_closed(handle->data);
}

static void slot_closed(struct slot *slot)
{
        handle_closed(slot->host->data);
}

static void link_closed(struct engine_link *link)
{
        handle_closed(link->data);
}

static void close_when_empty(struct sandbox *sandbox)
{
        if (!pool_is_empty(&sandbox->pool) || !list_empty(&sandbox->queue))
                return;
        sandbox->handles_open = (unsigned)sandbox->pool.count + 2;
        pool_close_slots(&sandbox->pool);
        engine_link_close(&sandbox->link);
        uv_close((uv_handle_t *)&sandbox->kick, kick_closed);
}

static void slot_emptied(struct slot *slot)
{
        struct sandbox *sandbox = slot->host->data;
        if (slot->server)
                run_slot_emptied(slot->server);
        if (sandbox->closing)
                close_when_empty(sandbox);
        else
                kick(sandbox);
}

void sandbox_close(struct sandbox *sandbox, void (*closed)(void *data), void *data)
{
        sandbox->closed = closed;
        sandbox->closed_data = data;
        sandbox->closing = sandbox->slots.closing = true;
        uv_timer_stop(&sandbox->kick);
        levels_cancel_attacks(&sandbox->levels);
        pool_remove_all(&sandbox->pool);
        close_when_empty(sandbox);
}

/* --- the tie to the engine --- */

static bool link_owned(struct engine_link *link, const char *container)
{
        struct sandbox *sandbox = link->data;
        return pool_owns(&sandbox->pool, container);
}

static int link_check(struct engine_link *link, struct error *e)
{
        struct sandbox *sandbox = link->data;
        bool systemd = strcmp(link->engine.cgroup_driver, "systemd") == 0;
        return cgroup_layout_read(&sandbox->cgroups, systemd ? CGROUP_DRIVER_SYSTEMD : CGROUP_DRIVER_CGROUPFS, e);
}

static void link_changed(struct engine_link *link, const struct error *e)
{
        struct sandbox *sandbox = link->data;
        bool was_ready = sandbox->ready;
        bool first_failure = e && (was_ready || link->failures == 1);
        sandbox->ready = !e;
        if (first_failure)
                say_trouble(sandbox, e);
        if (e)
                return;
        levels_look(&sandbox->levels, !was_ready);
        if (link->sweep)
                instance_sweep(sandbox->options.config, &sandbox->cgroups);
        if (!was_ready && sandbox->options.ready)
                sandbox->options.ready(sandbox->options.data);
        kick(sandbox);
}

/* --- opening --- */

/* Whether somebody will use the bridge, whose rules are then looked at. */
static bool needs_egress(const struct sandbox *sandbox)
{
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++)
                if (levels_ask_for(&sandbox->levels, risk) && sandbox->options.config->profiles[risk].network == NETWORK_BRIDGE)
                        return true;
        return false;
}

static int read_site(struct sandbox *sandbox, struct error *e)
{
        const struct config *config = sandbox->options.config;
        if (site_find_init(sandbox->options.init_path, sandbox->init_path, e) < 0 || site_find_fence(config, sandbox->fence_path, e) < 0)
                return -1;
        for (size_t i = 0; i < RISK_COUNT; i++) {
                sandbox->slots.seccomp[i] = site_read_seccomp(config, config->profiles[i].seccomp, e);
                if (!sandbox->slots.seccomp[i])
                        return -1;
        }
        if (levels_open(&sandbox->levels, e) < 0)
                return -1;
        if (needs_egress(sandbox) && site_find_egress(sandbox->egress_path))
                sandbox->link.egress_script = sandbox->egress_path;
        return 0;
}

static void enqueue(struct sandbox *sandbox, struct run *run)
{
        list_append(&sandbox->queue, &run->link);
        sandbox->run_count++;
        kick(sandbox);
}

static int run_at_once(struct sandbox *sandbox, struct sandbox_run *request, const struct slot_want *want, const struct language *language,
                       struct error *e)
{
        struct run *run;
        if (run_new(&run, &sandbox->runs, request, want, language, e) < 0)
                return -1;
        request->private = run;
        enqueue(sandbox, run);
        return 0;
}

static int start_attack(void *data, struct selfattack *attack, const struct slot_want *want, struct error *e)
{
        return run_at_once(data, &attack->run, want, &selfattack_language, e);
}

static void attack_judged(void *data)
{
        struct sandbox *sandbox = data;
        if (sandbox->closing)
                close_when_empty(sandbox);
        else if (sandbox->ready && sandbox->options.ready)
                sandbox->options.ready(sandbox->options.data);
}

static void share(struct sandbox *sandbox)
{
        const struct sandbox_options *options = &sandbox->options;
        struct slot_host *slots = &sandbox->slots;
        slots->config = options->config;
        slots->log = options->log;
        slots->engine = &sandbox->link.engine;
        slots->images = &sandbox->link.images;
        slots->instance = &sandbox->instance;
        slots->cgroups = &sandbox->cgroups;
        slots->root = geteuid() == 0;
        slots->worker = options->worker;
        slots->init_path = sandbox->init_path;
        slots->fence_path = sandbox->fence_path;
        slots->ready = slot_ready;
        slots->frame = slot_frame;
        slots->lost = slot_lost;
        slots->emptied = slot_emptied;
        slots->closed = slot_closed;
        slots->data = sandbox;
        sandbox->levels = (struct levels){.config = options->config,
                                          .link = &sandbox->link,
                                          .log = options->log,
                                          .asked = options->levels,
                                          .attacked = options->attacked,
                                          .init_path = sandbox->init_path,
                                          .start = start_attack,
                                          .judged = attack_judged,
                                          .data = sandbox};
        sandbox->link.instance = &sandbox->instance;
        sandbox->link.log = options->log;
        sandbox->link.sweep = !options->one_shot;
        sandbox->link.owned = link_owned;
        sandbox->link.check = link_check;
        sandbox->link.changed = link_changed;
        sandbox->link.closed = link_closed;
        sandbox->link.data = sandbox;
}

static void compile_enqueue(struct compile_host *host, struct run *run)
{
        enqueue(host->data, run);
}

static void run_reported(struct run *run)
{
        struct sandbox *sandbox = run->host->data;
        list_remove(&run->link);
        sandbox->run_count--;
        kick(sandbox);
}

static size_t slot_count(const struct sandbox *sandbox)
{
        const struct config *config = sandbox->options.config;
        return sandbox->options.one_shot ? ONE_SHOT_SLOTS : config->worker_slots + config->worker_warm * SPARE_KINDS;
}

static int open_parts(struct sandbox *sandbox, struct error *e)
{
        const struct sandbox_options *options = &sandbox->options;
        size_t slots = slot_count(sandbox);
        if (read_site(sandbox, e) < 0)
                return -1;
        if (instance_open(&sandbox->instance, options->config, slots * CODE_BYTES_EACH, e) < 0)
                return -1;
        if (pool_open(&sandbox->pool, &sandbox->slots, options->clock, sandbox->loop, slots, options->config->worker_warm, e) < 0)
                return -1;
        return engine_link_open(&sandbox->link, sandbox->loop, options->config, e);
}

static void free_unopened(struct sandbox *sandbox)
{
        for (size_t i = 0; i < RISK_COUNT; i++)
                free(sandbox->slots.seccomp[i]);
        levels_close(&sandbox->levels);
        if (sandbox->instance.path[0])
                instance_close(&sandbox->instance);
        pool_free(&sandbox->pool);
        free(sandbox);
}

int sandbox_open(struct sandbox **ret_sandbox, uv_loop_t *loop, const struct sandbox_options *options, struct error *e)
{
        struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
        if (!sandbox)
                return error_set(e, ERROR_MEMORY, "no memory for the sandbox");
        sandbox->options = *options;
        sandbox->loop = loop;
        list_init(&sandbox->queue);
        share(sandbox);
        sandbox->runs = (struct run_host){&sandbox->slots, options->clock, loop, run_reported, sandbox};
        sandbox->compiles = (struct compile_host){
                        .config = options->config,
                        .images = &sandbox->link.images,
                        .runs = &sandbox->runs,
                        .cache = {options->config->log_directory, COMPILE_CACHE_ENTRIES_MAX, COMPILE_CACHE_BYTES_MAX},
                        .enqueue = compile_enqueue,
                        .data = sandbox,
        };
        (void)signal(SIGPIPE, SIG_IGN); /* a socket whose other side is gone must be an error, not the end */
        if (open_parts(sandbox, e) < 0) {
                free_unopened(sandbox);
                return -1;
        }
        uv_timer_init(loop, &sandbox->kick);
        sandbox->kick.data = sandbox;
        *ret_sandbox = sandbox;
        return 0;
}

/* --- jobs --- */

int sandbox_find_image(const struct sandbox *sandbox, const char *image, const char **ret_id, struct error *e)
{
        return images_find(&sandbox->link.images, image, ret_id, e);
}

void sandbox_each_image(const struct sandbox *sandbox, void (*each)(void *data, const char *image), void *data)
{
        images_each(&sandbox->link.images, each, data);
}

void sandbox_want(struct sandbox *sandbox, const char *image, enum risk risk)
{
        struct slot_want want;
        struct error ignored;
        if (!sandbox_ready(sandbox) || !sandbox_offers(sandbox, risk) ||
            want_of_image(&want, sandbox->options.config, &sandbox->link.images, image, risk, &ignored) < 0)
                return;
        demand_note(&sandbox->pool.demand, &want, clock_boottime_ms(sandbox->options.clock));
        kick(sandbox);
}

static int admit(const struct sandbox *sandbox, enum risk risk, struct error *e)
{
        if (!sandbox_ready(sandbox))
                return error_set(e, ERROR_DOCKER, "the engine at %s is not ready", sandbox->options.config->docker_host);
        if (sandbox_free_slots(sandbox) == 0)
                return error_set(e, ERROR_SANDBOX, "no slot is free");
        return sandbox_check_level(sandbox, risk, e);
}

int sandbox_run_start(struct sandbox *sandbox, struct sandbox_run *request, struct error *e)
{
        const struct config *config = sandbox->options.config;
        struct slot_want want;
        if (admit(sandbox, request->risk, e) < 0 || want_of_job(&want, config, &sandbox->link.images, request->job, request->risk, e) < 0)
                return -1;
        const struct language *language = config_language(config, request->job->language);
        int result = language->compile[0] ? compile_start(&sandbox->compiles, request, &want, e)
                                          : run_at_once(sandbox, request, &want, language, e);
        if (result == 0)
                demand_note(&sandbox->pool.demand, &want, clock_boottime_ms(sandbox->options.clock));
        return result;
}

void sandbox_run_extend(struct sandbox_run *request, uint64_t deadline_ms)
{
        request->deadline_ms = deadline_ms;
        if (request->private)
                run_extend(request->private, deadline_ms);
}

void sandbox_run_cancel(struct sandbox_run *request, enum sandbox_cancel why)
{
        request->cancel_asked = true;
        request->cancel = why;
        if (request->private)
                run_cancel(request->private, why);
}
