#include "worker/sandbox/collection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are bytes; a record holds text: what is not becomes '?'. */
static char *readable(struct span name)
{
        char *text = malloc(name.size + 1);
        if (!text)
                return NULL;
        bool valid = utf8_valid(name);
        for (size_t i = 0; i < name.size; i++) {
                bool plain = name.data[i] >= 0x20 && (valid || name.data[i] < 0x7f);
                text[i] = plain ? (char)name.data[i] : '?';
        }
        text[name.size] = 0;
        return text;
}

/* Counted always, named while there is room. */
static int omit(struct result *result, struct span name, struct span reason)
{
        if (result->omitted_count < RESULT_OMITTED_MAX) {
                struct artifact_omitted *grown = realloc(result->omitted, (result->omitted_count + 1) * sizeof(*grown));
                char *path = grown ? readable(name) : NULL;
                if (grown)
                        result->omitted = grown;
                if (!path)
                        return -1;
                grown[result->omitted_count].path = path;
                snprintf(grown[result->omitted_count].reason, sizeof(grown->reason), "%.*s", (int)reason.size, (const char *)reason.data);
        }
        result->omitted_count++;
        return 0;
}

static int omit_current(struct collection *c, const char *reason)
{
        int result = omit(c->result, span_of(c->path), span_of(reason));
        artifact_file_discard(&c->file);
        return result;
}

static int finish(struct collection *c, struct error *e)
{
        struct artifact made = {.bytes = c->file.bytes};
        if (!c->file.open)
                return 0; /* omitted already, or a product */
        if (artifact_file_finish(&c->file, made.sha256, e) < 0)
                return omit_current(c, "it could not be kept");
        struct artifact *grown = realloc(c->result->artifacts, (c->result->artifact_count + 1) * sizeof(*grown));
        if (!grown)
                return error_set(e, ERROR_MEMORY, "no memory for an artifact's name");
        made.path = c->path;
        c->path = NULL;
        grown[c->result->artifact_count++] = made;
        c->result->artifacts = grown;
        return 0;
}

static int open_place(struct collection *c, struct error *e)
{
        if (c->product)
                bytes_clear(c->product);
        else if (artifact_file_open(&c->file, c->log_directory, e) < 0)
                return omit_current(c, "it could not be kept");
        return 0;
}

static int charge(struct collection *c, uint64_t bytes, size_t name_size, struct error *e)
{
        if (c->begun == ARTIFACT_FILES_MAX || bytes > ARTIFACT_BYTES_MAX || bytes > ARTIFACTS_BYTES_MAX - c->total_bytes ||
            name_size > FRAME_PATH_MAX)
                return error_set(e, ERROR_PROTOCOL, "artifacts beyond their bounds");
        c->begun++;
        c->total_bytes += bytes;
        return 0;
}

static int begin(struct collection *c, const struct frame *frame, struct error *e)
{
        struct frame_artifact message;
        size_t text = frame_decode_artifact(frame, &message);
        if (!text || c->left_bytes)
                return error_set(e, ERROR_PROTOCOL, "an artifact begins within another");
        struct span name = {frame->payload + text, frame->size - text};
        if (charge(c, message.bytes, name.size, e) < 0)
                return -1;
        free(c->path);
        c->path = readable(name);
        c->left_bytes = message.bytes;
        if (!c->path)
                return error_set(e, ERROR_MEMORY, "no memory for an artifact's name");
        if (!utf8_valid(name))
                return omit_current(c, "its name is not UTF-8");
        if (open_place(c, e) < 0)
                return -1;
        return message.bytes == 0 ? finish(c, e) : 0;
}

static int go_on(struct collection *c, const struct frame *frame, struct error *e)
{
        if (frame->size > c->left_bytes)
                return error_set(e, ERROR_PROTOCOL, "an artifact is longer than was said");
        c->left_bytes -= frame->size;
        if (c->product && bytes_append(c->product, frame->payload, frame->size) < 0)
                return error_set(e, ERROR_MEMORY, "no memory for what was compiled");
        if (c->file.open && artifact_file_write(&c->file, (struct span){frame->payload, frame->size}, e) < 0)
                omit_current(c, "it could not be kept");
        return c->left_bytes == 0 ? finish(c, e) : 0;
}

static int take_omitted(struct collection *c, const struct frame *frame)
{
        const uint8_t *end = memchr(frame->payload, 0, frame->size);
        size_t size = end ? (size_t)(end - frame->payload) : frame->size;
        size_t rest = end ? size + 1 : size;
        return omit(c->result, (struct span){frame->payload, size}, (struct span){frame->payload + rest, frame->size - rest});
}

/* init counts also those it did not name, which are those beyond the first RESULT_OMITTED_MAX. */
static int take_report(struct collection *c, const struct frame *frame, struct error *e)
{
        struct frame_report report;
        if (!frame_decode_report(frame, &report) || c->left_bytes)
                return error_set(e, ERROR_PROTOCOL, "the report came before the artifacts were whole");
        if (report.omitted <= c->result->omitted_count)
                return 0;
        if (c->result->omitted_count < RESULT_OMITTED_MAX)
                return error_set(e, ERROR_PROTOCOL, "the report counts omitted artifacts that were not named");
        c->result->omitted_count = report.omitted;
        return 0;
}

int collection_take(struct collection *c, const struct frame *frame, struct error *e)
{
        switch (frame->type) {
        case FRAME_ARTIFACT:
                return begin(c, frame, e);
        case FRAME_ARTIFACT_DATA:
                return go_on(c, frame, e);
        case FRAME_ARTIFACT_OMITTED:
                return take_omitted(c, frame) < 0 ? error_set(e, ERROR_MEMORY, "no memory for an artifact's name") : 0;
        case FRAME_REPORT:
                return take_report(c, frame, e);
        default:
                return error_set(e, ERROR_PROTOCOL, "brig-init sent a frame of type %d", (int)frame->type);
        }
}

void collection_deinit(struct collection *c)
{
        artifact_file_discard(&c->file);
        free(c->path);
        c->path = NULL;
}
