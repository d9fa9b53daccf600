/* The risk level of a job: how strict its sandbox is. A larger value is stricter, so max() is "the strictest of". */
#ifndef BRIG_COMMON_RISK_H
#define BRIG_COMMON_RISK_H

#include <stdbool.h>

#include "common/bytes.h"

enum risk { RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_COUNT };

extern const char *const risk_names[RISK_COUNT + 1]; /* NULL-ended */

const char *risk_name(enum risk risk); /* "low", "medium", "high" */
bool risk_parse(struct span name, enum risk *ret_risk);

static inline enum risk risk_strictest(enum risk a, enum risk b)
{
        return a > b ? a : b;
}

#endif
