/* Containers, as the engine's API handles them. Each call is a docker_call of the caller's, with `done` and `data` set. */
#ifndef BRIG_SANDBOX_DOCKER_CONTAINER_H
#define BRIG_SANDBOX_DOCKER_CONTAINER_H

#include "worker/sandbox/docker/engine.h"

enum { CONTAINER_NAME_SIZE = 96 };

/* Names are unique for ever: creating under a name that is still being removed is refused. */
int container_create(struct docker_call *call, const struct engine *engine, const char *name, const json_t *spec, struct error *e);
int container_start(struct docker_call *call, const struct engine *engine, const char *name, struct error *e);
int container_inspect(struct docker_call *call, const struct engine *engine, const char *name, struct error *e);

/* Kills and removes, with its anonymous volumes. */
int container_remove(struct docker_call *call, const struct engine *engine, const char *name, struct error *e);

/* After a removal was answered: is it gone? False while another removal is under way, and when there was no answer: ask again. */
bool container_is_gone(const struct docker_call *call);

/* All containers, stopped ones too, that have this label. */
int container_list(struct docker_call *call, const struct engine *engine, const char *label, struct error *e);

#endif
