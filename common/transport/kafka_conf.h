/* librdkafka's configuration for brig's clients: brig's own settings, then what the operator passes through (kafka.*). */
#ifndef BRIG_TRANSPORT_KAFKA_CONF_H
#define BRIG_TRANSPORT_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "common/config.h"
#include "common/error.h"

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER };

/* The caller hands *ret_conf to rd_kafka_new or frees it. An option of the other role is left out. Refused (ERROR_CONFIG): an unknown
 * option, naming the nearest known one; a value librdkafka does not take, with its words; an option that brig's promises rest on. */
int kafka_conf_new(rd_kafka_conf_t **ret_conf, const struct config *config, enum kafka_role role, struct error *e);

/* Whether the options would be taken, in either role; for --check. */
int kafka_conf_check(const struct config *config, struct error *e);

/* Sets one option that brig itself chooses at run time. */
int kafka_conf_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *e);

#endif
