/* The topics, asked for on another thread until Kafka has answered: made when missing, and how large a result may be. */
#ifndef BRIG_WORKER_TOPIC_CHECK_H
#define BRIG_WORKER_TOPIC_CHECK_H

#include <uv.h>

#include "common/transport/kafka_record.h"

struct topic_check {
        const struct config *config; /* borrowed, as `topics` */
        const struct kafka_topics *topics;
        void (*failed)(struct topic_check *check, const struct error *e); /* after each try; it tries again by itself */
        void (*done)(struct topic_check *check);                          /* once; not after topic_check_close */
        void *data;

        uint64_t result_bytes_max; /* out */
        struct error error;
        int outcome;
        uv_work_t work;
        uv_timer_t retry;
        bool working;
        bool closed;
};

/* From in fields up to `data`. */
void topic_check_start(struct topic_check *check, uv_loop_t *loop);
void topic_check_close(struct topic_check *check); /* the memory is free once the loop has run out: at most a try's time later */

#endif
