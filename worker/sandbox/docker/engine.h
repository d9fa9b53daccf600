/* The Docker engine: where it listens, which API it speaks, and what it says about the host. */
#ifndef BRIG_SANDBOX_DOCKER_ENGINE_H
#define BRIG_SANDBOX_DOCKER_ENGINE_H

#include "worker/sandbox/docker/call.h"

/* `loop`, `socket_path` by engine_init; the rest by a probe. */
struct engine {
        uv_loop_t *loop;
        char socket_path[108];
        char api_prefix[16];     /* "/v1.41"; "" before the first probe */
        char version[48];        /* "20.10.24+dfsg1" */
        char cgroup_driver[16];  /* "cgroupfs", "systemd" or "none" */
        unsigned cgroup_version; /* 1 or 2 */
        bool apparmor;
        json_t *runtimes; /* object by name; owned */
};

/* `docker_host` is unix:///PATH. 0, or -1 (ERROR_CONFIG). */
int engine_init(struct engine *engine, uv_loop_t *loop, const char *docker_host, struct error *e);
void engine_deinit(struct engine *engine);

/* Asks version and host. -1 (ERROR_DOCKER) in `done` when it does not answer; ERROR_SANDBOX when this engine cannot hold sandboxes (the
 * vfs storage driver copies the whole image for each container). */
struct engine_probe {
        void (*done)(struct engine_probe *probe, const struct error *e);
        void *data;
        struct engine *engine; /* private from here */
        struct docker_call call;
};
int engine_probe_start(struct engine_probe *probe, struct engine *engine, struct error *e);

bool engine_has_runtime(const struct engine *engine, const char *name);

#endif
