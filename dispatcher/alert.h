/* Alerts: what administrators must know, on brig.alerts and in the log. */
#ifndef BRIG_DISPATCHER_ALERT_H
#define BRIG_DISPATCHER_ALERT_H

#include <stdint.h>

struct dispatcher;

/* `name` is static, as "agent.quarantined"; agent_id may be NULL. */
void alert_raise(struct dispatcher *d, const char *name, const char *agent_id, const char *format, ...)
                __attribute__((format(printf, 4, 5)));

/* Counts records read and dead letters among them; once a window of records is full of dead letters it is told, once a window. */
struct alert_ratio {
        uint32_t records, dead_letters;
};
void alert_count(struct dispatcher *d, uint32_t dead_letters);

#endif
