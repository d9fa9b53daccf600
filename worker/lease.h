/* A lease: the right to run one claimed job, renewed each third of its time until it is given up, one way or another.
 *
 * Times are of CLOCK_BOOTTIME and counted from when the confirmed renewal (first: the claim) was *sent*, so they can only be early. */
#ifndef BRIG_WORKER_LEASE_H
#define BRIG_WORKER_LEASE_H

#include "worker/ports.h"

struct lease {
        const struct ports *ports;
        struct gate_job_key key; /* borrowed */
        uint64_t fence;
        void (*held)(struct lease *lease, bool cancel); /* a renewal was confirmed; `cancel`: a request wants the job ended */
        void (*lost)(struct lease *lease);              /* at most once: it is somebody else's, or nobody's */
        void (*over)(struct lease *lease);              /* once, last: nothing of it is on its way any more */

        uint64_t sent_ms;
        uint64_t confirmed_ms;
        bool renewing;                                                            /* `renewal` is on its way */
        bool gone;                                                                /* lost */
        bool hinted;                                                              /* another one shall follow it at once */
        int (*end)(struct gate *gate, struct gate_lease_op *op, struct error *e); /* complete or release, once it is being given up */
        bool quit;                                                                /* given up without a word */
        struct alarm alarm;                                                       /* the next renewal, or the next try of `ending` */
        struct gate_lease_op renewal;
        struct gate_lease_op ending;
};

/* From in fields `ports` to `over`, and a claim sent at `sent_ms`; starts to renew. */
void lease_start(struct lease *lease, uint64_t sent_ms);

/* The program may live until then: 0.8 of the lease. */
uint64_t lease_deadline_ms(const struct lease *lease);

/* Renews now; a renewal that is on its way serves as well. */
void lease_renew(struct lease *lease);

/* Renews now, and once more if one is on its way, whose answer may be older than the hint. */
void lease_check(struct lease *lease);

/* Three ways to give it up, each once and followed by `over`. The first two are tried until Redis answers, for two leases' time at most. */
void lease_complete(struct lease *lease, int32_t partition, int64_t offset);
void lease_release(struct lease *lease, bool started);
void lease_quit(struct lease *lease);

#endif
