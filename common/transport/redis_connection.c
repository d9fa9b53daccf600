#include "common/transport/redis_connection.h"

#include <stdlib.h>
#include <string.h>

enum { DELAY_FIRST_MS = 100, DELAY_MAX_MS = 2000 };

static void connection_try(uv_timer_t *timer);

static void handle_closed(struct redis_connection *c)
{
        if (--c->handles == 0)
                c->closed(c);
}

/* The poll handle of one hiredis context. */
struct poll {
        uv_poll_t handle;
        struct redis_connection *connection;
        redisAsyncContext *context; /* NULL: gone */
        int events;
};

static void poll_ready(uv_poll_t *handle, int status, int events)
{
        struct poll *p = handle->data;
        if (p->context && (status < 0 || (events & UV_READABLE)))
                redisAsyncHandleRead(p->context);
        if (p->context && status == 0 && (events & UV_WRITABLE))
                redisAsyncHandleWrite(p->context);
}

static void poll_want(struct poll *p, int events)
{
        p->events = events;
        if (events)
                uv_poll_start(&p->handle, events, poll_ready);
        else
                uv_poll_stop(&p->handle);
}

static void poll_read(void *data)
{
        struct poll *p = data;
        poll_want(p, p->events | UV_READABLE);
}

static void poll_read_not(void *data)
{
        struct poll *p = data;
        poll_want(p, p->events & ~UV_READABLE);
}

static void poll_write(void *data)
{
        struct poll *p = data;
        if (!(p->events & UV_WRITABLE))
                poll_want(p, p->events | UV_WRITABLE);
}

static void poll_write_not(void *data)
{
        struct poll *p = data;
        poll_want(p, p->events & ~UV_WRITABLE);
}

static void poll_closed(uv_handle_t *handle)
{
        struct poll *p = handle->data;
        struct redis_connection *c = p->connection;
        free(p);
        handle_closed(c);
}

static void poll_cleanup(void *data)
{
        struct poll *p = data;
        p->context = NULL;
        uv_close((uv_handle_t *)&p->handle, poll_closed);
}

static int poll_attach(struct redis_connection *c, redisAsyncContext *context)
{
        struct poll *p = calloc(1, sizeof *p);
        if (!p || uv_poll_init(c->loop, &p->handle, context->c.fd)) {
                free(p);
                return -1;
        }
        *p = (struct poll){.handle = p->handle, .connection = c, .context = context};
        p->handle.data = p;
        c->handles++;
        context->ev.data = p;
        context->ev.addRead = poll_read;
        context->ev.delRead = poll_read_not;
        context->ev.addWrite = poll_write;
        context->ev.delWrite = poll_write_not;
        context->ev.cleanup = poll_cleanup;
        return 0;
}

static void connection_retry(struct redis_connection *c, const struct error *e)
{
        c->context = NULL;
        if (c->closing)
                return;
        uv_timer_start(&c->timer, connection_try, c->delay_ms, 0);
        c->delay_ms = c->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : c->delay_ms * 2;
        c->lost(c, e);
}

static void connection_lost(struct redis_connection *c, const char *why)
{
        struct error e;
        error_set(&e, ERROR_REDIS, "Redis at %s: %s; is it running there, and is redis.url (BRIG_REDIS_URL) right?", c->address->name, why);
        connection_retry(c, &e);
}

void redis_connection_fail(struct redis_connection *c, const struct error *e)
{
        redisAsyncContext *context = c->context;
        if (!context)
                return;
        c->context = NULL;
        redisAsyncFree(context);
        connection_retry(c, e);
}

static void attempt_timed_out(uv_timer_t *timer)
{
        struct redis_connection *c = timer->data;
        struct error e;
        error_set(&e, ERROR_TIMEOUT, "Redis at %s did not answer within %d ms; is redis.url (BRIG_REDIS_URL) right?", c->address->name,
                  REDIS_ANSWER_MS);
        redis_connection_fail(c, &e);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
        struct redis_connection *c = context->data;
        (void)status;
        if (c->context == context)
                connection_lost(c, context->errstr && *context->errstr ? context->errstr : "connection closed");
}

static void login_answered(redisAsyncContext *context, void *answer, void *data)
{
        struct redis_connection *c = data;
        const redisReply *reply = answer;
        struct error e;
        if (c->context != context || !reply || reply->type != REDIS_REPLY_ERROR)
                return;
        error_set(&e, ERROR_REDIS, "Redis at %s refused the login: %s; correct user, password and database in redis.url", c->address->name,
                  reply->str);
        redis_connection_fail(c, &e);
}

static void connection_login(struct redis_connection *c)
{
        const struct redis_address *a = c->address;
        const char *auth[3] = {"AUTH", a->user ? a->user : a->password, a->password};
        const char *select[2] = {"SELECT", a->database};
        if (a->password)
                redisAsyncCommandArgv(c->context, login_answered, c, a->user ? 3 : 2, auth, NULL);
        if (a->database)
                redisAsyncCommandArgv(c->context, login_answered, c, 2, select, NULL);
}

static void on_connect(const redisAsyncContext *context, int status)
{
        struct redis_connection *c = context->data;
        if (c->context != context)
                return;
        if (status != REDIS_OK) {
                connection_lost(c, context->errstr && *context->errstr ? context->errstr : "cannot connect");
                return;
        }
        connection_login(c);
        c->opened(c);
}

static redisAsyncContext *context_new(struct redis_connection *c)
{
        const struct redis_address *a = c->address;
        redisAsyncContext *context = a->path ? redisAsyncConnectUnix(a->path) : redisAsyncConnect(a->host, a->port);
        if (!context)
                return NULL;
        context->data = c;
        if (!context->err && poll_attach(c, context) == 0) {
                redisAsyncSetConnectCallback(context, on_connect);
                redisAsyncSetDisconnectCallback(context, on_disconnect);
        }
        return context;
}

static void connection_try(uv_timer_t *timer)
{
        struct redis_connection *c = timer->data;
        redisAsyncContext *context = context_new(c);
        if (context && context->ev.data) {
                c->context = context;
                uv_timer_start(&c->timer, attempt_timed_out, REDIS_ANSWER_MS, 0);
                return;
        }
        connection_lost(c, context && context->errstr ? context->errstr : "no memory");
        if (context)
                redisAsyncFree(context);
}

int redis_connection_open(struct redis_connection *c, struct error *e)
{
        int failed = uv_timer_init(c->loop, &c->timer);
        if (failed)
                return error_set(e, ERROR_SYSTEM, "timer: %s", uv_strerror(failed));
        c->timer.data = c;
        c->handles = 1;
        c->delay_ms = DELAY_FIRST_MS;
        uv_timer_start(&c->timer, connection_try, 0, 0);
        return 0;
}

static void timer_closed(uv_handle_t *handle)
{
        handle_closed(handle->data);
}

void redis_connection_close(struct redis_connection *c)
{
        redisAsyncContext *context = c->context;
        c->closing = true;
        c->context = NULL;
        if (context)
                redisAsyncFree(context);
        uv_close((uv_handle_t *)&c->timer, timer_closed);
}

void redis_connection_settled(struct redis_connection *c)
{
        c->delay_ms = DELAY_FIRST_MS;
        uv_timer_stop(&c->timer);
}

int redis_connection_send(struct redis_connection *c, redisCallbackFn *answered, void *data, int count, const char **arguments,
                          const size_t *sizes)
{
        if (!c->context)
                return -1;
        return redisAsyncCommandArgv(c->context, answered, data, count, arguments, sizes) == REDIS_OK ? 0 : -1;
}
