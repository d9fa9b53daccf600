/* The part of a configuration that the gate reads, with the defaults of config/sandbox-config.yaml. */
#ifndef BRIG_TESTS_SUPPORT_GATE_CONFIG_H
#define BRIG_TESTS_SUPPORT_GATE_CONFIG_H

#include "common/config.h"

struct config gate_config(void); /* owns nothing: no deinit */

#endif
