#include "common/transport/redis_link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/gate_library.h"
#include "common/transport/redis_connection.h"
#include "common/transport/redis_fields.h"
#include "common/transport/redis_server.h"

enum { ARGUMENTS_INLINE = 32 };

struct redis_link {
        struct redis_port port;
        uv_loop_t *loop;
        struct redis_address address;
        struct redis_link_options options; /* url and tag are not kept */
        struct redis_connection calls;
        struct redis_connection wakes;
        char *wake_channel, *cancel_channel;
        uv_timer_t timer;    /* until the oldest call must have been answered */
        struct list waiting; /* struct redis_call, oldest first */
        char run_id[REDIS_RUN_ID_SIZE];
        bool up;
        bool loading;        /* the library, again */
        bool last_look;      /* the oldest call is overdue: one more look at the socket, in case the loop itself was held up */
        bool troubled;       /* told, and not yet over */
        struct error ending; /* why the calls on their way end without an answer */
        struct redis_fields fields;
        unsigned handles; /* connections and timer not yet closed */
        void (*closed)(void *data);
        void *closed_data;
};

static struct redis_link *link_of_port(struct redis_port *port)
{
        return list_entry(port, struct redis_link, port);
}

static struct redis_link *link_of_calls(struct redis_connection *c)
{
        return list_entry(c, struct redis_link, calls);
}

static struct redis_link *link_of_wakes(struct redis_connection *c)
{
        return list_entry(c, struct redis_link, wakes);
}

/* Up and down */

static void link_trouble(struct redis_link *link, const struct error *e)
{
        bool told = link->troubled;
        link->troubled = true;
        if (told)
                return;
        log_error(link->options.log, LOG_ERROR, "no Redis; trying again until it is there", e, NULL);
        if (link->options.down)
                link->options.down(link->options.data, e);
}

static void link_up(struct redis_link *link)
{
        redis_connection_settled(&link->calls);
        if (link->troubled)
                log_event(link->options.log, LOG_INFO, "Redis is back", LOG_TEXT("address", link->address.name));
        link->troubled = false;
        link->up = true;
        if (link->options.up)
                link->options.up(link->options.data);
}

static void calls_lost(struct redis_connection *c, const struct error *e)
{
        struct redis_link *link = link_of_calls(c);
        link->up = false;
        link->run_id[0] = 0;
        link_trouble(link, e);
}

/* Loading the library */

static void library_loaded(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_link *link = data;
        const redisReply *reply = answer;
        struct error e;
        link->loading = false;
        if (!reply || context != link->calls.context)
                return;
        if (reply->type == REDIS_REPLY_ERROR) {
                error_set(&e, ERROR_REDIS, "Redis at %s refused the function library: %s", link->address.name, reply->str);
                redis_connection_fail(&link->calls, &e);
        } else if (!link->up) {
                link_up(link);
        }
}

static void library_load(struct redis_link *link)
{
        const char *load[] = {"FUNCTION", "LOAD", "REPLACE", gate_library};
        if (!link->loading && redis_connection_send(&link->calls, library_loaded, link, 4, load, NULL) == 0)
                link->loading = true;
}

/* Whether a FUNCTION LIST … WITHCODE answer holds this very library. */
static bool library_present(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_STRING)
                return strcmp(reply->str, gate_library) == 0;
        for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
                if (library_present(reply->element[i]))
                        return true;
        }
        return false;
}

static void library_listed(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_link *link = data;
        const redisReply *reply = answer;
        if (!reply || context != link->calls.context)
                return;
        if (library_present(reply))
                link_up(link);
        else
                library_load(link);
}

static void server_told(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_link *link = data;
        const redisReply *reply = answer;
        const char *list[] = {"FUNCTION", "LIST", "LIBRARYNAME", GATE_LIBRARY_NAME, "WITHCODE"};
        struct error e;
        if (!reply || context != link->calls.context)
                return;
        if (reply->type != REDIS_REPLY_STRING) {
                error_set(&e, ERROR_REDIS, "Redis at %s does not answer INFO: %s", link->address.name, reply->str ? reply->str : "no text");
                redis_connection_fail(&link->calls, &e);
        } else if (redis_server_check(reply->str, link->address.name, link->run_id, &e)) {
                redis_connection_fail(&link->calls, &e);
        } else {
                redis_connection_send(&link->calls, library_listed, link, 5, list, NULL);
        }
}

