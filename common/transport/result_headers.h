/* The headers of a record on brig.results, whoever writes it: by them a reader finds the job that it ends. */
#ifndef BRIG_TRANSPORT_RESULT_HEADERS_H
#define BRIG_TRANSPORT_RESULT_HEADERS_H

#include "common/transport/kafka_record.h"

enum { RESULT_HEADERS = 5 };

struct result_origin {
        const char *job_id; /* borrowed */
        uint64_t fence;     /* 0: it was never claimed */
        uint32_t attempt;
        int32_t partition; /* of the job's record on brig.jobs */
        int64_t offset;
        char numbers[RESULT_HEADERS - 1][21]; /* what the headers borrow; filled by result_headers */
};

/* Writes job_id, fence, attempt, req_partition and req_offset; they borrow from `origin`. */
void result_headers(struct result_origin *origin, struct kafka_header ret_headers[static RESULT_HEADERS]);

#endif
