#include "dispatcher/alert.h"

#include <stdarg.h>
#include <stdio.h>

#include "dispatcher/dispatcher.h"

enum { RATIO_WINDOW = 1000, RATIO_PERCENT = 50 };

static json_t *alert_to_json(const struct dispatcher *d, const char *name, const char *agent_id, const char *message)
{
        char time[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(clock_realtime_ms(d->options.clock), time);
        return json_pack("{s:s, s:s, s:s, s:s?, s:s}", "alert", name, "time", time, "program", d->options.log->program, "agent_id",
                         agent_id, "message", message);
}

void alert_raise(struct dispatcher *d, const char *name, const char *agent_id, const char *format, ...)
{
        char message[240];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        log_event(d->options.log, LOG_WARNING, message, LOG_TEXT("alert", name), LOG_TEXT("agent_id", agent_id));
        json_t *value = alert_to_json(d, name, agent_id, message);
        struct letter *letter = letter_new(d->topics.alerts, agent_id ? -1 : 0, "brig.alert", span_of(agent_id), value);
        json_decref(value);
        if (letter)
                outbox_post_take(&d->outbox, letter);
}

void alert_count(struct dispatcher *d, uint32_t dead_letters)
{
        struct alert_ratio *ratio = &d->ratio;
        ratio->dead_letters += dead_letters;
        ratio->records += !dead_letters;
        if (ratio->records < RATIO_WINDOW)
                return;
        if (ratio->dead_letters * 100 >= ratio->records * RATIO_PERCENT)
                alert_raise(d, "dlq.ratio", NULL, "%u of the last %u records were no jobs and went to the dead-letter topic",
                            ratio->dead_letters, ratio->records);
        *ratio = (struct alert_ratio){0};
}
