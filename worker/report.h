/* A report: a job's terminal record and its audit event on their way to Kafka, until both are acknowledged.
 *
 * The record goes to brig.results, on the partition of brig.jobs that the job came from, keyed by agent, with the headers job_id, fence,
 * attempt, req_partition and req_offset beside those of CloudEvents; the event to brig.audit, keyed by agent. */
#ifndef BRIG_WORKER_REPORT_H
#define BRIG_WORKER_REPORT_H

#include "worker/ports.h"

struct report {
        const struct ports *ports;
        void (*done)(struct report *report, int64_t offset, const struct error *e);
        void *data;
        struct kafka_send result;
        struct kafka_send audit;
        unsigned pending;
        int64_t offset;
        struct error error;
};

/* Where the job came from. */
struct report_origin {
        int32_t partition;
        int64_t offset;
};

/* `done` runs exactly once, later: with the offset of the result's record, or with why one of the two could not be written (it may have
 * been). `result` is read before this returns. -1: nothing was sent. */
int report_start(struct report *report, const struct ports *ports, const struct result *result, struct report_origin origin,
                 void (*done)(struct report *report, int64_t offset, const struct error *e), void *data, struct error *e);

/* The output_bytes of a stream at which the largest possible result still fits a topic whose records may have `record_bytes`. */
uint64_t report_output_bytes_max(uint64_t record_bytes);

#endif
