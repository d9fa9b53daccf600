#include "worker/alarm.h"

void alarms_init(struct alarms *alarms)
{
        list_init(&alarms->set);
}

static struct alarm *alarm_of(struct list *link)
{
        return list_entry(link, struct alarm, link);
}

bool alarms_next(const struct alarms *alarms, uint64_t *ret_due_ms)
{
        uint64_t next_ms = UINT64_MAX;
        list_for_each (link, &alarms->set) {
                if (alarm_of(link)->due_ms < next_ms)
                        next_ms = alarm_of(link)->due_ms;
        }
        if (list_empty(&alarms->set))
                return false;
        *ret_due_ms = next_ms;
        return true;
}

void alarms_ring(struct alarms *alarms, uint64_t now_ms)
{
        struct list due;
        list_init(&due);
        list_for_each (link, &alarms->set) {
                if (alarm_of(link)->due_ms > now_ms)
                        continue;
                list_remove(link);
                list_append(&due, link);
        }
        for (struct list *link = list_pop(&due); link; link = list_pop(&due))
                alarm_of(link)->rang(alarm_of(link));
}

void alarm_init(struct alarm *alarm, struct alarms *alarms, void (*rang)(struct alarm *alarm))
{
        *alarm = (struct alarm){.alarms = alarms, .rang = rang};
        list_init(&alarm->link);
}

void alarm_set(struct alarm *alarm, uint64_t due_ms)
{
        alarm->due_ms = due_ms;
        list_remove(&alarm->link);
        list_append(&alarm->alarms->set, &alarm->link);
}

void alarm_stop(struct alarm *alarm)
{
        list_remove(&alarm->link);
}
