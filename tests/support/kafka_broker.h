/* A Kafka broker for an integration test: real Kafka from its jars, or the embedded one, each in a temporary directory. */
#ifndef BRIG_TESTS_KAFKA_BROKER_H
#define BRIG_TESTS_KAFKA_BROKER_H

#include <stdbool.h>

enum kafka_broker_kind { KAFKA_BROKER_REAL, KAFKA_BROKER_EMBEDDED };

struct kafka_broker {
        enum kafka_broker_kind kind;
        char directory[64];
        char address[64];
};

/* False: not to be had on this machine; it has printed SKIPPED and why. A broker that fails to start fails the test. */
bool kafka_broker_start(struct kafka_broker *broker, enum kafka_broker_kind kind);
void kafka_broker_kill(struct kafka_broker *broker);    /* kill -9 */
void kafka_broker_restart(struct kafka_broker *broker); /* the real one: same port, same data */
void kafka_broker_stop(struct kafka_broker *broker);    /* and removes the directory */

#endif
