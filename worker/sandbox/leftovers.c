#include "worker/sandbox/leftovers.h"

#include <string.h>

static void end(struct leftovers *leftovers, const struct error *e)
{
        json_decref(leftovers->names);
        leftovers->names = NULL;
        leftovers->done(leftovers, e);
}

static void remove_next(struct leftovers *leftovers);

/* One that will not go now is left to the next sweep. */
static void removed(struct docker_call *call, const struct error *e)
{
        struct leftovers *leftovers = call->data;
        if (e && call->status == 0) {
                end(leftovers, e);
                return;
        }
        leftovers->removed += container_is_gone(call);
        json_array_remove(leftovers->names, 0);
        remove_next(leftovers);
}

static void remove_next(struct leftovers *leftovers)
{
        struct error e;
        const char *name = json_string_value(json_array_get(leftovers->names, 0));
        leftovers->call.done = removed;
        if (!name)
                end(leftovers, NULL);
        else if (container_remove(&leftovers->call, leftovers->engine, name, &e) < 0)
                end(leftovers, &e);
}

static bool is_leftover(struct leftovers *leftovers, const char *name, const char *folder)
{
        if (!name || !folder)
                return false;
        if (strcmp(folder, leftovers->instance->path) == 0)
                return !leftovers->owned(leftovers, name);
        return !instance_lives(folder);
}

static void listed(struct docker_call *call, const struct error *e)
{
        struct leftovers *leftovers = call->data;
        size_t i;
        json_t *container;
        if (e) {
                end(leftovers, e);
                return;
        }
        json_array_foreach(call->answer, i, container)
        {
                const char *name = json_string_value(json_array_get(json_object_get(container, "Names"), 0)); /* "/NAME" */
                json_t *folder = json_object_get(json_object_get(container, "Labels"), "brig.folder");
                if (is_leftover(leftovers, name ? name + 1 : NULL, json_string_value(folder)))
                        json_array_append_new(leftovers->names, json_string(name + 1));
        }
        remove_next(leftovers);
}

int leftovers_sweep_start(struct leftovers *leftovers, const struct engine *engine, const struct instance *instance, struct error *e)
{
        leftovers->engine = engine;
        leftovers->instance = instance;
        leftovers->removed = 0;
        leftovers->call.done = listed;
        leftovers->call.data = leftovers;
        if (container_list(&leftovers->call, engine, "brig.worker", e) < 0)
                return -1;
        leftovers->names = json_array();
        return 0;
}
