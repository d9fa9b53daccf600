#include "worker/sandbox/dialogue.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/command.h"
#include "worker/sandbox/record.h"

enum { PROTECTED_MAX = 16, EXIT_CODE_MAX = 255 };

static int say(struct dialogue *d, enum frame_type type, struct error *e)
{
        uint8_t frame[FRAME_FIXED_MAX];
        return slot_send(d->slot, (struct span){frame, frame_encode_empty(frame, type)}, e);
}

static int send_stdin_part(struct dialogue *d, struct error *e)
{
        const struct bytes *data = &d->request->job->stdin_data;
        struct bytes frames = {0};
        int result = 0;
        while (result == 0 && d->stdin_window > 0 && d->stdin_sent < data->size) {
                size_t left = data->size - d->stdin_sent;
                size_t size = left < d->stdin_window ? left : d->stdin_window;
                size = size < FRAME_DATA_MAX ? size : FRAME_DATA_MAX;
                result = command_encode_data(&frames, FRAME_STDIN_DATA, (struct span){data->data + d->stdin_sent, size});
                d->stdin_sent += size;
                d->stdin_window -= size;
        }
        if (result == 0 && d->stdin_sent == data->size && !d->stdin_ended) {
                d->stdin_ended = true;
                result = command_encode_data(&frames, FRAME_STDIN_END, (struct span){NULL, 0});
        }
        if (result == 0 && frames.size)
                result = slot_send(d->slot, bytes_span(&frames), e);
        bytes_deinit(&frames);
        return result;
}

/* Raises the floor of its oom_score_adj, so that the job cannot make PID 1 the kernel's choice; needs CAP_SYS_RESOURCE. */
static void protect_init(const struct slot *slot)
{
        pid_t pids[PROTECTED_MAX];
        size_t count = cgroup_processes(&slot->cgroup, pids, PROTECTED_MAX);
        for (size_t i = 0; i < count && i < PROTECTED_MAX; i++) {
                char path[64];
                snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pids[i]);
                int file = pids[i] == slot->pid ? -1 : open(path, O_WRONLY | O_CLOEXEC);
                if (file < 0)
                        continue;
                (void)!write(file, "1000", 4);
                close(file);
        }
}

static int take_prepared(struct dialogue *d, struct error *e)
{
        if (d->slot->host->root)
                protect_init(d->slot);
        d->start_sent = true;
        return say(d, FRAME_START, e);
}

static int take_output(struct dialogue *d, enum sandbox_stream stream, const struct frame *frame)
{
        struct span data = {frame->payload, frame->size};
        if (d->request->output)
                d->request->output(d->request, stream, data);
        return record_output(d->result, stream, data, d->limits->output_bytes);
}

static int take_ended(struct dialogue *d, const struct frame *frame, struct error *e)
{
        if (!frame_decode_ended(frame, &d->ended) || d->ended.exit_code > EXIT_CODE_MAX || d->ended.signal >= NSIG)
                return error_set(e, ERROR_PROTOCOL, "brig-init's ENDED makes no sense");
        d->has_ended = true;
        return 0;
}

static int take_stdin_taken(struct dialogue *d, const struct frame *frame, struct error *e)
{
        struct frame_stdin_taken taken;
        if (!frame_decode_stdin_taken(frame, &taken) || taken.bytes > FRAME_STDIN_WINDOW - d->stdin_window)
                return error_set(e, ERROR_PROTOCOL, "brig-init took more stdin than it was given");
        d->stdin_window += taken.bytes;
        return send_stdin_part(d, e);
}

/* "RULE DETAIL", as the fence writes it: the job's own claim. */
static int take_notice(struct dialogue *d, const struct frame *frame)
{
        static const char *const rules[] = {"blocked_module", "blocked_command"};
        char text[160];
        snprintf(text, sizeof(text), "%.*s", (int)frame->size, (const char *)frame->payload);
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && utf8_valid(span_of(text)); i++) {
                size_t size = strlen(rules[i]);
                if (strncmp(text, rules[i], size) == 0 && text[size] == ' ')
                        return result_add_violation(d->result, VIOLATION_POLICY, rules[i], text + size + 1, 1);
        }
        return result_add_violation(d->result, VIOLATION_POLICY, "unreadable_notice", "", 1);
}

