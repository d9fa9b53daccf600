/* An error: what went wrong, whose fault it is, and what its fate should be, in memory the caller owns.
 *
 * Functions that can fail take a `struct error *`, never NULL, return 0 or -1, and fill it only on failure. Expected
 * outcomes (limited, duplicate, no work) are verdict enums, never errors. */
#ifndef BRIG_COMMON_ERROR_H
#define BRIG_COMMON_ERROR_H

enum error_fate {
        ERROR_FATE_RETRY,  /* the same call may succeed later */
        ERROR_FATE_REJECT, /* the input is at fault; it will never succeed */
        ERROR_FATE_FATAL,  /* this program or its set-up is at fault */
};

/* code, name in logs, fate, text when nothing more exact is known */
#define ERROR_CODES(X)                                                                                                                     \
        X(ERROR_INTERNAL, "internal", ERROR_FATE_FATAL, "a fault of brig itself")                                                          \
        X(ERROR_SYSTEM, "system", ERROR_FATE_RETRY, "a system call failed")                                                                \
        X(ERROR_MEMORY, "memory", ERROR_FATE_RETRY, "out of memory")                                                                       \
        X(ERROR_USAGE, "usage", ERROR_FATE_FATAL, "wrong use of the command line")                                                         \
        X(ERROR_CONFIG, "config", ERROR_FATE_FATAL, "the configuration is wrong")                                                          \
        X(ERROR_INVALID, "invalid", ERROR_FATE_REJECT, "the input is not valid")                                                           \
        X(ERROR_DENIED, "denied", ERROR_FATE_REJECT, "not allowed")                                                                        \
        X(ERROR_NOT_FOUND, "not_found", ERROR_FATE_REJECT, "no such thing")                                                                \
        X(ERROR_KAFKA, "kafka", ERROR_FATE_RETRY, "Kafka did not answer as it should")                                                     \
        X(ERROR_REDIS, "redis", ERROR_FATE_RETRY, "Redis did not answer as it should")                                                     \
        X(ERROR_NOT_READY, "not_ready", ERROR_FATE_RETRY, "Redis waits to be restored")                                                    \
        X(ERROR_DOCKER, "docker", ERROR_FATE_RETRY, "the Docker engine refused or failed")                                                 \
        X(ERROR_PROTOCOL, "protocol", ERROR_FATE_RETRY, "the other side broke the protocol")                                               \
        X(ERROR_SANDBOX, "sandbox", ERROR_FATE_FATAL, "a limit or a wall did not take")                                                    \
        X(ERROR_TIMEOUT, "timeout", ERROR_FATE_RETRY, "no answer in time")                                                                 \
        X(ERROR_CANCELLED, "cancelled", ERROR_FATE_REJECT, "cancelled")

enum error_code {
        ERROR_NONE,
#define X(code, name, fate, text) code,
        ERROR_CODES(X)
#undef X
};

struct error {
        enum error_code code;
        int sys; /* errno, or 0 */
        char text[240];
};

/* Fills `e`; always returns -1, so that a caller can `return error_set(...)`. Over-long text is cut at a UTF-8 border. */
int error_set(struct error *e, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with an errno value, whose text is appended: "open /x: Permission denied". */
int error_set_sys(struct error *e, enum error_code code, int sys, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts "context: " before the text, keeping code and sys; returns -1. */
int error_wrap(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *error_name(enum error_code code);
enum error_fate error_fate(enum error_code code);

#endif
