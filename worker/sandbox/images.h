/* What the engine's local images are called, and what they declare. Asked at the start and every minute; looked up from memory. */
#ifndef BRIG_SANDBOX_IMAGES_H
#define BRIG_SANDBOX_IMAGES_H

#include "common/config.h"
#include "worker/sandbox/docker/engine.h"

struct images {
        const struct engine *engine; /* borrowed, as config */
        const struct config *config;
        void (*refreshed)(struct images *images, const struct error *e); /* NULL: they are known now */
        void *data;

        json_t *known; /* private: object by id {names: […], volumes: {…}} */
        json_t *next;  /* what a refresh has found so far */
        json_t *left;  /* ids it has still to ask about */
        struct docker_call call;
};

void images_init(struct images *images, const struct engine *engine, const struct config *config);
void images_deinit(struct images *images);

/* Asks anew. One at a time. 0: `refreshed` will run. */
int images_refresh_start(struct images *images, struct error *e);

/* By name (`:latest` may be left out), name and digest, or id. 0 and the id, borrowed until the next refresh; or -1: ERROR_DENIED when
 * the configuration does not allow it or no container can be made of it, ERROR_NOT_FOUND when the engine has no such image. */
int images_find(const struct images *images, const char *name, const char **ret_id, struct error *e);

/* Tells each name that images_find would find. */
void images_each(const struct images *images, void (*each)(void *data, const char *name), void *data);

/* The volumes an image declares, an object by path; NULL: none. Borrowed. */
const json_t *images_volumes(const struct images *images, const char *id);

#endif
