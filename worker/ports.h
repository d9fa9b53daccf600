/* What a worker's core asks of the world, each behind a small table, so that a simulation can stand in its place. */
#ifndef BRIG_WORKER_PORTS_H
#define BRIG_WORKER_PORTS_H

#include "common/analysis.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "common/transport/gate.h"
#include "common/transport/kafka_sink.h"
#include "worker/alarm.h"
#include "worker/sandbox/sandbox.h"

/* The engine: sandbox.h, function by function. */
struct sandbox_port {
        bool (*ready)(void *sandbox);
        bool (*offers)(void *sandbox, enum risk risk);
        size_t (*free_slots)(void *sandbox);
        bool (*has_image)(void *sandbox, const char *image);
        void (*each_image)(void *sandbox, void (*each)(void *data, const char *image), void *data);
        void (*want)(void *sandbox, const char *image, enum risk risk);
        int (*run_start)(void *sandbox, struct sandbox_run *run, struct error *e);
        void (*run_extend)(void *sandbox, struct sandbox_run *run, uint64_t deadline_ms);
        void (*run_cancel)(void *sandbox, struct sandbox_run *run, enum sandbox_cancel why);
        void *sandbox;
};

/* The producer: kafka_sink.h. */
struct sink_port {
        bool (*ready)(void *sink);
        int (*send)(void *sink, struct kafka_send *send, struct error *e);
        void *sink;
};

/* One record of brig.jobs, too large for Redis. The caller owns it until `done`, which runs exactly once, later; `value` is borrowed and
 * valid there only. `e`: no answer in time (ERROR_KAFKA), or there is no such record any more (ERROR_NOT_FOUND). */
struct fetch {
        int32_t partition;
        int64_t offset;
        void (*done)(struct fetch *fetch, struct span value, const struct error *e);
        void *data;
        struct list link; /* the fetcher's */
};

struct fetch_port {
        void (*start)(void *fetcher, struct fetch *fetch);
        void *fetcher;
};

/* Everything is borrowed. */
struct ports {
        const struct config *config;
        const struct clock *clock;
        const struct log *log;
        const struct analysis *analysis; /* NULL: no findings */
        struct alarms *alarms;
        struct gate *gate;
        struct kafka_topics topics;
        struct sandbox_port sandbox;
        struct sink_port sink;
        struct fetch_port fetch;
        uint64_t output_bytes_max; /* of a stream, so that every result fits its topic */
        void (*keep_traces)(void *data, const struct job *job, enum risk risk, const struct result *result); /* NULL: nobody does */
        void *keep_traces_data;
};

struct sandbox_port sandbox_port_of(struct sandbox *sandbox);
struct sink_port sink_port_of(struct kafka_sink *sink);

#endif
