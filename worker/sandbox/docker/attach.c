#include "worker/sandbox/docker/attach.h"

#include <string.h>

#include "worker/sandbox/docker/container.h"

enum { ATTACH_TIMEOUT_MS = 30000 };

static int header_take(struct attach_parser *parser, struct span *input, struct error *e)
{
        size_t missing = sizeof(parser->header) - parser->header_size;
        size_t size = input->size < missing ? input->size : missing;
        memcpy(parser->header + parser->header_size, input->data, size);
        parser->header_size += size;
        *input = (struct span){input->data + size, input->size - size};
        if (parser->header_size < sizeof(parser->header))
                return 0;
        const uint8_t *h = parser->header;
        if ((h[0] != ATTACH_STDOUT && h[0] != ATTACH_STDERR) || h[1] || h[2] || h[3])
                return error_set(e, ERROR_PROTOCOL, "attached stream: a frame begins with %02x%02x%02x%02x", h[0], h[1], h[2], h[3]);
        parser->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
        if (parser->left == 0)
                parser->header_size = 0;
        return 0;
}

static void content_take(struct attach_parser *parser, struct span *input, attach_take *take, void *data)
{
        size_t size = input->size < parser->left ? input->size : parser->left;
        enum attach_stream stream = parser->header[0];
        struct span content = {input->data, size};
        *input = (struct span){input->data + size, input->size - size};
        parser->left -= (uint32_t)size;
        if (parser->left == 0)
                parser->header_size = 0;
        take(data, stream, content);
}

int attach_parser_feed(struct attach_parser *parser, struct span input, attach_take *take, void *data, struct error *e)
{
        while (input.size > 0) {
                if (parser->header_size == sizeof(parser->header))
                        content_take(parser, &input, take, data);
                else if (header_take(parser, &input, e) < 0)
                        return -1;
        }
        return 0;
}

static void upgraded(struct http_exchange *http)
{
        struct attach *attach = http->data;
        attach->attached(attach);
}

static void hand_on(void *data, enum attach_stream stream, struct span bytes)
{
        struct attach *attach = data;
        attach->received(attach, stream, bytes);
}

static void received(struct http_exchange *http, struct span data)
{
        struct attach *attach = http->data;
        if (!attach->error.code && attach_parser_feed(&attach->parser, data, hand_on, attach, &attach->error) < 0)
                http_exchange_cancel(http);
}

static void ended(struct http_exchange *http, const struct error *e)
{
        struct attach *attach = http->data;
        struct error refused;
        if (!e && http->status != 101) {
                error_set(&refused, ERROR_DOCKER, "attach to container: the engine answered %u", http->status);
                e = &refused;
        }
        http_exchange_deinit(http);
        attach->done(attach, attach->error.code ? &attach->error : e);
}

int attach_start(struct attach *attach, const struct engine *engine, const char *container, struct error *e)
{
        char path[CONTAINER_NAME_SIZE + 96];
        snprintf(path, sizeof(path), "%s/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1", engine->api_prefix, container);
        memset(&attach->parser, 0, sizeof(attach->parser));
        memset(&attach->error, 0, sizeof(attach->error));
        memset(&attach->http, 0, sizeof(attach->http));
        attach->http.name = "attach to container";
        attach->http.timeout_ms = ATTACH_TIMEOUT_MS;
        attach->http.upgraded = upgraded;
        attach->http.received = received;
        attach->http.done = ended;
        attach->http.data = attach;
        return http_exchange_start(&attach->http, engine->loop, engine->socket_path, "POST", path, NULL, e);
}

int attach_send(struct attach *attach, struct span data, struct error *e)
{
        return http_exchange_send(&attach->http, data, e);
}

void attach_cancel(struct attach *attach)
{
        http_exchange_cancel(&attach->http);
}
