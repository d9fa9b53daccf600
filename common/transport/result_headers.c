#include "common/transport/result_headers.h"

#include <inttypes.h>
#include <stdio.h>

void result_headers(struct result_origin *origin, struct kafka_header ret_headers[static RESULT_HEADERS])
{
        static const char *const names[RESULT_HEADERS - 1] = {"fence", "attempt", "req_partition", "req_offset"};
        const int64_t values[RESULT_HEADERS - 1] = {(int64_t)origin->fence, origin->attempt, origin->partition, origin->offset};
        ret_headers[0] = (struct kafka_header){span_of("job_id"), span_of(origin->job_id)};
        for (size_t i = 0; i < RESULT_HEADERS - 1; i++) {
                snprintf(origin->numbers[i], sizeof(origin->numbers[i]), "%" PRId64, values[i]);
                ret_headers[i + 1] = (struct kafka_header){span_of(names[i]), span_of(origin->numbers[i])};
        }
}
