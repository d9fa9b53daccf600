/* A Redis with virtual time for simulations: the real functions of gate.lua, run by liblua on a small Redis in memory.
 *
 * Calls wait until the simulation pumps them, in the order they were made. Faults: lose everything, go back to an earlier state, restart
 * under another run id, lose calls or their answers, cut clients off. Lua's errors fail the test. */
#ifndef BRIG_TESTS_SUPPORT_FAKE_REDIS_H
#define BRIG_TESTS_SUPPORT_FAKE_REDIS_H

#include "common/clock.h"
#include "common/transport/redis_port.h"

struct fake_redis; /* heap */

/* Time is clock->virtual_ms, which the test moves; start it above 0. */
struct fake_redis *fake_redis_new(const struct clock *clock);
void fake_redis_free(struct fake_redis *fake); /* calls still waiting are forgotten, their `done` does not run */

/* A client of its own, so that one can be cut off alone. Freed with the fake. The first is there from the start. */
struct redis_port *fake_redis_port(struct fake_redis *fake); /* the first client's */
struct redis_port *fake_redis_port_new(struct fake_redis *fake);

/* Executes the oldest waiting call and delivers its answer, then what it published. False: none waits. */
bool fake_redis_pump(struct fake_redis *fake);
void fake_redis_pump_all(struct fake_redis *fake); /* also calls made meanwhile; fails the test after 100,000 */
size_t fake_redis_waiting(const struct fake_redis *fake);

/* Published messages ("{tag}:wake", "{tag}:cancel"); NULL: none are told. */
void fake_redis_on_message(struct fake_redis *fake, void (*message)(void *data, struct span channel, struct span message), void *data);

/* Faults */
void fake_redis_flush(struct fake_redis *fake);   /* loses everything, FLUSHALL */
void fake_redis_save(struct fake_redis *fake);    /* remembers this state, */
void fake_redis_revert(struct fake_redis *fake);  /* and goes back to it under a new run id, as a restart with old data does */
void fake_redis_restart(struct fake_redis *fake); /* keeps the data; a new run id; calls that wait fail with ERROR_REDIS */
void fake_redis_drop_answer(struct fake_redis *fake,
                            unsigned nth);                        /* the nth call from now (1: the next pumped) is done, its answer lost */
void fake_redis_drop_call(struct fake_redis *fake, unsigned nth); /* neither done nor answered */

/* A disconnected client's calls are refused; those that wait fail at the next pump. Its run id is "". */
void fake_redis_disconnect(struct fake_redis *fake, struct redis_port *port);
void fake_redis_connect(struct fake_redis *fake, struct redis_port *port);

/* One command at once, outside the queue: for looking in. The fields joined by ' ' (valid until the next call). */
const char *fake_redis_command(struct fake_redis *fake, const char *const *arguments, size_t count);
#define fake_redis_ask(fake, ...)                                                                                                          \
        fake_redis_command((fake), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The names of all keys, joined by '\n' (valid until the next call). */
const char *fake_redis_keys(struct fake_redis *fake);

#endif
