/* Records on their way to Kafka. A letter is posted once and stays until Kafka has acknowledged it: what could not be sent is sent again,
 * and nothing overtakes it. */
#ifndef BRIG_DISPATCHER_OUTBOX_H
#define BRIG_DISPATCHER_OUTBOX_H

#include <jansson.h>

#include "common/list.h"
#include "common/transport/cloudevent.h"
#include "dispatcher/ports.h"

enum { LETTER_HEADERS_MAX = CLOUDEVENT_HEADERS + 8, LETTER_HEADER_TEXT_SIZE = 64 };

struct outbox {
        const struct dispatch_ports *ports; /* borrowed */
        const struct clock *clock;          /* borrowed */
        char source[160];                   /* CloudEvents source */
        struct list refused;                /* letters to be sent again */
        size_t count;                       /* letters posted and not acknowledged */
        bool closed;
};

struct letter {
        struct kafka_send send;
        struct list link;
        struct outbox *outbox;
        struct bytes key, value;
        struct cloudevent event;
        char event_id[UUID_TEXT_SIZE];
        struct kafka_header headers[LETTER_HEADERS_MAX];
        char header_texts[LETTER_HEADERS_MAX][LETTER_HEADER_TEXT_SIZE];

        bool value_is_spare; /* where Kafka finds it too large it goes without, with a header "omitted" instead */

        struct letter *then; /* owned; posted once this one is acknowledged; NULL: none */

        /* Acknowledged, at `offset`; may be NULL. Never called once the outbox is closed. */
        void (*done)(struct letter *letter, int64_t offset);
        void *owner; /* the rest is the poster's */
        uint64_t generation;
        int64_t subject;
};

void outbox_init(struct outbox *outbox, const struct dispatch_ports *ports, const struct clock *clock, const char *program,
                 const char *instance);

/* Frees what waits; letters still with Kafka are freed as their reports come. */
void outbox_close(struct outbox *outbox);

/* A letter to `topic` (borrowed, must outlive it), partition -1: by key. `type` (static) is the CloudEvents type; NULL: no such headers. Key
 * and value are copied; the value is JSON, or the bytes as they are. NULL: no memory. */
struct letter *letter_new(const char *topic, int32_t partition, const char *type, struct span key, const json_t *value);
struct letter *letter_new_bytes(const char *topic, int32_t partition, const char *type, struct span key, struct span value);
void letter_free(struct letter *letter);

/* Adds a header; the name is static, the text copied and cut to fit. */
void letter_add_text(struct letter *letter, const char *name, struct span text);
void letter_add_number(struct letter *letter, const char *name, int64_t number);

void outbox_post_take(struct outbox *outbox, struct letter *letter);

/* Tries again what was refused. */
void outbox_tick(struct outbox *outbox);

#endif