static void calls_opened(struct redis_connection *c)
{
        const char *info[] = {"INFO"};
        redis_connection_send(c, server_told, link_of_calls(c), 1, info, NULL);
}

/* Calls */

static bool starts_with(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

static void call_refused(struct redis_link *link, struct redis_call *call, const char *text)
{
        struct error e;
        if (starts_with(text, "ERR Function not found")) {
                library_load(link);
                error_set(&e, ERROR_NOT_READY, "Redis at %s lost its memory and waits to be restored", link->address.name);
        } else {
                error_set(&e, ERROR_REDIS, "Redis at %s: %s", link->address.name, text);
        }
        call->done(call, NULL, &e);
        if (starts_with(text, "READONLY"))
                redis_connection_fail(&link->calls, &e);
}

static void call_answered(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_call *call = data;
        struct redis_link *link = link_of_calls(context->data);
        const redisReply *reply = answer;
        struct redis_reply flat;
        struct error e;
        list_remove(&call->link);
        if (!reply) {
                e = link->ending;
                if (!e.code)
                        error_set(&e, ERROR_REDIS, "the connection to Redis at %s ended before the answer", link->address.name);
                call->done(call, NULL, &e);
        } else if (reply->type == REDIS_REPLY_ERROR) {
                call_refused(link, call, reply->str);
        } else if (redis_fields_flatten(&link->fields, reply, &flat)) {
                error_set(&e, ERROR_MEMORY, "an answer of Redis");
                call->done(call, NULL, &e);
        } else {
                call->done(call, &flat, NULL);
        }
}

static uint64_t now_ms(void)
{
        return uv_hrtime() / 1000000;
}

static void call_overdue(struct redis_link *link)
{
        struct error e;
        error_set(&e, ERROR_REDIS, "Redis at %s gave no answer within %d ms", link->address.name, REDIS_ANSWER_MS);
        link->ending = e;
        redis_connection_fail(&link->calls, &e);
        link->ending = (struct error){0};
}

static void timer_ended(uv_timer_t *timer)
{
        struct redis_link *link = timer->data;
        uint64_t now = now_ms();
        bool last_look = link->last_look;
        link->last_look = false;
        if (list_empty(&link->waiting))
                return;
        const struct redis_call *oldest = list_entry(link->waiting.next, struct redis_call, link);
        if (oldest->deadline_ms > now) {
                uv_timer_start(timer, timer_ended, oldest->deadline_ms - now, 0);
        } else if (!last_look) {
                link->last_look = true;
                uv_timer_start(timer, timer_ended, 1, 0);
        } else {
                call_overdue(link);
        }
}

static int link_send(struct redis_link *link, struct redis_call *call, const struct span *arguments, size_t count)
{
        const char *inline_texts[ARGUMENTS_INLINE];
        size_t inline_sizes[ARGUMENTS_INLINE];
        bool large = count > ARGUMENTS_INLINE;
        const char **texts = large ? malloc(count * sizeof *texts) : inline_texts;
        size_t *sizes = large ? malloc(count * sizeof *sizes) : inline_sizes;
        int failed = texts && sizes ? 0 : -1;
        for (size_t i = 0; !failed && i < count; i++) {
                texts[i] = arguments[i].data ? (const char *)arguments[i].data : "";
                sizes[i] = arguments[i].size;
        }
        if (!failed)
                failed = redis_connection_send(&link->calls, call_answered, call, (int)count, texts, sizes);
        if (large) {
                free(texts);
                free(sizes);
        }
        return failed;
}

static int link_call_start(struct redis_port *port, struct redis_call *call, const struct span *arguments, size_t count, struct error *e)
{
        struct redis_link *link = link_of_port(port);
        if (!link->up || link_send(link, call, arguments, count))
                return error_set(e, ERROR_REDIS, "not connected to Redis at %s", link->address.name);
        call->deadline_ms = now_ms() + REDIS_ANSWER_MS;
        list_append(&link->waiting, &call->link);
        if (!uv_is_active((uv_handle_t *)&link->timer))
                uv_timer_start(&link->timer, timer_ended, REDIS_ANSWER_MS, 0);
        return 0;
}

static const char *link_run_id(struct redis_port *port)
{
        return link_of_port(port)->run_id;
}

/* Wake-ups */

static void wakes_answered(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_link *link = data;
        const redisReply *reply = answer;
        if (!reply || context != link->wakes.context || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
                return;
        const redisReply *kind = reply->element[0], *channel = reply->element[1], *message = reply->element[2];
        if (strcmp(kind->str, "subscribe") == 0)
                redis_connection_settled(&link->wakes);
        else if (strcmp(kind->str, "message") == 0)
                link->options.wake(link->options.data, (struct span){(const uint8_t *)channel->str, (size_t)channel->len},
                                   (struct span){(const uint8_t *)message->str, (size_t)message->len});
}

static void wakes_opened(struct redis_connection *c)
{
        struct redis_link *link = link_of_wakes(c);
        const char *subscribe[] = {"SUBSCRIBE", link->wake_channel, link->cancel_channel};
        redis_connection_send(c, wakes_answered, link, 3, subscribe, NULL);
}

/* Told by the other connection, which goes to the same server. */
static void wakes_lost(struct redis_connection *c, const struct error *e)
{
        (void)c;
        (void)e;
}

/* Opening and closing */

static void link_free(struct redis_link *link)
{
        redis_address_deinit(&link->address);
        redis_fields_deinit(&link->fields);
        free(link->wake_channel);
        free(link->cancel_channel);
        free(link);
}

static void link_handle_closed(struct redis_link *link)
{
        if (--link->handles)
                return;
        void (*closed)(void *data) = link->closed;
        void *data = link->closed_data;
        link_free(link);
        if (closed)
                closed(data);
}

static void calls_closed(struct redis_connection *c)
{
        link_handle_closed(link_of_calls(c));
}

static void wakes_closed(struct redis_connection *c)
{
        link_handle_closed(link_of_wakes(c));
}

static void link_timer_closed(uv_handle_t *handle)
{
        link_handle_closed(handle->data);
}

static char *channel_name(const char *tag, const char *kind)
{
        struct bytes name = {0};
        bytes_append_format(&name, "{%s}:%s", tag, kind);
        return bytes_take(&name);
}

static int link_prepare(struct redis_link *link, struct error *e)
{
        const struct redis_link_options *options = &link->options;
        if (redis_address_parse(&link->address, options->url, e))
                return -1;
        link->wake_channel = channel_name(options->tag, "wake");
        link->cancel_channel = channel_name(options->tag, "cancel");
        if (!link->wake_channel || !link->cancel_channel)
                return error_set(e, ERROR_MEMORY, "link to Redis");
        link->calls = (struct redis_connection){
                        .loop = link->loop, .address = &link->address, .opened = calls_opened, .lost = calls_lost, .closed = calls_closed};
        link->wakes = (struct redis_connection){
                        .loop = link->loop, .address = &link->address, .opened = wakes_opened, .lost = wakes_lost, .closed = wakes_closed};
        return 0;
}

/* Timers of libuv start without fail, so nothing is half open afterwards. */
static int link_begin(struct redis_link *link, struct error *e)
{
        if (redis_connection_open(&link->calls, e))
                return -1;
        link->handles = 2;
        uv_timer_init(link->loop, &link->timer);
        link->timer.data = link;
        if (!link->options.wake)
                return 0;
        link->handles++;
        return redis_connection_open(&link->wakes, e);
}

int redis_link_open(struct redis_link **ret_link, uv_loop_t *loop, const struct redis_link_options *options, struct error *e)
{
        struct redis_link *link = calloc(1, sizeof *link);
        if (!link)
                return error_set(e, ERROR_MEMORY, "link to Redis");
        *link = (struct redis_link){.port = {link_call_start, link_run_id}, .loop = loop, .options = *options};
        list_init(&link->waiting);
        if (link_prepare(link, e) || link_begin(link, e)) {
                link_free(link);
                return -1;
        }
        *ret_link = link;
        return 0;
}

void redis_link_close(struct redis_link *link, void (*closed)(void *data), void *data)
{
        link->closed = closed;
        link->closed_data = data;
        link->up = false;
        error_set(&link->ending, ERROR_CANCELLED, "the link to Redis is being closed");
        redis_connection_close(&link->calls);
        if (link->options.wake)
                redis_connection_close(&link->wakes);
        uv_close((uv_handle_t *)&link->timer, link_timer_closed);
}

struct redis_port *redis_link_port(struct redis_link *link)
{
        return &link->port;
}
