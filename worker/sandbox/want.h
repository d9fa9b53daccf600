/* What a job, or an image alone, wants of a container. Pure, but for finding brig's own files. */
#ifndef BRIG_SANDBOX_WANT_H
#define BRIG_SANDBOX_WANT_H

#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/slot_host.h"

/* 0, or -1: ERROR_NOT_FOUND (language, image), ERROR_DENIED (image; a language that has to be compiled), ERROR_INVALID (files too large). */
int want_of_job(struct slot_want *ret_want, const struct config *config, const struct images *images, const struct job *job, enum risk risk,
                struct error *e);

/* The profile's own limits, with what the image's language needs. 0 or -1, as images_find. */
int want_of_image(struct slot_want *ret_want, const struct config *config, const struct images *images, const char *image, enum risk risk,
                  struct error *e);

#endif
