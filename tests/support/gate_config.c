#include "tests/support/gate_config.h"

struct config gate_config(void)
{
        static char tag[] = "brig";
        return (struct config){
                        .redis_tag = tag,
                        .lease_ms = 15000,
                        .attempts_max = 3,
                        .trust = {.initial = 500,
                                  .succeeded = 50,
                                  .failed = 100,
                                  .low_at = 800,
                                  .medium_at = 500,
                                  .quarantine_violations = 3,
                                  .quarantine_window_ms = 86400000},
                        .rates = {{500, 3600000}, {100, 600000}, {20, 180000}},
                        .global_concurrent = 50,
                        .global_executions_per_hour = 1000,
                        .agent_unfinished_max = 1000,
                        .expires_default_ms = 3600000,
                        .dedupe_ms = 86400000,
                        .maximum = {.timeout_ms = 300000},
        };
}
