#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/encoding.h"

static const struct {
        const char *name;
        enum error_fate fate;
        const char *text;
} error_table[] = {
#define X(code, name, fate, text) [code] = {name, fate, text},
                ERROR_CODES(X)
#undef X
};

static void error_format(struct error *e, const char *format, va_list arguments)
{
        int size = vsnprintf(e->text, sizeof e->text, format, arguments);
        if (size < 0 || !e->text[0])
                utf8_copy(e->text, sizeof e->text, span_of(error_table[e->code].text));
        utf8_trim(e->text);
}

static void error_append(struct error *e, const char *separator, const char *text)
{
        size_t size = strlen(e->text);
        snprintf(e->text + size, sizeof e->text - size, "%s%s", separator, text);
        utf8_trim(e->text);
}

int error_set(struct error *e, enum error_code code, const char *format, ...)
{
        va_list arguments;
        e->code = code;
        e->sys = 0;
        va_start(arguments, format);
        error_format(e, format, arguments);
        va_end(arguments);
        return -1;
}

int error_set_sys(struct error *e, enum error_code code, int sys, const char *format, ...)
{
        va_list arguments;
        char reason[96];
        e->code = code;
        e->sys = sys;
        va_start(arguments, format);
        error_format(e, format, arguments);
        va_end(arguments);
        error_append(e, ": ", strerror_r(sys, reason, sizeof reason));
        return -1;
}

int error_wrap(struct error *e, const char *format, ...)
{
        va_list arguments;
        struct error inner = *e;
        va_start(arguments, format);
        error_format(e, format, arguments);
        va_end(arguments);
        error_append(e, ": ", inner.text);
        return -1;
}

const char *error_name(enum error_code code)
{
        return error_table[code].name;
}

enum error_fate error_fate(enum error_code code)
{
        return error_table[code].fate;
}
