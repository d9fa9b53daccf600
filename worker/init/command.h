/* What the worker asked init to run, gathered frame by frame in memory that is taken once. */
#ifndef BRIG_INIT_COMMAND_H
#define BRIG_INIT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/init/frame.h"

enum { COMMAND_ARGUMENTS_MAX = 512, COMMAND_ENVIRONMENT_MAX = 1024 };

struct command {
        char *arena; /* FRAME_COMMAND_BYTES_MAX, touched only as far as it is used */
        size_t arena_used;
        char *arguments[COMMAND_ARGUMENTS_MAX + 1]; /* NULL-ended */
        size_t argument_count;
        char *environment[COMMAND_ENVIRONMENT_MAX + 1]; /* NULL-ended, no name twice */
        size_t environment_count;
        const char *globs[FRAME_GLOBS_MAX];
        size_t glob_count;
        const char *directory;
        struct frame_limits limits;
        struct frame_artifacts artifacts;
        struct frame_command options;
};

/* Takes the memory and the image's environment, without HOSTNAME. False: no memory, or too many variables. */
bool command_init(struct command *c, char **image_environment);

/* Takes one of LIMITS, ARGUMENT, ENVIRONMENT, ARTIFACTS, COMMAND. False: it is none, is malformed, or there is no room. */
bool command_take(struct command *c, const struct frame *frame);

#endif
