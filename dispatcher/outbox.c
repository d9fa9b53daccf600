#include "dispatcher/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"
#include "common/json.h"

void outbox_init(struct outbox *outbox, const struct dispatch_ports *ports, const struct clock *clock, const char *program,
                 const char *instance)
{
        *outbox = (struct outbox){.ports = ports, .clock = clock};
        snprintf(outbox->source, sizeof outbox->source, "/brig/%s/%s", program, instance);
        list_init(&outbox->refused);
}

void outbox_close(struct outbox *outbox)
{
        outbox->closed = true;
        list_for_each (link, &outbox->refused) {
                list_remove(link);
                letter_free(list_entry(link, struct letter, link));
        }
}

void letter_free(struct letter *letter)
{
        if (!letter)
                return;
        letter_free(letter->then);
        bytes_deinit(&letter->key);
        bytes_deinit(&letter->value);
        free(letter);
}

static struct letter *letter_new_empty(const char *topic, int32_t partition, const char *type, struct span key)
{
        struct letter *letter = calloc(1, sizeof *letter);
        if (!letter)
                return NULL;
        list_init(&letter->link);
        letter->event.type = type;
        letter->send.topic = topic;
        letter->send.partition = partition;
        letter->send.header_count = type ? CLOUDEVENT_HEADERS : 0;
        if (bytes_append(&letter->key, key.data, key.size) < 0) {
                letter_free(letter);
                return NULL;
        }
        return letter;
}

struct letter *letter_new(const char *topic, int32_t partition, const char *type, struct span key, const json_t *value)
{
        struct letter *letter = value ? letter_new_empty(topic, partition, type, key) : NULL;
        if (letter && json_document_append(value, &letter->value) < 0) {
                letter_free(letter);
                return NULL;
        }
        return letter;
}

struct letter *letter_new_bytes(const char *topic, int32_t partition, const char *type, struct span key, struct span value)
{
        struct letter *letter = letter_new_empty(topic, partition, type, key);
        if (letter && bytes_append(&letter->value, value.data, value.size) < 0) {
                letter_free(letter);
                return NULL;
        }
        return letter;
}

void letter_add_text(struct letter *letter, const char *name, struct span text)
{
        size_t n = letter->send.header_count;
        if (n == LETTER_HEADERS_MAX)
                return;
        size_t size = utf8_cut(text, text.size < LETTER_HEADER_TEXT_SIZE ? text.size : LETTER_HEADER_TEXT_SIZE);
        if (size)
                memcpy(letter->header_texts[n], text.data, size);
        letter->headers[n] = (struct kafka_header){span_of(name), {(const uint8_t *)letter->header_texts[n], size}};
        letter->send.header_count++;
}

void letter_add_number(struct letter *letter, const char *name, int64_t number)
{
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, number);
        letter_add_text(letter, name, span_of(text));
}

/* False when it could not be sent. */
static bool letter_send(struct letter *letter)
{
        struct error e;
        const struct dispatch_ports *ports = letter->outbox->ports;
        return ports->send(ports->data, &letter->send, &e) == 0;
}

static void spare_value(struct letter *letter)
{
        bytes_deinit(&letter->value);
        letter->send.value = (struct span){0};
        letter->value_is_spare = false;
        letter_add_text(letter, "omitted", span_of("value"));
}

static void letter_sent(struct kafka_send *send, int32_t partition, int64_t offset, const struct error *e)
{
        struct letter *letter = send->data;
        (void)partition;
        if (e && e->code == ERROR_INVALID && letter->value_is_spare)
                spare_value(letter);
        if (e && !letter->outbox->closed) {
                list_append(&letter->outbox->refused, &letter->link);
                return;
        }
        letter->outbox->count--;
        if (letter->done && !letter->outbox->closed)
                letter->done(letter, offset);
        if (letter->then && !letter->outbox->closed)
                outbox_post_take(letter->outbox, letter->then);
        else
                letter_free(letter->then);
        letter->then = NULL;
        letter_free(letter);
}

void outbox_post_take(struct outbox *outbox, struct letter *letter)
{
        letter->outbox = outbox;
        letter->send.key = bytes_span(&letter->key);
        letter->send.value = bytes_span(&letter->value);
        letter->send.headers = letter->headers;
        letter->send.done = letter_sent;
        letter->send.data = letter;
        if (letter->event.type) {
                uuid_make(letter->event_id);
                letter->event.id = letter->event_id;
                letter->event.source = outbox->source;
                clock_format_rfc3339(clock_realtime_ms(outbox->clock), letter->event.time);
                cloudevent_headers(&letter->event, letter->headers);
        }
        outbox->count++;
        if (!list_empty(&outbox->refused) || !letter_send(letter))
                list_append(&outbox->refused, &letter->link);
}

void outbox_tick(struct outbox *outbox)
{
        while (!list_empty(&outbox->refused)) {
                struct letter *letter = list_entry(outbox->refused.next, struct letter, link);
                if (!letter_send(letter))
                        return;
                list_remove(&letter->link);
        }
}
