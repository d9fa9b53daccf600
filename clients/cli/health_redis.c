#include "clients/cli/health.h"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include "common/transport/redis_address.h"
#include "common/transport/redis_server.h"

enum { ANSWER_S = 3 };

static redisContext *connect_to(const struct redis_address *address)
{
        const struct timeval patience = {.tv_sec = ANSWER_S};
        redisContext *redis = address->path ? redisConnectUnixWithTimeout(address->path, patience)
                                            : redisConnectWithTimeout(address->host, address->port, patience);
        if (redis && !redis->err)
                redisSetTimeout(redis, patience);
        return redis;
}

/* The reply's text, copied nowhere: valid until freeReplyObject. NULL: no such answer, and the error. */
static redisReply *command_text(redisContext *redis, struct error *e, int argc, const char **argv)
{
        redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);
        if (!reply)
                error_set(e, ERROR_REDIS, "%s", redis->errstr);
        else if (reply->type == REDIS_REPLY_ERROR)
                error_set(e, ERROR_REDIS, "%.*s", (int)reply->len, reply->str);
        else
                return reply;
        freeReplyObject(reply);
        return NULL;
}

static int log_in(redisContext *redis, const struct redis_address *address, struct error *e)
{
        const char *with_user[] = {"AUTH", address->user, address->password}, *without[] = {"AUTH", address->password};
        if (!address->password)
                return 0;
        redisReply *reply = address->user ? command_text(redis, e, 3, with_user) : command_text(redis, e, 2, without);
        freeReplyObject(reply);
        return reply ? 0 : -1;
}

static int examine(redisContext *redis, const struct redis_address *address, struct error *e)
{
        const char *info[] = {"INFO"};
        char run_id[REDIS_RUN_ID_SIZE];
        if (!redis)
                return error_set(e, ERROR_MEMORY, "out of memory");
        if (redis->err)
                return error_set(e, ERROR_REDIS, "%s: %s", address->name, redis->errstr);
        redisReply *reply = log_in(redis, address, e) < 0 ? NULL : command_text(redis, e, 1, info);
        int failed = reply ? redis_server_check(reply->str, address->name, run_id, e) : error_wrap(e, "%s", address->name);
        freeReplyObject(reply);
        return failed;
}

void health_check_redis(struct health *health)
{
        struct error e = {0};
        struct redis_address address = {0};
        if (redis_address_parse(&address, health->config->redis_url, &e) < 0) {
                health_note(health, "Redis", HEALTH_BROKEN, "correct redis.url (BRIG_REDIS_URL)", "%s", e.text);
                return;
        }
        redisContext *redis = connect_to(&address);
        if (examine(redis, &address, &e) < 0)
                health_note(health, "Redis", HEALTH_BROKEN, "start Redis 7.0 or later, or set redis.url (BRIG_REDIS_URL)", "%s", e.text);
        else
                health_note(health, "Redis", HEALTH_OK, NULL, "%s", address.name);
        redisFree(redis);
        redis_address_deinit(&address);
}
