/* What a job, or an image alone, wants of a container. Pure, but for finding brig's own files. */
#ifndef BRIG_SANDBOX_WANT_H
#define BRIG_SANDBOX_WANT_H

#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/slot_host.h"

/* 0, or -1: ERROR_NOT_FOUND (language, image), ERROR_DENIED (image), ERROR_INVALID (files too large). */
int want_of_job(struct slot_want *ret_want, const struct config *config, const struct images *images, const struct job *job, enum risk risk,
                struct error *e);

/* Where `language` is compiled for a job of this level: in its own image, behind the level's walls but without network, with its limits and
 * sizes. 0 or -1, as images_find. */
int want_of_compiler(struct slot_want *ret_want, const struct config *config, const struct images *images, const struct language *language,
                     enum risk risk, struct error *e);

/* What the job's files come to in /code. */
uint64_t want_code_bytes(const struct job *job);

/* The profile's own limits, with what the image's language needs. 0 or -1, as images_find. */
int want_of_image(struct slot_want *ret_want, const struct config *config, const struct images *images, const char *image, enum risk risk,
                  struct error *e);

#endif
