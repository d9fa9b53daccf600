/* The frames between brig-init, PID 1 of a sandbox, and the worker: one byte of type, the payload's length as 32 bits little-endian, the
 * payload. They travel over the container's stdin and stdout, so brig-init and the worker are the only ones that ever write them: the job's
 * own output arrives inside STDOUT and STDERR frames and cannot forge one. Pure: no I/O and no memory of its own; built by gcc for the
 * worker and by musl for init.
 *
 * The conversation
 *
 *   init     HELLO, once everything it relies on was read back; else REFUSED with the reason, and it exits.
 *   worker   LIMITS, ARGUMENT (one each, in order; the first is the program's path), ENVIRONMENT (one each, NAME=VALUE, added to or
 *            replacing the image's own without HOSTNAME), ARTIFACTS if any are wanted, KEEPALIVE if the job has a lease, then COMMAND.
 *   init     PREPARED: the child exists with its own group and oom_score_adj 1000 and waits; the worker may now act on it from outside.
 *   worker   START. It may follow COMMAND at once.
 *   init     STARTED once exec has succeeded; else FAILED, and nothing more comes.
 *   worker   STDIN_DATA, never more than FRAME_STDIN_WINDOW bytes ahead of the sum of STDIN_TAKEN, then STDIN_END. Also before START.
 *            KEEPALIVE and KILL at any time; KILL may be repeated.
 *   init     STDOUT, STDERR, NOTICE (≤ 64), STDIN_TAKEN, at most one OUTPUT_LIMIT.
 *   init     ENDED: no process of the job is left and its pipes are empty.
 *   init     for each artifact ARTIFACT and then exactly its bytes as ARTIFACT_DATA; ARTIFACT_OMITTED (≤ 32) in between.
 *   init     REPORT, the last frame. It waits: the container's counters can be read.
 *   worker   LEAVE: init kills what is left and exits, at any time; the same when its stdin closes. */
#ifndef BRIG_INIT_FRAME_H
#define BRIG_INIT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        FRAME_VERSION = 1,
        FRAME_HEADER_BYTES = 5,
        FRAME_PAYLOAD_MAX = 128 << 10, /* the kernel's own bound of one argument or variable */
        FRAME_DATA_MAX = 32 << 10,     /* what init puts into one STDOUT, STDERR or ARTIFACT_DATA */
        FRAME_STDIN_WINDOW = 64 << 10,
        FRAME_COMMAND_BYTES_MAX = 2 << 20, /* all arguments, variables and globs with their ends, beside the image's environment */
        FRAME_NOTICES_MAX = 64,
        FRAME_NOTICE_BYTES_MAX = 256,
        FRAME_GLOBS_MAX = 32,
        FRAME_PATH_MAX = 1024,
        FRAME_OMITTED_MAX = 32,
        FRAME_FIXED_MAX = 128,         /* a whole frame that one of the encoders below makes */
        FRAME_POLICY_DESCRIPTOR = 200, /* where the job's interpreter finds the writing end of the policy pipe */
};

enum frame_type {
        /* worker → init */
        FRAME_LIMITS = 1,  /* struct frame_limits */
        FRAME_ARGUMENT,    /* text */
        FRAME_ENVIRONMENT, /* text, NAME=VALUE */
        FRAME_ARTIFACTS,   /* struct frame_artifacts, then each glob and a NUL */
        FRAME_COMMAND,     /* struct frame_command, then the directory to start in */
        FRAME_START,       /* – */
        FRAME_STDIN_DATA,  /* bytes */
        FRAME_STDIN_END,   /* – */
        FRAME_KEEPALIVE,   /* struct frame_keepalive; replaces the deadline before */
        FRAME_KILL,        /* –; every process of the job is killed now; ENDED, artifacts and REPORT follow */
        FRAME_LEAVE,       /* – */

        /* init → worker */
        FRAME_HELLO = 65,       /* struct frame_hello */
        FRAME_REFUSED,          /* text */
        FRAME_PREPARED,         /* struct frame_prepared */
        FRAME_STARTED,          /* – */
        FRAME_FAILED,           /* struct frame_failed, then the step that failed as text */
        FRAME_STDIN_TAKEN,      /* struct frame_stdin_taken */
        FRAME_STDOUT,           /* bytes */
        FRAME_STDERR,           /* bytes */
        FRAME_NOTICE,           /* one line from the policy pipe without its end; the job's own claim */
        FRAME_OUTPUT_LIMIT,     /* struct frame_output_limit: that stream went over the budget, all is killed */
        FRAME_ENDED,            /* struct frame_ended */
        FRAME_ARTIFACT,         /* struct frame_artifact, then the path below /work */
        FRAME_ARTIFACT_DATA,    /* bytes */
        FRAME_ARTIFACT_OMITTED, /* path, a NUL, reason. The path may be any bytes but NUL */
        FRAME_REPORT,           /* struct frame_report */
};

struct frame_limits {
        uint64_t output_bytes; /* per stream, counted as written; one byte more is OUTPUT_LIMIT */
        uint64_t timeout_ms;   /* from exec; 0: none. The worker keeps its own as well */
};

struct frame_artifacts {
        uint32_t files_max;
        uint64_t file_bytes_max;
        uint64_t total_bytes_max;
};

