#include "common/risk.h"

const char *const risk_names[RISK_COUNT + 1] = {"low", "medium", "high", NULL};

const char *risk_name(enum risk risk)
{
        return risk_names[risk];
}

bool risk_parse(struct span name, enum risk *ret_risk)
{
        for (unsigned i = 0; i < RISK_COUNT; i++) {
                if (!span_equal(name, span_of(risk_names[i])))
                        continue;
                *ret_risk = (enum risk)i;
                return true;
        }
        return false;
}
