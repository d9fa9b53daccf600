#include "dispatcher/ending.h"

#include "common/audit.h"
#include "common/transport/result_headers.h"
#include "dispatcher/dispatcher.h"

struct letter *ending_dead_letter(struct dispatcher *d, const struct kafka_record *record, const char *class)
{
        struct letter *letter = letter_new_bytes(d->topics.dlq, -1, NULL, record->key, record->value);
        if (!letter)
                return NULL;
        letter->value_is_spare = true;
        letter_add_text(letter, "topic", span_of(record->topic));
        letter_add_number(letter, "partition", record->partition);
        letter_add_number(letter, "offset", record->offset);
        letter_add_text(letter, "error", span_of(class));
        d->counters.dead_letters++;
        return letter;
}

static void add_headers(struct letter *letter, const struct ending *ending)
{
        struct kafka_header headers[RESULT_HEADERS];
        struct result_origin job = {ending->job_id, 0, ending->attempt, ending->partition, ending->offset, {{0}}};
        result_headers(&job, headers);
        for (size_t i = 0; i < RESULT_HEADERS; i++)
                letter_add_text(letter, (const char *)headers[i].name.data, headers[i].value);
}

static struct letter *result_letter(struct dispatcher *d, const struct ending *ending, const struct result *result)
{
        json_t *value = result_to_json(result);
        struct letter *letter = letter_new(d->topics.results, ending->partition, "brig.result", span_of(ending->agent_id), value);
        json_decref(value);
        if (letter)
                add_headers(letter, ending);
        return letter;
}

static struct letter *audit_letter(struct dispatcher *d, const struct result *result)
{
        json_t *event = audit_job_finished(result, d->options.log->program, result->finished_at_ms);
        struct letter *letter = letter_new(d->topics.audit, -1, "brig.audit", span_of(result->agent_id), event);
        json_decref(event);
        return letter;
}

static int post(struct dispatcher *d, const struct ending *ending, struct result *result, struct letter *first_take)
{
        result->attempt = ending->attempt;
        result->finished_at_ms = clock_realtime_ms(d->options.clock);
        struct letter *letter = result_letter(d, ending, result);
        struct letter *audit = audit_letter(d, result);
        if (!letter || !audit) {
                letter_free(letter);
                letter_free(audit);
                letter_free(first_take);
                return -1;
        }
        outbox_post_take(&d->outbox, audit);
        if (first_take)
                first_take->then = letter;
        outbox_post_take(&d->outbox, first_take ? first_take : letter);
        return 0;
}

int ending_reject(struct dispatcher *d, const struct ending *ending, const struct rejection *rejection, struct letter *first_take)
{
        struct result result = {0};
        if (result_init_rejected(&result, ending->job_id, ending->agent_id, rejection, ending->metadata) < 0) {
                letter_free(first_take);
                return -1;
        }
        int outcome = post(d, ending, &result, first_take);
        result_deinit(&result);
        return outcome;
}

int ending_end(struct dispatcher *d, const struct ending *ending, enum status status, enum cause cause, const char *reason,
               struct letter *first_take)
{
        struct result result = {0};
        if (result_init_ended(&result, ending->job_id, ending->agent_id, status, cause, reason, ending->metadata) < 0) {
                letter_free(first_take);
                return -1;
        }
        int outcome = post(d, ending, &result, first_take);
        result_deinit(&result);
        return outcome;
}
