#include "worker/init/frame.h"

#include <string.h>

static uint64_t read_number(const uint8_t *bytes, size_t width)
{
        uint64_t number = 0;
        for (size_t i = 0; i < width; i++)
                number |= (uint64_t)bytes[i] << (8 * i);
        return number;
}

static void write_number(uint8_t *bytes, uint64_t number, size_t width)
{
        for (size_t i = 0; i < width; i++)
                bytes[i] = (uint8_t)(number >> (8 * i));
}

void frame_parser_init(struct frame_parser *p, uint8_t *buffer, size_t capacity)
{
        *p = (struct frame_parser){.buffer = buffer, .capacity = capacity};
}

/* Copies what is still missing of a part that ends at `end`; true when the part is whole. */
static bool parser_fill(struct frame_parser *p, uint8_t *part, size_t end, size_t part_size, const uint8_t **data, size_t *size)
{
        size_t missing = end - p->size;
        size_t take = missing < *size ? missing : *size;
        if (take)
                memcpy(part + part_size - missing, *data, take);
        p->size += take;
        *data += take;
        *size -= take;
        return take == missing;
}

enum frame_step frame_parser_take(struct frame_parser *p, const uint8_t **data, size_t *size, struct frame *ret_frame)
{
        if (p->size < FRAME_HEADER_BYTES && !parser_fill(p, p->header, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES, data, size))
                return FRAME_MORE;
        size_t payload_size = read_number(p->header + 1, 4);
        if (payload_size > p->capacity)
                return FRAME_BROKEN;
        if (!parser_fill(p, p->buffer, FRAME_HEADER_BYTES + payload_size, payload_size, data, size))
                return FRAME_MORE;
        *ret_frame = (struct frame){.type = (enum frame_type)p->header[0], .payload = p->buffer, .size = payload_size};
        p->size = 0;
        return FRAME_WHOLE;
}

void frame_header(uint8_t ret_header[static FRAME_HEADER_BYTES], enum frame_type type, size_t payload_size)
{
        ret_header[0] = (uint8_t)type;
        write_number(ret_header + 1, payload_size, 4);
}

size_t frame_encode_empty(uint8_t ret_frame[static FRAME_FIXED_MAX], enum frame_type type)
{
        frame_header(ret_frame, type, 0);
        return FRAME_HEADER_BYTES;
}

/* One list of fields serves both directions: exactly one of `out` and `in` is set. */
struct codec {
        uint8_t *out;
        const uint8_t *in;
        size_t in_size;
        size_t size; /* of the fields seen so far */
};

static void codec_number(struct codec *c, uint64_t *number, size_t width)
{
        if (c->out)
                write_number(c->out + c->size, *number, width);
        else
                *number = c->size + width <= c->in_size ? read_number(c->in + c->size, width) : 0;
        c->size += width;
}

static void codec_u32(struct codec *c, uint32_t *field)
{
        uint64_t number = *field;
        codec_number(c, &number, sizeof *field);
        *field = (uint32_t)number;
}

static void codec_u64(struct codec *c, uint64_t *field)
{
        codec_number(c, field, sizeof *field);
}

static void limits_fields(struct codec *c, struct frame_limits *m)
{
        codec_u64(c, &m->output_bytes);
        codec_u64(c, &m->timeout_ms);
}

static void artifacts_fields(struct codec *c, struct frame_artifacts *m)
{
        codec_u32(c, &m->files_max);
        codec_u64(c, &m->file_bytes_max);
        codec_u64(c, &m->total_bytes_max);
}

static void command_fields(struct codec *c, struct frame_command *m)
{
        codec_u32(c, &m->umask);
        codec_u32(c, &m->policy_pipe);
}

static void keepalive_fields(struct codec *c, struct frame_keepalive *m)
{
        codec_u64(c, &m->deadline_ms);
}

static void hello_fields(struct codec *c, struct frame_hello *m)
{
        codec_u32(c, &m->version);
        codec_u32(c, &m->uid);
        codec_u32(c, &m->gid);
        codec_u32(c, &m->dumpable);
        codec_u32(c, &m->no_new_privileges);
        codec_u32(c, &m->seccomp_mode);
        codec_u64(c, &m->capabilities);
        codec_u64(c, &m->boottime_ms);
}

static void prepared_fields(struct codec *c, struct frame_prepared *m)
{
        codec_u32(c, &m->pid);
}

static void failed_fields(struct codec *c, struct frame_failed *m)
{
        codec_u32(c, &m->sys);
}

static void stdin_taken_fields(struct codec *c, struct frame_stdin_taken *m)
{
        codec_u32(c, &m->bytes);
}

static void output_limit_fields(struct codec *c, struct frame_output_limit *m)
{
        codec_u32(c, &m->stream);
}

static void ended_fields(struct codec *c, struct frame_ended *m)
{
        codec_u32(c, &m->end);
        codec_u32(c, &m->exit_code);
        codec_u32(c, &m->signal);
        codec_u32(c, &m->sigsys);
        codec_u64(c, &m->duration_ms);
        codec_u64(c, &m->cpu_ms);
        codec_u64(c, &m->stdout_bytes);
        codec_u64(c, &m->stderr_bytes);
        codec_u64(c, &m->largest_file_bytes);
        codec_u32(c, &m->work_full);
        codec_u32(c, &m->tmp_full);
}

static void artifact_fields(struct codec *c, struct frame_artifact *m)
{
        codec_u64(c, &m->bytes);
}

static void report_fields(struct codec *c, struct frame_report *m)
{
        codec_u32(c, &m->artifacts);
        codec_u32(c, &m->omitted);
}

#define X(name, TYPE)                                                                                                                      \
        size_t frame_encode_##name(uint8_t ret_frame[static FRAME_FIXED_MAX], const struct frame_##name *message, size_t tail)             \
        {                                                                                                                                  \
                struct codec c = {.out = ret_frame + FRAME_HEADER_BYTES};                                                                  \
                struct frame_##name copy = *message;                                                                                       \
                name##_fields(&c, &copy);                                                                                                  \
                frame_header(ret_frame, TYPE, c.size + tail);                                                                              \
                return FRAME_HEADER_BYTES + c.size;                                                                                        \
        }                                                                                                                                  \
                                                                                                                                           \
        size_t frame_decode_##name(const struct frame *frame, struct frame_##name *ret_message)                                            \
        {                                                                                                                                  \
                struct codec c = {.in = frame->payload, .in_size = frame->size};                                                           \
                struct frame_##name message = {0};                                                                                         \
                name##_fields(&c, &message);                                                                                               \
                if (c.size > frame->size)                                                                                                  \
                        return 0;                                                                                                          \
                *ret_message = message;                                                                                                    \
                return c.size;                                                                                                             \
        }
FRAME_MESSAGES(X)
#undef X