struct frame_command {
        uint32_t umask;
        uint32_t policy_pipe; /* 1: FRAME_POLICY_DESCRIPTOR is open in the program, not close-on-exec (it sets that itself); 0: it is not */
};

struct frame_keepalive {
        uint64_t deadline_ms; /* CLOCK_BOOTTIME of init's kernel; 0: none */
};

struct frame_hello {
        uint32_t version;
        uint32_t uid, gid;
        uint32_t dumpable, no_new_privileges, seccomp_mode; /* as prctl and /proc/self/status say */
        uint64_t capabilities;                              /* effective | permitted | inheritable | bounding | ambient */
        uint64_t boottime_ms;                               /* init's CLOCK_BOOTTIME */
};

struct frame_prepared {
        uint32_t pid; /* inside the sandbox */
};

struct frame_failed {
        uint32_t sys; /* errno */
};

struct frame_stdin_taken {
        uint32_t bytes; /* more that the worker may send */
};

enum frame_stream { FRAME_STREAM_STDOUT, FRAME_STREAM_STDERR, FRAME_STREAM_COUNT };

struct frame_output_limit {
        uint32_t stream; /* enum frame_stream */
};

/* What made init kill, the first one only. */
enum frame_end {
        FRAME_END_LEADER,   /* nothing: the leader ended by itself, or was killed by somebody else */
        FRAME_END_KILL,     /* a KILL frame */
        FRAME_END_OUTPUT,   /* the output budget, also when it was seen to be passed after the leader had ended */
        FRAME_END_TIMEOUT,  /* timeout_ms */
        FRAME_END_DEADLINE, /* the keep-alive's; no artifacts follow */
};

struct frame_ended {
        uint32_t end;                        /* enum frame_end */
        uint32_t exit_code;                  /* the leader's; 0 when a signal ended it */
        uint32_t signal;                     /* that ended the leader; 0: it exited */
        uint32_t sigsys;                     /* processes that init reaped and that died by SIGSYS, the leader included */
        uint64_t duration_ms;                /* from exec to the leader's end */
        uint64_t cpu_ms;                     /* user and system time of all that was waited for; the cgroup knows better */
        uint64_t stdout_bytes, stderr_bytes; /* produced, forwarded or not */
        uint64_t largest_file_bytes;         /* in /work and /tmp */
        uint32_t work_full, tmp_full;        /* 1: no block or no inode is left there */
};

struct frame_artifact {
        uint64_t bytes;
};

struct frame_report {
        uint32_t artifacts;
        uint32_t omitted; /* all of them, named or not */
};

struct frame {
        enum frame_type type; /* as it came, known or not */
        const uint8_t *payload;
        size_t size;
};

/* Bytes in, frames out, split anywhere. */
struct frame_parser {
        uint8_t *buffer; /* the caller's, for one payload */
        size_t capacity; /* of the buffer: a longer payload is broken */
        size_t size;     /* of header and payload seen so far */
        uint8_t header[FRAME_HEADER_BYTES];
};

enum frame_step {
        FRAME_MORE,  /* all bytes were taken, no frame is whole */
        FRAME_WHOLE, /* ret_frame is set, its payload valid until the next call; call again */
        FRAME_BROKEN /* the other side does not speak this protocol; so for good */
};

void frame_parser_init(struct frame_parser *p, uint8_t *buffer, size_t capacity);

/* Takes bytes from the front of *data, *size, which it moves on. */
enum frame_step frame_parser_take(struct frame_parser *p, const uint8_t **data, size_t *size, struct frame *ret_frame);

/* The header of a frame whose payload the caller writes itself. */
void frame_header(uint8_t ret_header[static FRAME_HEADER_BYTES], enum frame_type type, size_t payload_size);

/* Each encoder writes a whole frame and returns its size. `tail` bytes of text follow, written by the caller, counted in the header.
 * Each decoder returns the size of the fixed part, where a text begins, or 0 when the payload is too short. */
#define FRAME_MESSAGES(X)                                                                                                                  \
        X(limits, FRAME_LIMITS)                                                                                                            \
        X(artifacts, FRAME_ARTIFACTS)                                                                                                      \
        X(command, FRAME_COMMAND)                                                                                                          \
        X(keepalive, FRAME_KEEPALIVE)                                                                                                      \
        X(hello, FRAME_HELLO)                                                                                                              \
        X(prepared, FRAME_PREPARED)                                                                                                        \
        X(failed, FRAME_FAILED)                                                                                                            \
        X(stdin_taken, FRAME_STDIN_TAKEN)                                                                                                  \
        X(output_limit, FRAME_OUTPUT_LIMIT)                                                                                                \
        X(ended, FRAME_ENDED)                                                                                                              \
        X(artifact, FRAME_ARTIFACT)                                                                                                        \
        X(report, FRAME_REPORT)

#define X(name, TYPE)                                                                                                                      \
        size_t frame_encode_##name(uint8_t ret_frame[static FRAME_FIXED_MAX], const struct frame_##name *message, size_t tail);            \
        size_t frame_decode_##name(const struct frame *frame, struct frame_##name *ret_message);
FRAME_MESSAGES(X)
#undef X

/* A frame with no payload. */
size_t frame_encode_empty(uint8_t ret_frame[static FRAME_FIXED_MAX], enum frame_type type);

#endif
