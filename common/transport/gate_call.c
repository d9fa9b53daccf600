#include "common/transport/gate_call.h"

#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"

void gate_arguments_add(struct gate_arguments *a, struct span argument)
{
        if (bytes_append(&a->text, argument.data, argument.size) || bytes_append(&a->ends, &a->text.size, sizeof a->text.size))
                a->failed = true;
}

void gate_arguments_add_text(struct gate_arguments *a, const char *text)
{
        gate_arguments_add(a, span_of(text));
}

static void arguments_end(struct gate_arguments *a, int appended)
{
        if (appended || bytes_append(&a->ends, &a->text.size, sizeof a->text.size))
                a->failed = true;
}

void gate_arguments_add_u64(struct gate_arguments *a, uint64_t number)
{
        arguments_end(a, bytes_append_format(&a->text, "%llu", (unsigned long long)number));
}

void gate_arguments_add_i64(struct gate_arguments *a, int64_t number)
{
        arguments_end(a, bytes_append_format(&a->text, "%lld", (long long)number));
}

void gate_arguments_add_key(struct gate_arguments *a, const struct gate_job_key *key)
{
        gate_arguments_add_text(a, key->agent_id);
        gate_arguments_add_text(a, key->job_id);
}

/* The server as the caller knows it: its run id, and "@EPOCH" where it must be that one. */
static void add_server(struct gate_arguments *a, const struct gate *gate)
{
        const char *run_id = gate->port->run_id(gate->port);
        if (gate->epoch)
                arguments_end(a, bytes_append_format(&a->text, "%s@%llu", run_id, (unsigned long long)gate->epoch));
        else
                gate_arguments_add_text(a, run_id);
}

struct gate_arguments gate_arguments_begin(const struct gate *gate, const char *function)
{
        struct gate_arguments a = {0};
        gate_arguments_add_text(&a, "FCALL");
        gate_arguments_add_text(&a, function);
        gate_arguments_add_text(&a, "1");
        gate_arguments_add_text(&a, gate->tag);
        add_server(&a, gate);
        gate_arguments_add_text(&a, gate->policy);
        return a;
}

static struct span *arguments_spans(const struct gate_arguments *a, size_t *ret_count)
{
        const size_t *ends = (const size_t *)(const void *)a->ends.data;
        size_t count = a->ends.size / sizeof *ends, start = 0;
        struct span *spans = a->failed ? NULL : malloc(count * sizeof *spans);
        for (size_t i = 0; spans && i < count; i++) {
                spans[i] = (struct span){a->text.data + start, ends[i] - start};
                start = ends[i];
        }
        *ret_count = count;
        return spans;
}

int gate_call_start(struct gate *gate, struct gate_call *base,
                    void (*done)(struct redis_call *, const struct redis_reply *, const struct error *), struct gate_arguments *a,
                    struct error *e)
{
        size_t count;
        struct span *spans = arguments_spans(a, &count);
        base->call.done = done;
        base->epoch = 0;
        int started = spans ? gate->port->call_start(gate->port, &base->call, spans, count, e)
                            : error_set(e, ERROR_MEMORY, "arguments of a call");
        free(spans);
        bytes_deinit(&a->text);
        bytes_deinit(&a->ends);
        return started;
}

struct span gate_reader_span(struct gate_reader *r)
{
        if (!r->count) {
                r->failed = true;
                return (struct span){NULL, 0};
        }
        r->count--;
        return *r->fields++;
}

uint64_t gate_reader_u64(struct gate_reader *r, uint64_t max)
{
        uint64_t number = 0;
        if (!span_to_u64(gate_reader_span(r), &number) || number > max) {
                r->failed = true;
                return 0;
        }
        return number;
}

int64_t gate_reader_i64(struct gate_reader *r)
{
        int64_t number = 0;
        if (!span_to_i64(gate_reader_span(r), &number))
                r->failed = true;
        return number;
}

void gate_reader_text(struct gate_reader *r, char *ret_text, size_t size)
{
        utf8_copy(ret_text, size, gate_reader_span(r));
}

static int reader_verdict(struct gate_reader *r, struct gate_verdicts verdicts, unsigned *ret_verdict, struct error *e)
{
        struct span name = gate_reader_span(r);
        if (span_equal(name, span_of("NOT_READY")))
                return error_set(e, ERROR_NOT_READY, "Redis lost its memory and waits to be restored by a dispatcher");
        for (unsigned i = 0; i < verdicts.count; i++) {
                if (!span_equal(name, span_of(verdicts.names[i])))
                        continue;
                *ret_verdict = i;
                return 0;
        }
        return error_set(e, ERROR_PROTOCOL, "unknown answer \"%.*s\" of a Redis function", name.size > 40 ? 40 : (int)name.size,
                         name.data ? (const char *)name.data : "");
}

int gate_reader_open(struct gate_reader *ret_reader, struct gate_call *base, const struct redis_reply *reply, const struct error *sent,
                     struct gate_verdicts verdicts, unsigned *ret_verdict, struct error *e)
{
        if (sent) {
                *e = *sent;
                return -1;
        }
        *ret_reader = (struct gate_reader){.fields = reply->fields, .count = reply->count};
        if (reader_verdict(ret_reader, verdicts, ret_verdict, e))
                return -1;
        base->epoch = gate_reader_u64(ret_reader, UINT64_MAX);
        return 0;
}

int gate_reader_close(struct gate_reader *r, struct gate_call *base, struct error *e)
{
        if (!r->failed && !r->count)
                return 0;
        base->epoch = 0;
        return error_set(e, ERROR_PROTOCOL, "malformed answer of a Redis function: another version of the library?");
}

int gate_read_verdict(struct gate_call *base, const struct redis_reply *reply, const struct error *sent, struct gate_verdicts verdicts,
                      unsigned *ret_verdict, struct error *e)
{
        struct gate_reader r;
        if (gate_reader_open(&r, base, reply, sent, verdicts, ret_verdict, e))
                return -1;
        return gate_reader_close(&r, base, e);
}

int gate_reader_agent(struct gate_reader *r, const char *agent_id, struct gate_agent *ret_agent, void **ret_memory, struct error *e)
{
        struct gate_agent agent = {.agent_id = agent_id, .version = gate_reader_u64(r, UINT64_MAX)};
        agent.trust = (unsigned)gate_reader_u64(r, 1000);
        agent.violations = (unsigned)gate_reader_u64(r, UINT32_MAX);
        agent.quarantined = gate_reader_u64(r, 1);
        agent.last_count = r->count / 2;
        int64_t *offsets = malloc(agent.last_count * (sizeof(int64_t) + sizeof(int32_t)) + 1);
        if (!offsets)
                return error_set(e, ERROR_MEMORY, "record of an agent");
        int32_t *partitions = (int32_t *)(void *)(offsets + agent.last_count);
        for (size_t i = 0; i < agent.last_count; i++) {
                partitions[i] = (int32_t)gate_reader_u64(r, INT32_MAX);
                offsets[i] = gate_reader_i64(r);
        }
        agent.last_offsets = offsets;
        agent.last_partitions = partitions;
        *ret_agent = agent;
        *ret_memory = offsets;
        return 0;
}
