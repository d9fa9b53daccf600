#include "worker/pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MS = 5000 };

struct listing {
        struct pools *pools;
        const struct config *config;
};

static void add(struct pools *pools, char *name_take)
{
        char **names = name_take && pools->count < POOLS_MAX ? realloc(pools->names, (pools->count + 1) * sizeof(*names)) : NULL;
        if (!names) {
                free(name_take);
                return;
        }
        pools->names = names;
        names[pools->count++] = name_take;
}

static void add_image(void *data, const char *image)
{
        const struct listing *listing = data;
        for (size_t i = 0; i < listing->config->language_count; i++) {
                const struct language *language = &listing->config->languages[i];
                char *name = NULL;
                if (strcmp(image, language->image) != 0 && asprintf(&name, "%s@%s", language->name, image) > 0)
                        add(listing->pools, name);
        }
}

static void add_own_images(struct pools *pools, const struct ports *ports)
{
        for (size_t i = 0; i < ports->config->language_count; i++) {
                const struct language *language = &ports->config->languages[i];
                if (ports->sandbox.has_image(ports->sandbox.sandbox, language->image))
                        add(pools, strdup(language->name));
        }
}

void pools_refresh(struct pools *pools, const struct ports *ports)
{
        uint64_t now_ms = clock_boottime_ms(ports->clock);
        if (pools->count > 0 && now_ms < pools->known_until_ms)
                return;
        pools_deinit(pools);
        pools->known_until_ms = now_ms + KNOWN_MS;
        add_own_images(pools, ports);
        ports->sandbox.each_image(ports->sandbox.sandbox, add_image, &(struct listing){pools, ports->config});
}

void pools_deinit(struct pools *pools)
{
        for (size_t i = 0; i < pools->count; i++)
                free(pools->names[i]);
        free(pools->names);
        *pools = (struct pools){0};
}
