#include "common/transport/redis_address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

enum { REDIS_PORT = 6379, PORT_MAX = 65535 };

static struct span span_between(const char *begin, const char *end)
{
        return (struct span){(const uint8_t *)begin, (size_t)(end - begin)};
}

static char *text_copy(struct span s)
{
        return strndup((const char *)s.data, s.size);
}

static bool escape_read(struct span s, char *ret_byte)
{
        char digits[3] = "";
        if (s.size < 3 || !isxdigit(s.data[1]) || !isxdigit(s.data[2]))
                return false;
        memcpy(digits, s.data + 1, 2);
        *ret_byte = (char)strtol(digits, NULL, 16);
        return true;
}

/* Text with %XX made bytes; NULL: no memory. */
static char *text_unescape(struct span s)
{
        char *text = malloc(s.size + 1);
        size_t size = 0;
        while (text && s.size) {
                size_t used = *s.data == '%' && escape_read(s, &text[size]) ? 3 : 1;
                if (used == 1)
                        text[size] = (char)*s.data;
                s.data += used;
                s.size -= used;
                size++;
        }
        if (text)
                text[size] = 0;
        return text;
}

static int login_parse(struct redis_address *a, struct span login)
{
        const uint8_t *colon = login.size ? memchr(login.data, ':', login.size) : NULL;
        struct span user = {login.data, colon ? (size_t)(colon - login.data) : 0};
        struct span password = colon ? (struct span){colon + 1, login.size - user.size - 1} : login;
        if (user.size && !(a->user = text_unescape(user)))
                return -1;
        a->password = text_unescape(password);
        return a->password ? 0 : -1;
}

static int port_parse(struct redis_address *a, const char *text, const char *end)
{
        uint64_t port = REDIS_PORT;
        if (text < end && (*text != ':' || !span_to_u64(span_between(text + 1, end), &port) || !port || port > PORT_MAX))
                return -1;
        a->port = (int)port;
        return 0;
}

static int host_parse(struct redis_address *a, const char *text, const char *end)
{
        bool bracket = text < end && *text == '[';
        const char *begin = text + bracket;
        const char *stop = begin + strcspn(begin, bracket ? "]" : ":");
        if (bracket && stop >= end)
                return -1;
        stop = stop < end ? stop : end;
        if (stop == begin || !(a->host = text_copy(span_between(begin, stop))))
                return -1;
        return port_parse(a, stop + bracket, end);
}

static int database_parse(struct redis_address *a, const char *text)
{
        uint64_t number;
        if (!*text)
                return 0;
        if (!span_to_u64(span_of(text), &number))
                return -1;
        a->database = strdup(text);
        return a->database ? 0 : -1;
}

static int tcp_parse(struct redis_address *a, const char *rest)
{
        const char *slash = strchr(rest, '/');
        const char *end = slash ? slash : rest + strlen(rest);
        const char *at = memrchr(rest, '@', (size_t)(end - rest));
        if (at && login_parse(a, span_between(rest, at)))
                return -1;
        const char *host = at ? at + 1 : rest;
        if (host_parse(a, host, end) || (slash && database_parse(a, slash + 1)))
                return -1;
        struct bytes name = {0};
        int failed = bytes_append_format(&name, strchr(a->host, ':') ? "[%s]:%d" : "%s:%d", a->host, a->port);
        a->name = bytes_take(&name);
        return failed;
}

static int unix_parse(struct redis_address *a, const char *path)
{
        if (*path != '/')
                return -1;
        a->path = strdup(path);
        a->name = strdup(path);
        return a->path && a->name ? 0 : -1;
}

int redis_address_parse(struct redis_address *ret_address, const char *url, struct error *e)
{
        struct redis_address a = {0};
        int failed = -1;
        if (strncmp(url, "redis://", 8) == 0)
                failed = tcp_parse(&a, url + 8);
        else if (strncmp(url, "unix://", 7) == 0)
                failed = unix_parse(&a, url + 7);
        if (failed) {
                redis_address_deinit(&a);
                return error_set(e, ERROR_CONFIG, "redis.url is neither redis://[user:password@]host[:port][/database] nor unix:///path");
        }
        *ret_address = a;
        return 0;
}

void redis_address_deinit(struct redis_address *a)
{
        free(a->host);
        free(a->path);
        free(a->user);
        free(a->password);
        free(a->database);
        free(a->name);
        *a = (struct redis_address){0};
}
