#include "worker/sandbox/docker/container.h"

#include <stdio.h>

int container_create(struct docker_call *call, const struct engine *engine, const char *name, const json_t *spec, struct error *e)
{
        char path[CONTAINER_NAME_SIZE + 64];
        snprintf(path, sizeof(path), "/containers/create?name=%s", name);
        return docker_call_start(call, engine, "create container", "POST", path, spec, e);
}

int container_start(struct docker_call *call, const struct engine *engine, const char *name, struct error *e)
{
        char path[CONTAINER_NAME_SIZE + 64];
        snprintf(path, sizeof(path), "/containers/%s/start", name);
        return docker_call_start(call, engine, "start container", "POST", path, NULL, e);
}

int container_inspect(struct docker_call *call, const struct engine *engine, const char *name, struct error *e)
{
        char path[CONTAINER_NAME_SIZE + 64];
        snprintf(path, sizeof(path), "/containers/%s/json", name);
        return docker_call_start(call, engine, "inspect container", "GET", path, NULL, e);
}

int container_remove(struct docker_call *call, const struct engine *engine, const char *name, struct error *e)
{
        char path[CONTAINER_NAME_SIZE + 64];
        snprintf(path, sizeof(path), "/containers/%s?force=true&v=true", name);
        return docker_call_start(call, engine, "remove container", "DELETE", path, NULL, e);
}

bool container_is_gone(const struct docker_call *call)
{
        return call->status == 204 || call->status == 404;
}

int container_list(struct docker_call *call, const struct engine *engine, const char *label, struct error *e)
{
        char path[256];
        snprintf(path, sizeof(path), "/containers/json?all=true&filters=%%7B%%22label%%22%%3A%%5B%%22%s%%22%%5D%%7D", label);
        return docker_call_start(call, engine, "list containers", "GET", path, NULL, e);
}
