#include "tests/support/fake_redis.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/gate_library.h"

enum { PUMP_MAX = 100000, RUN_ID_SIZE = 41 };

struct client {
        struct redis_port port;
        struct fake_redis *fake;
        bool connected;
        struct client *next;
};

/* A call on its way: what it says lies here, since the caller's arguments are not kept. */
struct request {
        struct list link;
        struct redis_call *call;
        struct client *client;
        bool lost; /* the server or the connection went away meanwhile */
        size_t count;
        struct bytes text;
        size_t ends[];
};

struct fake_redis {
        const struct clock *clock;
        lua_State *lua;
        struct client *clients; /* the first made is the last */
        struct redis_port *first;
        struct list requests;
        unsigned drop_answer, drop_call; /* countdown; 0: none */
        unsigned restarts;
        char run_id[RUN_ID_SIZE];
        void (*message)(void *data, struct span channel, struct span message);
        void *message_data;
        struct bytes text;
};

static void check(bool fine, const char *what)
{
        if (fine)
                return;
        fprintf(stderr, "fake Redis: %s\n", what);
        abort();
}

static void lua_run(struct fake_redis *fake, int arguments, int results)
{
        if (lua_pcall(fake->lua, arguments, results, 0))
                check(false, lua_tostring(fake->lua, -1));
}

static void lua_invoke(struct fake_redis *fake, const char *function)
{
        lua_getglobal(fake->lua, function);
        lua_run(fake, 0, 0);
}

static void run_id_change(struct fake_redis *fake)
{
        snprintf(fake->run_id, sizeof fake->run_id, "%040u", ++fake->restarts);
}

static const char *client_run_id(struct redis_port *port)
{
        const struct client *client = list_entry(port, struct client, port);
        return client->connected ? client->fake->run_id : "";
}

static int client_call_start(struct redis_port *port, struct redis_call *call, const struct span *arguments, size_t count, struct error *e)
{
        struct client *client = list_entry(port, struct client, port);
        if (!client->connected)
                return error_set(e, ERROR_REDIS, "not connected to the fake Redis");
        struct request *request = calloc(1, sizeof *request + count * sizeof *request->ends);
        check(request != NULL, "no memory");
        *request = (struct request){.call = call, .client = client, .count = count};
        for (size_t i = 0; i < count; i++) {
                check(bytes_append(&request->text, arguments[i].data, arguments[i].size) == 0, "no memory");
                request->ends[i] = request->text.size;
        }
        list_append(&client->fake->requests, &request->link);
        return 0;
}

struct redis_port *fake_redis_port_new(struct fake_redis *fake)
{
        struct client *client = calloc(1, sizeof *client);
        check(client != NULL, "no memory");
        *client = (struct client){{client_call_start, client_run_id}, fake, true, fake->clients};
        fake->clients = client;
        return &client->port;
}

struct redis_port *fake_redis_port(struct fake_redis *fake)
{
        return fake->first;
}

struct fake_redis *fake_redis_new(const struct clock *clock)
{
        struct fake_redis *fake = calloc(1, sizeof *fake);
        check(fake != NULL, "no memory");
        *fake = (struct fake_redis){.clock = clock, .lua = luaL_newstate()};
        list_init(&fake->requests);
        luaL_openlibs(fake->lua);
        if (luaL_loadfile(fake->lua, BRIG_SOURCE_DIR "/tests/support/fake_redis.lua"))
                check(false, lua_tostring(fake->lua, -1));
        lua_run(fake, 0, 0);
        lua_getglobal(fake->lua, "load_library");
        lua_pushstring(fake->lua, gate_library);
        lua_run(fake, 1, 0);
        run_id_change(fake);
        fake->first = fake_redis_port_new(fake);
        return fake;
}

static void request_free(struct request *request)
{
        list_remove(&request->link);
        bytes_deinit(&request->text);
        free(request);
}

void fake_redis_free(struct fake_redis *fake)
{
        if (!fake)
                return;
        list_for_each (link, &fake->requests) {
                request_free(list_entry(link, struct request, link));
        }
        for (struct client *client = fake->clients, *next; client; client = next) {
                next = client->next;
                free(client);
        }
        lua_close(fake->lua);
        bytes_deinit(&fake->text);
        free(fake);
}

/* Leaves fields (or nil) and the error's text on Lua's stack. */
static void lua_execute(struct fake_redis *fake, const struct span *arguments, size_t count)
{
        lua_getglobal(fake->lua, "execute");
        lua_pushnumber(fake->lua, (lua_Number)fake->clock->virtual_ms);
        lua_createtable(fake->lua, (int)count, 0);
        for (size_t i = 0; i < count; i++) {
                lua_pushlstring(fake->lua, arguments[i].data ? (const char *)arguments[i].data : "", arguments[i].size);
                lua_rawseti(fake->lua, -2, (int)i + 1);
        }
        lua_run(fake, 2, 2);
}

/* Element i of the table on the top; the text stays in the table. */
static struct span lua_element(struct fake_redis *fake, size_t i)
{
        size_t size;
        lua_rawgeti(fake->lua, -1, (int)i + 1);
        const char *text = lua_tolstring(fake->lua, -1, &size);
        lua_pop(fake->lua, 1);
        return (struct span){(const uint8_t *)text, size};
}

static void request_answer(struct fake_redis *fake, struct redis_call *call)
{
        struct error e;
        if (lua_isnil(fake->lua, -2)) {
                error_set(&e, ERROR_REDIS, "fake Redis: %s", lua_tostring(fake->lua, -1));
                lua_pop(fake->lua, 2);
                call->done(call, NULL, &e);
                return;
        }
        lua_pop(fake->lua, 1);
        size_t count = lua_objlen(fake->lua, -1);
        struct span *fields = calloc(count + 1, sizeof *fields);
        check(fields != NULL, "no memory");
        for (size_t i = 0; i < count; i++)
                fields[i] = lua_element(fake, i);
        call->done(call, &(struct redis_reply){fields, count}, NULL);
        free(fields);
        lua_pop(fake->lua, 1);
}

