#include "worker/sandbox/docker/call.h"

#include <string.h>

#include "common/json.h"
#include "worker/sandbox/docker/engine.h"

enum { CALL_TIMEOUT_MS = 30000 };

static bool succeeded(unsigned status)
{
        return status >= 200 && status < 300;
}

/* Runtimes say it behind the names of all who passed it on. */
static const char *reason_of(const char *message)
{
        static const char passed_on[] = "unable to start container process: ";
        const char *found = strstr(message, passed_on);
        return found ? found + sizeof(passed_on) - 1 : message;
}

static int call_refused(const struct docker_call *call, struct error *e)
{
        const char *message = json_string_value(json_object_get(call->answer, "message"));
        return error_set(e, ERROR_DOCKER, "%s: the engine answered %u: %s", call->http.name, call->status,
                         message ? reason_of(message) : "nothing more");
}

static void answered(struct http_exchange *http, const struct error *e)
{
        struct docker_call *call = http->data;
        struct error error;
        if (e) {
                error = *e;
        } else {
                call->status = http->status;
                call->answer = json_loadb((const char *)http->body.data, http->body.size, 0, NULL);
                if (!succeeded(call->status))
                        call_refused(call, &error);
        }
        json_t *answer = call->answer;
        http_exchange_deinit(http);
        call->done(call, succeeded(call->status) ? NULL : &error);
        json_decref(answer);
}

int docker_call_start(struct docker_call *call, const struct engine *engine, const char *what, const char *method, const char *path,
                      const json_t *body, struct error *e)
{
        struct bytes text = {0};
        char versioned[512];
        snprintf(versioned, sizeof(versioned), "%s%s", engine->api_prefix, path);
        if (body && json_document_append(body, &text) < 0) {
                bytes_deinit(&text);
                return error_set(e, ERROR_MEMORY, "%s: no memory for the request", what);
        }
        call->status = 0;
        call->answer = NULL;
        memset(&call->http, 0, sizeof(call->http));
        call->http.name = what;
        call->http.timeout_ms = CALL_TIMEOUT_MS;
        call->http.done = answered;
        call->http.data = call;
        struct span span = bytes_span(&text);
        int result = http_exchange_start(&call->http, engine->loop, engine->socket_path, method, versioned, body ? &span : NULL, e);
        bytes_deinit(&text);
        return result;
}
