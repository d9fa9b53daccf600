#include "worker/sandbox/docker/engine.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

int engine_init(struct engine *engine, uv_loop_t *loop, const char *docker_host, struct error *e)
{
        static const char scheme[] = "unix://";
        memset(engine, 0, sizeof(*engine));
        engine->loop = loop;
        if (strncmp(docker_host, scheme, strlen(scheme)) != 0)
                return error_set(e, ERROR_CONFIG, "docker.host: '%s' is not of the form unix:///PATH", docker_host);
        const char *path = docker_host + strlen(scheme);
        if (path[0] != '/' || strlen(path) >= sizeof(engine->socket_path))
                return error_set(e, ERROR_CONFIG, "docker.host: '%s' is no path of a socket", docker_host);
        snprintf(engine->socket_path, sizeof(engine->socket_path), "%s", path);
        return 0;
}

void engine_deinit(struct engine *engine)
{
        json_decref(engine->runtimes);
        engine->runtimes = NULL;
}

static bool has_apparmor(const json_t *info)
{
        size_t i;
        json_t *option;
        json_array_foreach(json_object_get(info, "SecurityOptions"), i, option)
        {
                if (json_is_string(option) && strstr(json_string_value(option), "apparmor"))
                        return true;
        }
        return false;
}

static int take_info(struct engine *engine, const json_t *info, struct error *e)
{
        const char *storage = text_of(info, "Driver");
        const char *cgroups = text_of(info, "CgroupVersion");
        if (strcmp(storage, "vfs") == 0)
                return error_set(e, ERROR_SANDBOX, "the engine's storage driver is vfs, which copies the image for each container");
        snprintf(engine->cgroup_driver, sizeof(engine->cgroup_driver), "%s", text_of(info, "CgroupDriver"));
        engine->cgroup_version = strcmp(cgroups, "2") == 0 ? 2 : 1;
        engine->apparmor = has_apparmor(info);
        json_decref(engine->runtimes);
        engine->runtimes = json_incref(json_object_get(info, "Runtimes"));
        return 0;
}

static void info_answered(struct docker_call *call, const struct error *e)
{
        struct engine_probe *probe = call->data;
        struct error refused;
        if (!e && take_info(probe->engine, call->answer, &refused) < 0)
                e = &refused;
        probe->done(probe, e);
}

static void version_answered(struct docker_call *call, const struct error *e)
{
        struct engine_probe *probe = call->data;
        struct engine *engine = probe->engine;
        struct error failure;
        if (!e) {
                snprintf(engine->api_prefix, sizeof(engine->api_prefix), "/v%.12s", text_of(call->answer, "ApiVersion"));
                snprintf(engine->version, sizeof(engine->version), "%s", text_of(call->answer, "Version"));
                call->done = info_answered;
                if (docker_call_start(call, engine, "ask the engine about its host", "GET", "/info", NULL, &failure) == 0)
                        return;
                e = &failure;
        }
        probe->done(probe, e);
}

int engine_probe_start(struct engine_probe *probe, struct engine *engine, struct error *e)
{
        probe->engine = engine;
        probe->call.done = version_answered;
        probe->call.data = probe;
        engine->api_prefix[0] = 0; /* a newer engine may have come: its oldest API may be newer than the version known */
        return docker_call_start(&probe->call, engine, "ask the engine for its version", "GET", "/version", NULL, e);
}

bool engine_has_runtime(const struct engine *engine, const char *name)
{
        return json_object_get(engine->runtimes, name) != NULL;
}