/* What the last command published, as a table that stays on Lua's stack. */
static size_t published_take(struct fake_redis *fake)
{
        lua_getglobal(fake->lua, "take_published");
        lua_run(fake, 0, 1);
        return lua_objlen(fake->lua, -1);
}

static bool counted_down(unsigned *countdown)
{
        return *countdown && --*countdown == 0;
}

static void request_lose(struct redis_call *call)
{
        struct error e;
        error_set(&e, ERROR_REDIS, "the connection to the fake Redis ended before the answer");
        call->done(call, NULL, &e);
}

static void request_execute(struct fake_redis *fake, const struct request *request)
{
        struct span *arguments = calloc(request->count, sizeof *arguments);
        check(arguments != NULL, "no memory");
        for (size_t i = 0, start = 0; i < request->count; start = request->ends[i++])
                arguments[i] = (struct span){request->text.data + start, request->ends[i] - start};
        lua_execute(fake, arguments, request->count);
        free(arguments);
}

static void messages_deliver(struct fake_redis *fake, size_t count)
{
        for (size_t i = 0; fake->message && i < count; i += 2)
                fake->message(fake->message_data, lua_element(fake, i), lua_element(fake, i + 1));
}

bool fake_redis_pump(struct fake_redis *fake)
{
        struct list *first = list_pop(&fake->requests);
        if (!first)
                return false;
        struct request *request = list_entry(first, struct request, link);
        struct redis_call *call = request->call;
        bool executed = !counted_down(&fake->drop_call) && !request->lost, answered = !counted_down(&fake->drop_answer);
        size_t messages = 0;
        if (executed) {
                request_execute(fake, request);
                messages = published_take(fake);
                lua_insert(fake->lua, 1);
        }
        request_free(request);
        if (executed && answered)
                request_answer(fake, call);
        else
                request_lose(call);
        lua_settop(fake->lua, executed);
        messages_deliver(fake, messages);
        lua_settop(fake->lua, 0);
        return true;
}

void fake_redis_pump_all(struct fake_redis *fake)
{
        for (unsigned i = 0; fake_redis_pump(fake); i++)
                check(i < PUMP_MAX, "the calls do not end");
}

size_t fake_redis_waiting(const struct fake_redis *fake)
{
        size_t count = 0;
        for (const struct list *link = fake->requests.next; link != &fake->requests; link = link->next)
                count++;
        return count;
}

void fake_redis_on_message(struct fake_redis *fake, void (*message)(void *data, struct span channel, struct span message), void *data)
{
        fake->message = message;
        fake->message_data = data;
}

void fake_redis_flush(struct fake_redis *fake)
{
        fake_redis_ask(fake, "FLUSHALL");
}

void fake_redis_save(struct fake_redis *fake)
{
        lua_invoke(fake, "save");
}

void fake_redis_revert(struct fake_redis *fake)
{
        lua_invoke(fake, "revert");
        fake_redis_restart(fake);
}

/* Calls of `client` (NULL: of all) that are on their way have no answer any more. */
static void requests_lose(struct fake_redis *fake, const struct client *client)
{
        list_for_each (link, &fake->requests) {
                struct request *request = list_entry(link, struct request, link);
                request->lost |= !client || request->client == client;
        }
}

void fake_redis_restart(struct fake_redis *fake)
{
        run_id_change(fake);
        requests_lose(fake, NULL);
}

void fake_redis_drop_answer(struct fake_redis *fake, unsigned nth)
{
        fake->drop_answer = nth;
}

void fake_redis_drop_call(struct fake_redis *fake, unsigned nth)
{
        fake->drop_call = nth;
}

void fake_redis_disconnect(struct fake_redis *fake, struct redis_port *port)
{
        struct client *client = list_entry(port, struct client, port);
        client->connected = false;
        requests_lose(fake, client);
}

void fake_redis_connect(struct fake_redis *fake, struct redis_port *port)
{
        (void)fake;
        list_entry(port, struct client, port)->connected = true;
}

/* The elements of the table on top, joined; takes the table off. */
static const char *lua_joined(struct fake_redis *fake, const char *between)
{
        size_t count = lua_objlen(fake->lua, -1);
        bytes_clear(&fake->text);
        for (size_t i = 0; i < count; i++) {
                struct span element = lua_element(fake, i);
                check(bytes_append_string(&fake->text, i ? between : "") == 0, "no memory");
                check(bytes_append(&fake->text, element.data, element.size) == 0, "no memory");
        }
        lua_pop(fake->lua, 1);
        return fake->text.size ? (const char *)fake->text.data : "";
}

const char *fake_redis_command(struct fake_redis *fake, const char *const *arguments, size_t count)
{
        struct span *spans = calloc(count, sizeof *spans);
        check(spans != NULL, "no memory");
        for (size_t i = 0; i < count; i++)
                spans[i] = span_of(arguments[i]);
        lua_execute(fake, spans, count);
        free(spans);
        check(!lua_isnil(fake->lua, -2), lua_tostring(fake->lua, -1));
        lua_pop(fake->lua, 1);
        return lua_joined(fake, " ");
}

const char *fake_redis_keys(struct fake_redis *fake)
{
        lua_getglobal(fake->lua, "key_names");
        lua_pushnumber(fake->lua, (lua_Number)fake->clock->virtual_ms);
        lua_run(fake, 1, 1);
        return lua_joined(fake, "\n");
}