/* A throttled kill takes ten times as long. */
static void lift_quota(const struct dialogue *d)
{
        struct error ignored;
        if (d->slot->host->root)
                (void)cgroup_lift_cpu(&d->slot->cgroup, &ignored);
}

/* What init says once, and when: it is as far from the job as we are from it, yet nothing that it says may move a run twice. */
static bool is_in_order(const struct dialogue *d, enum frame_type type)
{
        switch (type) {
        case FRAME_PREPARED:
                return !d->start_sent;
        case FRAME_STARTED:
        case FRAME_FAILED:
                return !d->has_started;
        case FRAME_STDOUT:
        case FRAME_STDERR:
        case FRAME_NOTICE:
        case FRAME_ENDED:
                return d->start_sent;
        default:
                return true;
        }
}

/* Until the program has ended. */
static int take_running(struct dialogue *d, const struct frame *frame, enum dialogue_event *ret_event, struct error *e)
{
        if (!is_in_order(d, frame->type))
                return error_set(e, ERROR_PROTOCOL, "brig-init sent a frame of type %d out of order", (int)frame->type);
        switch (frame->type) {
        case FRAME_PREPARED:
                return take_prepared(d, e);
        case FRAME_STARTED:
                d->has_started = true;
                *ret_event = DIALOGUE_STARTED;
                return 0;
        case FRAME_FAILED:
                *ret_event = DIALOGUE_FAILED;
                return record_failed(d->result, frame, e);
        case FRAME_STDIN_TAKEN:
                return take_stdin_taken(d, frame, e);
        case FRAME_STDOUT:
                return take_output(d, SANDBOX_STDOUT, frame);
        case FRAME_STDERR:
                return take_output(d, SANDBOX_STDERR, frame);
        case FRAME_NOTICE:
                return take_notice(d, frame);
        case FRAME_OUTPUT_LIMIT:
                lift_quota(d); /* the rest stands in ENDED, with what came first */
                return 0;
        case FRAME_ENDED:
                *ret_event = DIALOGUE_ENDED;
                return take_ended(d, frame, e);
        default:
                return error_set(e, ERROR_PROTOCOL, "brig-init sent a frame of type %d", (int)frame->type);
        }
}

int dialogue_take(struct dialogue *d, const struct frame *frame, enum dialogue_event *ret_event, struct error *e)
{
        *ret_event = DIALOGUE_NOTHING;
        error_set(e, ERROR_MEMORY, "no memory for what the job wrote");
        if (!d->has_ended)
                return take_running(d, frame, ret_event, e);
        if (frame->type == FRAME_REPORT)
                *ret_event = DIALOGUE_REPORTED;
        return collection_take(&d->collection, frame, e);
}

int dialogue_begin(struct dialogue *d, const struct language *language, struct error *e)
{
        const struct sandbox_run *request = d->request;
        struct bytes frames = {0};
        d->stdin_window = FRAME_STDIN_WINDOW;
        d->collection = (struct collection){
                        .log_directory = d->slot->host->config->log_directory,
                        .result = d->result,
                        .product = d->product,
        };
        int result = command_encode(&frames, request->job, language, request->risk, d->limits, request->deadline_ms, e);
        if (result == 0)
                result = slot_send(d->slot, bytes_span(&frames), e);
        bytes_deinit(&frames);
        return result < 0 ? -1 : send_stdin_part(d, e);
}

void dialogue_kill(struct dialogue *d)
{
        struct error ignored;
        lift_quota(d);
        (void)say(d, FRAME_KILL, &ignored);
}

void dialogue_extend(struct dialogue *d, uint64_t deadline_ms)
{
        struct error ignored;
        struct bytes frame = {0};
        if (command_encode_deadline(&frame, deadline_ms) == 0)
                (void)slot_send(d->slot, bytes_span(&frame), &ignored);
        bytes_deinit(&frame);
}

void dialogue_leave(struct dialogue *d)
{
        struct error ignored;
        (void)say(d, FRAME_LEAVE, &ignored);
}

void dialogue_deinit(struct dialogue *d)
{
        collection_deinit(&d->collection);
}
