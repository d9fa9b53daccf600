#include "worker/init/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker/init/collect.h"

enum { KILL_AGAIN_MS = 10, WAIT_MS_MAX = 1000 }; /* poll's clock stops in a suspend, the deadline's does not */

uint64_t supervisor_now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool supervisor_init(struct supervisor *s, int signals, char **image_environment)
{
        memset(s, 0, sizeof *s);
        s->signals = signals;
        child_init(&s->child);
        wire_init(&s->wire, STDOUT_FILENO);
        streams_init(&s->streams, &s->wire, &s->child);
        frame_parser_init(&s->parser, s->payload, sizeof s->payload);
        return command_init(&s->command, image_environment);
}

/* Everything else in the sandbox dies with PID 1. */
static _Noreturn void leave(int status)
{
        _exit(status);
}

static void flush(struct supervisor *s)
{
        if (!wire_flush(&s->wire))
                leave(0);
}

static _Noreturn void refuse(struct supervisor *s, const char *reason)
{
        wire_send_text(&s->wire, FRAME_REFUSED, reason, strlen(reason));
        flush(s);
        leave(1);
}

static void kill_all(struct supervisor *s)
{
        s->killing = true;
        kill(-1, SIGKILL);
}

/* The first reason stays. The leader's own end comes before all that is seen later, but for the output that it left in its pipes. */
static void end_job(struct supervisor *s, enum frame_end end)
{
        if (s->ended.end == FRAME_END_LEADER && (!s->leader_ended || end == FRAME_END_OUTPUT))
                s->ended.end = end;
        kill_all(s);
}

static bool job_is_there(const struct supervisor *s)
{
        return s->phase == SUPERVISOR_PREPARED || s->phase == SUPERVISOR_STARTED;
}

/* When the job has to end by time alone, and why; 0: no such time. */
static uint64_t time_limit(const struct supervisor *s, enum frame_end *ret_end)
{
        uint64_t timeout_ms = s->command.limits.timeout_ms;
        uint64_t timeout_at = s->started_ms && timeout_ms ? s->started_ms + timeout_ms : 0;
        bool timeout_first = timeout_at && (!s->deadline_ms || timeout_at < s->deadline_ms);
        *ret_end = timeout_first ? FRAME_END_TIMEOUT : FRAME_END_DEADLINE;
        return timeout_first ? timeout_at : s->deadline_ms;
}

static void check_time(struct supervisor *s)
{
        enum frame_end end;
        uint64_t limit = time_limit(s, &end);
        if (job_is_there(s) && !s->killing && limit && supervisor_now_ms() >= limit)
                end_job(s, end);
}

static void fail(struct supervisor *s, const struct child_failure *failure)
{
        uint8_t frame[FRAME_FIXED_MAX];
        size_t step_size = strnlen(failure->step, sizeof failure->step);
        size_t size = frame_encode_failed(frame, &(struct frame_failed){.sys = (uint32_t)failure->sys}, step_size);
        memcpy(frame + size, failure->step, step_size);
        wire_send(&s->wire, frame, size + step_size);
        s->phase = SUPERVISOR_ENDED;
        kill_all(s);
}

static void prepare(struct supervisor *s)
{
        uint8_t frame[FRAME_FIXED_MAX];
        struct child_failure failure;
        s->streams.budget_bytes = s->command.limits.output_bytes;
        if (!child_prepare(&s->child, &s->command, &failure)) {
                fail(s, &failure);
                return;
        }
        s->phase = SUPERVISOR_PREPARED;
        wire_send(&s->wire, frame, frame_encode_prepared(frame, &(struct frame_prepared){.pid = (uint32_t)s->child.pid}, 0));
}

static void start(struct supervisor *s)
{
        check_time(s);
        if (s->phase != SUPERVISOR_PREPARED || s->killing)
                return;
        s->phase = SUPERVISOR_STARTED;
        child_start(&s->child);
}

static void take_definition(struct supervisor *s, const struct frame *frame)
{
        if (s->phase != SUPERVISOR_GATHERING || !command_take(&s->command, frame))
                refuse(s, "malformed command");
        if (frame->type == FRAME_COMMAND)
                prepare(s);
}

static void take_keepalive(struct supervisor *s, const struct frame *frame)
{
        struct frame_keepalive keepalive;
        if (!frame_decode_keepalive(frame, &keepalive))
                refuse(s, "malformed keep-alive");
        s->deadline_ms = keepalive.deadline_ms;
}

