/* What every gate operation does alike: builds an FCALL's arguments, sends it, and reads the flat reply. */
#ifndef BRIG_TRANSPORT_GATE_CALL_H
#define BRIG_TRANSPORT_GATE_CALL_H

#include "common/transport/gate.h"

/* Arguments of one call, in order. Adding never fails: a lack of memory is told by gate_call_start. Zero-initialised it is empty. */
struct gate_arguments {
        struct bytes text; /* all of them, one after the other */
        struct bytes ends; /* size_t: where each ends */
        bool failed;
};

void gate_arguments_add(struct gate_arguments *a, struct span argument);
void gate_arguments_add_text(struct gate_arguments *a, const char *text);
void gate_arguments_add_u64(struct gate_arguments *a, uint64_t number);
void gate_arguments_add_i64(struct gate_arguments *a, int64_t number);

/* Begins an FCALL of `function` with the key, the run id and the policy. */
struct gate_arguments gate_arguments_begin(const struct gate *gate, const char *function);
void gate_arguments_add_key(struct gate_arguments *a, const struct gate_job_key *key);

/* Sends, and frees the arguments in any case. 0, or -1: nothing was sent, `done` will not run. */
int gate_call_start(struct gate *gate, struct gate_call *base,
                    void (*done)(struct redis_call *, const struct redis_reply *, const struct error *), struct gate_arguments *a,
                    struct error *e);

/* The fields of a reply, read one after the other. */
struct gate_reader {
        const struct span *fields;
        size_t count;
        bool failed; /* a field was missing or was not what it should be */
};

struct gate_verdicts { /* names by enum value */
        const char *const *names;
        unsigned count;
};

#define GATE_VERDICTS(...)                                                                                                                 \
        ((struct gate_verdicts){(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})

/* Reads verdict and epoch. 0, or -1: `sent` (the call failed), ERROR_NOT_READY or ERROR_PROTOCOL. */
int gate_reader_open(struct gate_reader *ret_reader, struct gate_call *base, const struct redis_reply *reply, const struct error *sent,
                     struct gate_verdicts verdicts, unsigned *ret_verdict, struct error *e);

/* The same for a reply that is nothing but verdict and epoch. */
int gate_read_verdict(struct gate_call *base, const struct redis_reply *reply, const struct error *sent, struct gate_verdicts verdicts,
                      unsigned *ret_verdict, struct error *e);

struct span gate_reader_span(struct gate_reader *r);
uint64_t gate_reader_u64(struct gate_reader *r, uint64_t max); /* a number up to `max` */
int64_t gate_reader_i64(struct gate_reader *r);
void gate_reader_text(struct gate_reader *r, char *ret_text, size_t size); /* cut to fit */

/* 0 when everything was there and nothing is left over, else -1 (ERROR_PROTOCOL). */
int gate_reader_close(struct gate_reader *r, struct gate_call *base, struct error *e);

/* The rest of the fields are an agent's record: version, trust, violations, quarantined and pairs of last. Its arrays lie in
 * *ret_memory, which the caller frees. 0, or -1: no memory. */
int gate_reader_agent(struct gate_reader *r, const char *agent_id, struct gate_agent *ret_agent, void **ret_memory, struct error *e);

#endif
