#include "worker/sandbox/images.h"

#include <stdio.h>
#include <string.h>

void images_init(struct images *images, const struct engine *engine, const struct config *config)
{
        memset(images, 0, sizeof(*images));
        images->engine = engine;
        images->config = config;
        images->known = json_object();
}

static void refresh_drop(struct images *images)
{
        json_decref(images->next);
        json_decref(images->left);
        images->next = images->left = NULL;
}

void images_deinit(struct images *images)
{
        refresh_drop(images);
        json_decref(images->known);
        images->known = NULL;
}

static void refresh_end(struct images *images, const struct error *e)
{
        if (!e) {
                json_decref(images->known);
                images->known = json_incref(images->next);
        }
        refresh_drop(images);
        images->refreshed(images, e);
}

static int ask_next(struct images *images, struct error *e)
{
        char path[160];
        const char *id = json_string_value(json_array_get(images->left, 0));
        snprintf(path, sizeof(path), "/images/%s/json", id);
        return docker_call_start(&images->call, images->engine, "inspect image", "GET", path, NULL, e);
}

static void go_on(struct images *images)
{
        struct error e;
        if (json_array_size(images->left) == 0)
                refresh_end(images, NULL);
        else if (ask_next(images, &e) < 0)
                refresh_end(images, &e);
}

/* An image removed since it was listed is no failure: it is not known. */
static void inspected(struct docker_call *call, const struct error *e)
{
        struct images *images = call->data;
        const char *id = json_string_value(json_array_get(images->left, 0));
        if (e && call->status != 404) {
                refresh_end(images, e);
                return;
        }
        json_t *volumes = json_object_get(json_object_get(call->answer, "Config"), "Volumes");
        if (e)
                json_object_del(images->next, id);
        else if (json_object_size(volumes) > 0)
                json_object_set(json_object_get(images->next, id), "volumes", volumes);
        json_array_remove(images->left, 0);
        go_on(images);
}

static void add_names(json_t *names, const json_t *list)
{
        size_t i;
        json_t *name;
        json_array_foreach(list, i, name) json_array_append(names, name);
}

static void take_listed(struct images *images, const json_t *listed)
{
        const char *id = json_string_value(json_object_get(listed, "Id"));
        if (!id)
                return;
        json_t *names = json_array();
        add_names(names, json_object_get(listed, "RepoTags"));
        add_names(names, json_object_get(listed, "RepoDigests"));
        json_t *before = json_object_get(images->known, id);
        json_t *image = before ? json_copy(before) : json_object();
        json_object_set_new(image, "names", names);
        json_object_set_new(images->next, id, image);
        if (!before)
                json_array_append_new(images->left, json_string(id));
}

static void listed(struct docker_call *call, const struct error *e)
{
        struct images *images = call->data;
        size_t i;
        json_t *image;
        if (e) {
                refresh_end(images, e);
                return;
        }
        json_array_foreach(call->answer, i, image) take_listed(images, image);
        images->call.done = inspected;
        go_on(images);
}

int images_refresh_start(struct images *images, struct error *e)
{
        refresh_drop(images);
        images->next = json_object();
        images->left = json_array();
        images->call.done = listed;
        images->call.data = images;
        if (docker_call_start(&images->call, images->engine, "list images", "GET", "/images/json", NULL, e) == 0)
                return 0;
        refresh_drop(images);
        return -1;
}

static bool has_name(const json_t *image, const char *name)
{
        char latest[256];
        size_t i;
        json_t *known;
        snprintf(latest, sizeof(latest), "%s:latest", name);
        json_array_foreach(json_object_get(image, "names"), i, known)
        {
                const char *text = json_string_value(known);
                if (text && (strcmp(text, name) == 0 || strcmp(text, latest) == 0))
                        return true;
        }
        return false;
}

static const char *find_id(const struct images *images, const char *name)
{
        const char *id;
        json_t *image;
        json_object_foreach(images->known, id, image)
        {
                if (strcmp(id, name) == 0 || has_name(image, name))
                        return id;
        }
        return NULL;
}

/* The engine would have to make the mount point inside a folder that is read-only, or in place of brig-init. */
static const char *forbidden_volume(const struct images *images, const char *id)
{
        const char *path;
        json_t *unused;
        json_object_foreach((json_t *)images_volumes(images, id), path, unused)
        {
                if (strncmp(path, "/code/", 6) == 0 || strncmp(path, "/brig", 5) == 0)
                        return path;
        }
        return NULL;
}

int images_find(const struct images *images, const char *name, const char **ret_id, struct error *e)
{
        if (!config_image_allowed(images->config, name))
                return error_set(e, ERROR_DENIED, "image '%s' is not allowed", name);
        const char *id = find_id(images, name);
        if (!id)
                return error_set(e, ERROR_NOT_FOUND, "the engine has no image '%s', and none is pulled for a job", name);
        const char *volume = forbidden_volume(images, id);
        if (volume)
                return error_set(e, ERROR_DENIED, "image '%s' declares the volume %s", name, volume);
        *ret_id = id;
        return 0;
}

static void tell(const struct images *images, const char *name, void (*each)(void *data, const char *name), void *data)
{
        const char *id;
        struct error ignored;
        if (name && images_find(images, name, &id, &ignored) == 0)
                each(data, name);
}

static void tell_without_tag(const struct images *images, const char *name, void (*each)(void *data, const char *name), void *data)
{
        static const char latest[] = ":latest";
        char plain[256];
        size_t size = name ? strlen(name) : 0;
        size_t tag = sizeof(latest) - 1;
        if (size <= tag || size >= sizeof(plain) || strcmp(name + size - tag, latest) != 0)
                return;
        snprintf(plain, sizeof(plain), "%.*s", (int)(size - tag), name);
        tell(images, plain, each, data);
}

void images_each(const struct images *images, void (*each)(void *data, const char *name), void *data)
{
        const char *id;
        json_t *image, *name;
        size_t i;
        json_object_foreach(images->known, id, image)
        {
                tell(images, id, each, data);
                json_array_foreach(json_object_get(image, "names"), i, name)
                {
                        tell(images, json_string_value(name), each, data);
                        tell_without_tag(images, json_string_value(name), each, data);
                }
        }
}

const json_t *images_volumes(const struct images *images, const char *id)
{
        return json_object_get(json_object_get(images->known, id), "volumes");
}