static void take_frame(struct supervisor *s, const struct frame *frame)
{
        switch (frame->type) {
        case FRAME_START:
                start(s);
                break;
        case FRAME_STDIN_DATA:
                if (!streams_take_input(&s->streams, frame->payload, frame->size))
                        refuse(s, "stdin beyond its window");
                break;
        case FRAME_STDIN_END:
                s->streams.input_ended = true;
                break;
        case FRAME_KEEPALIVE:
                take_keepalive(s, frame);
                break;
        case FRAME_KILL:
                if (job_is_there(s))
                        end_job(s, FRAME_END_KILL);
                break;
        case FRAME_LEAVE:
                leave(0);
        default:
                take_definition(s, frame);
        }
}

static void read_frames(struct supervisor *s)
{
        ssize_t size = read(STDIN_FILENO, s->chunk, sizeof s->chunk);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
                leave(0);
        const uint8_t *data = s->chunk;
        size_t left = size > 0 ? (size_t)size : 0;
        struct frame frame;
        enum frame_step step;
        while ((step = frame_parser_take(&s->parser, &data, &left, &frame)) == FRAME_WHOLE)
                take_frame(s, &frame);
        if (step == FRAME_BROKEN)
                refuse(s, "not a frame");
}

static void read_status(struct supervisor *s)
{
        uint8_t frame[FRAME_FIXED_MAX];
        struct child_failure failure;
        enum child_news news = child_poll_status(&s->child, &failure);
        if (news == CHILD_FAILED)
                fail(s, &failure);
        if (news != CHILD_EXECUTED || s->phase != SUPERVISOR_STARTED)
                return;
        s->started_ms = supervisor_now_ms();
        wire_send(&s->wire, frame, frame_encode_empty(frame, FRAME_STARTED));
}

static void leader_end(struct supervisor *s, int status)
{
        s->leader_ended = true;
        s->child.pid = 0;
        s->ended.exit_code = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0;
        s->ended.signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
        s->ended.duration_ms = s->started_ms ? supervisor_now_ms() - s->started_ms : 0;
        kill_all(s);
}

/* Orphans come to PID 1, so every process of the job is waited for here or by its own parent. */
static void reap(struct supervisor *s)
{
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
                        s->ended.sigsys++;
                if (pid == s->child.pid)
                        leader_end(s, status);
        }
        s->childless = pid < 0 && errno == ECHILD;
        if (s->killing && !s->childless)
                kill(-1, SIGKILL);
}

static void read_signals(struct supervisor *s)
{
        struct signalfd_siginfo seen;
        while (read(s->signals, &seen, sizeof seen) > 0)
                ;
}

/* For the collector: waits for room, while the worker may still tell init to leave. */
static uint8_t *wait_for_room(void *data, size_t size)
{
        struct supervisor *s = data;
        while (!wire_has_room(&s->wire, size)) {
                struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = STDOUT_FILENO, .events = POLLOUT}};
                poll(fds, 2, -1);
                if (fds[0].revents)
                        read_frames(s);
                flush(s);
        }
        return queue_reserve(&s->wire.queue, size);
}

static void commit(void *data, size_t size)
{
        struct supervisor *s = data;
        queue_commit(&s->wire.queue, size);
}

