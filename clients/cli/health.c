#include "clients/cli/health.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/encoding.h"

static const char *state_name(enum health_state state)
{
        static const char *const NAMES[] = {"ok", "notice", "missing", "broken"};
        return NAMES[state];
}

void health_note(struct health *health, const char *subject, enum health_state state, const char *remedy, const char *format, ...)
{
        if (health->count == HEALTH_CHECKS_MAX)
                return;
        struct health_check *check = &health->checks[health->count++];
        check->state = state;
        check->remedy = state == HEALTH_OK ? NULL : remedy;
        utf8_copy(check->subject, sizeof check->subject, span_of(subject));
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(check->detail, sizeof check->detail, format, arguments);
        va_end(arguments);
        utf8_trim(check->detail);
}

bool health_is_broken(const struct health *health)
{
        for (size_t i = 0; i < health->count; i++)
                if (health->checks[i].state == HEALTH_BROKEN)
                        return true;
        return false;
}

static void print_text(const struct health *health)
{
        for (size_t i = 0; i < health->count; i++) {
                const struct health_check *check = &health->checks[i];
                printf("%-8s %-18s %s\n", state_name(check->state), check->subject, check->detail);
                if (check->remedy)
                        printf("%-8s %-18s -> %s\n", "", "", check->remedy);
        }
        printf("%s\n", health_is_broken(health) ? "Something that is needed is broken." : "All that is needed is there.");
}

static void print_json(const struct health *health)
{
        json_t *checks = json_array();
        for (size_t i = 0; i < health->count; i++) {
                const struct health_check *check = &health->checks[i];
                json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s?}", "subject", check->subject, "state",
                                                        state_name(check->state), "detail", check->detail, "remedy", check->remedy));
        }
        json_t *report = json_pack("{s:b, s:o}", "healthy", !health_is_broken(health), "checks", checks);
        char *text = json_dumps(report, JSON_COMPACT);
        printf("%s\n", text ? text : "{}");
        free(text);
        json_decref(report);
}

void health_print(const struct health *health, bool json)
{
        if (json)
                print_json(health);
        else
                print_text(health);
}
