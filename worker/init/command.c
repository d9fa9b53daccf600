#include "worker/init/command.h"

#include <string.h>
#include <sys/mman.h>

/* A NUL-terminated copy in the arena, or NULL: no room, or a NUL inside. */
static char *arena_text(struct command *c, const uint8_t *text, size_t size)
{
        if (size >= FRAME_COMMAND_BYTES_MAX - c->arena_used || memchr(text, '\0', size))
                return NULL;
        char *copy = c->arena + c->arena_used;
        memcpy(copy, text, size);
        copy[size] = '\0';
        c->arena_used += size + 1;
        return copy;
}

/* Both are NAME=VALUE. */
static bool same_name(const char *a, const char *b)
{
        size_t size = strcspn(a, "=");
        return strncmp(a, b, size) == 0 && b[size] == '=';
}

static bool environment_add(struct command *c, char *variable)
{
        for (size_t i = 0; i < c->environment_count; i++) {
                if (same_name(variable, c->environment[i])) {
                        c->environment[i] = variable;
                        return true;
                }
        }
        if (c->environment_count == COMMAND_ENVIRONMENT_MAX)
                return false;
        c->environment[c->environment_count++] = variable;
        return true;
}

bool command_init(struct command *c, char **image_environment)
{
        *c = (struct command){0};
        void *arena = mmap(NULL, FRAME_COMMAND_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED)
                return false;
        c->arena = arena;
        for (char **variable = image_environment; *variable; variable++) {
                if (!same_name("HOSTNAME=", *variable) && !environment_add(c, *variable))
                        return false;
        }
        return true;
}

static bool take_argument(struct command *c, const struct frame *frame)
{
        char *text = arena_text(c, frame->payload, frame->size);
        if (!text || c->argument_count == COMMAND_ARGUMENTS_MAX)
                return false;
        c->arguments[c->argument_count++] = text;
        return true;
}

static bool take_environment(struct command *c, const struct frame *frame)
{
        char *text = arena_text(c, frame->payload, frame->size);
        return text && strchr(text, '=') && environment_add(c, text);
}

static bool take_artifacts(struct command *c, const struct frame *frame)
{
        size_t at = frame_decode_artifacts(frame, &c->artifacts);
        if (!at)
                return false;
        while (at < frame->size) {
                const uint8_t *glob = frame->payload + at;
                const uint8_t *end = memchr(glob, '\0', frame->size - at);
                if (!end || c->glob_count == FRAME_GLOBS_MAX)
                        return false;
                char *text = arena_text(c, glob, (size_t)(end - glob));
                if (!text)
                        return false;
                c->globs[c->glob_count++] = text;
                at += (size_t)(end - glob) + 1;
        }
        return true;
}

static bool take_command(struct command *c, const struct frame *frame)
{
        size_t at = frame_decode_command(frame, &c->options);
        if (!at || !c->argument_count)
                return false;
        c->directory = arena_text(c, frame->payload + at, frame->size - at);
        return c->directory;
}

bool command_take(struct command *c, const struct frame *frame)
{
        switch (frame->type) {
        case FRAME_LIMITS:
                return frame_decode_limits(frame, &c->limits);
        case FRAME_ARGUMENT:
                return take_argument(c, frame);
        case FRAME_ENVIRONMENT:
                return take_environment(c, frame);
        case FRAME_ARTIFACTS:
                return take_artifacts(c, frame);
        case FRAME_COMMAND:
                return take_command(c, frame);
        default:
                return false;
        }
}