/* The job may have shut it, even against itself; it is the same user's, and a mount that it cannot replace. */
static int open_folder(const char *path)
{
        (void)chmod(path, S_IRWXU);
        return openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Returns 1 when it is full. */
static uint32_t measure_folder(const char *path, uint64_t *largest_bytes)
{
        int folder = open_folder(path);
        if (folder < 0)
                return 0;
        collect_largest(folder, largest_bytes);
        bool full = collect_is_full(folder);
        close(folder);
        return full;
}

static void send_ended(struct supervisor *s)
{
        uint8_t frame[FRAME_FIXED_MAX];
        struct rusage usage;
        getrusage(RUSAGE_CHILDREN, &usage);
        s->ended.cpu_ms = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                          (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
        s->ended.stdout_bytes = s->streams.produced_bytes[FRAME_STREAM_STDOUT];
        s->ended.stderr_bytes = s->streams.produced_bytes[FRAME_STREAM_STDERR];
        s->ended.work_full = measure_folder("/work", &s->ended.largest_file_bytes);
        s->ended.tmp_full = measure_folder("/tmp", &s->ended.largest_file_bytes);
        wire_send(&s->wire, frame, frame_encode_ended(frame, &s->ended, 0));
}

static void send_report(struct supervisor *s)
{
        uint8_t frame[FRAME_FIXED_MAX];
        struct frame_report report = {0};
        const struct command *c = &s->command;
        struct collect_request request = {.globs = c->globs, .glob_count = c->glob_count, .bounds = c->artifacts};
        struct collect_port port = {.reserve = wait_for_room, .commit = commit, .data = s};
        int folder = c->glob_count && s->ended.end != FRAME_END_DEADLINE ? open_folder("/work") : -1;
        if (folder >= 0) {
                if (!collect_artifacts(folder, &request, &port, &report))
                        leave(1);
                close(folder);
        }
        wire_send(&s->wire, frame, frame_encode_report(frame, &report, 0));
}

/* Once nothing is left that could write, what the pipes hold is all there will be. */
static void finish(struct supervisor *s)
{
        if (!job_is_there(s) || !s->leader_ended || !s->childless)
                return;
        bool drained = streams_drain(&s->streams);
        if (s->streams.exceeded)
                end_job(s, FRAME_END_OUTPUT);
        if (!drained)
                return;
        s->phase = SUPERVISOR_ENDED;
        send_ended(s);
        send_report(s);
}

enum watched { WATCH_FRAMES, WATCH_WIRE, WATCH_SIGNALS, WATCH_STATUS, WATCH_INPUT, WATCH_STDOUT, WATCH_STDERR, WATCH_POLICY, WATCH_COUNT };

/* A closed or unwanted descriptor is left out altogether: poll would tell of its hang-up again and again. */
static void watch(const struct supervisor *s, struct pollfd fds[static WATCH_COUNT])
{
        bool room = streams_want_output(&s->streams);
        const struct child *child = &s->child;
        fds[WATCH_FRAMES] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[WATCH_WIRE] = (struct pollfd){.fd = STDOUT_FILENO, .events = queue_size(&s->wire.queue) ? POLLOUT : 0};
        fds[WATCH_SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
        fds[WATCH_STATUS] = (struct pollfd){.fd = child->status, .events = POLLIN};
        fds[WATCH_INPUT] = (struct pollfd){.fd = queue_size(&s->streams.input) ? child->input : -1, .events = POLLOUT};
        fds[WATCH_STDOUT] = (struct pollfd){.fd = room ? child->output[FRAME_STREAM_STDOUT] : -1, .events = POLLIN};
        fds[WATCH_STDERR] = (struct pollfd){.fd = room ? child->output[FRAME_STREAM_STDERR] : -1, .events = POLLIN};
        fds[WATCH_POLICY] = (struct pollfd){.fd = room ? child->policy : -1, .events = POLLIN};
}

static int wait_ms(const struct supervisor *s)
{
        enum frame_end end;
        uint64_t limit = time_limit(s, &end);
        if (!job_is_there(s))
                return -1;
        if (s->killing)
                return s->childless ? WAIT_MS_MAX : KILL_AGAIN_MS;
        if (!limit)
                return -1;
        uint64_t now = supervisor_now_ms();
        uint64_t left = limit > now ? limit - now : 0;
        return left < WAIT_MS_MAX ? (int)left : WAIT_MS_MAX;
}

static void move_streams(struct supervisor *s, const struct pollfd fds[static WATCH_COUNT])
{
        if (s->phase != SUPERVISOR_GATHERING)
                streams_move_input(&s->streams);
        if (fds[WATCH_STDOUT].revents)
                streams_move_output(&s->streams, FRAME_STREAM_STDOUT);
        if (fds[WATCH_STDERR].revents)
                streams_move_output(&s->streams, FRAME_STREAM_STDERR);
        if (fds[WATCH_POLICY].revents)
                streams_move_policy(&s->streams);
        if (s->streams.exceeded && !s->killing)
                end_job(s, FRAME_END_OUTPUT);
}

static void turn(struct supervisor *s)
{
        struct pollfd fds[WATCH_COUNT];
        watch(s, fds);
        poll(fds, WATCH_COUNT, wait_ms(s));
        if (fds[WATCH_WIRE].revents & POLLERR)
                leave(0);
        if (fds[WATCH_FRAMES].revents)
                read_frames(s);
        move_streams(s, fds);
        if (fds[WATCH_STATUS].revents || fds[WATCH_SIGNALS].revents)
                read_status(s); /* before the end of a child that has just executed */
        if (fds[WATCH_SIGNALS].revents)
                read_signals(s);
        if (s->killing || fds[WATCH_SIGNALS].revents)
                reap(s);
        check_time(s);
        finish(s);
        flush(s);
}

_Noreturn void supervisor_run(struct supervisor *s, const struct frame_hello *hello)
{
        uint8_t frame[FRAME_FIXED_MAX];
        wire_send(&s->wire, frame, frame_encode_hello(frame, hello, 0));
        flush(s);
        for (;;)
                turn(s);
}
