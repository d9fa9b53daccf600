#include "common/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RULER "=================================\n"

enum { LOG_NAMESAKES_MAX = 1000 };

static struct tm utc_time(uint64_t realtime_ms)
{
        time_t seconds = (time_t)(realtime_ms / 1000);
        struct tm tm = {0};
        gmtime_r(&seconds, &tm);
        return tm;
}

static enum risk effective_risk(const struct summary *s)
{
        return s->result->has_risk ? s->result->risk : s->risk;
}

static int status_of_killed(const struct result *result)
{
        switch (result->termination.cause) {
        case CAUSE_WALL_TIMEOUT:
        case CAUSE_CPU_TIMEOUT:
                return 124;
        default:
                return 137;
        }
}

static int status_of_failed(const struct termination *termination)
{
        int status = termination->cause == CAUSE_SIGNAL ? 128 + termination->signal : termination->code;
        return status ? status : 1;
}

int summary_exit_status(const struct result *result)
{
        switch (result->status) {
        case STATUS_SUCCEEDED:
                return 0;
        case STATUS_FAILED:
                return status_of_failed(&result->termination);
        case STATUS_KILLED:
                return status_of_killed(result);
        case STATUS_REJECTED:
                return result->rejection.reason == REJECTION_INVALID ? 125 : 126;
        case STATUS_CANCELLED:
                return 130;
        default:
                return 127;
        }
}

static int append_cause_detail(struct bytes *text, const struct result *result)
{
        const struct termination *t = &result->termination;
        if (result->status == STATUS_REJECTED)
                return bytes_append_format(text, " (%s)", result->rejection.message);
        if (t->has_limit)
                return bytes_append_format(text, " (limit %" PRIu64 ", observed %" PRIu64 ")", t->limit, t->observed);
        if (t->cause == CAUSE_VIOLATION)
                return bytes_append_format(text, " (%s)", t->rule);
        if (t->cause == CAUSE_INFRASTRUCTURE)
                return bytes_append_format(text, " (%s)", t->reason);
        if (t->cause == CAUSE_SIGNAL)
                return bytes_append_format(text, " (%d)", t->signal);
        return 0;
}

static int append_cause(struct bytes *text, const struct result *result)
{
        if (result->termination.cause == CAUSE_EXIT)
                return 0;
        const char *name = result->status == STATUS_REJECTED ? rejection_reason_name(result->rejection.reason)
                                                             : cause_name(result->termination.cause);
        if (bytes_append_format(text, "Cause: %s", name) < 0 || append_cause_detail(text, result) < 0)
                return -1;
        return bytes_append_string(text, "\n");
}

static int append_timestamp(struct bytes *text, uint64_t realtime_ms)
{
        struct tm tm = utc_time(realtime_ms);
        char timestamp[32];
        strftime(timestamp, sizeof(timestamp), "%Y-%m-%d %H:%M:%S", &tm);
        return bytes_append_format(text, "Timestamp: %s\n" RULER, timestamp);
}

int summary_append(struct bytes *ret_text, const struct summary *s)
{
        int failed = bytes_append_format(
                        ret_text,
                        RULER "Execution Summary\n" RULER
                              "Agent ID: %s\nRisk Level: %s\nLanguage: %s\nCode File: %s\nExit Code: %d\nDuration: %" PRIu64 "s\n",
                        s->agent_id, risk_name(effective_risk(s)), s->language, s->code_file, summary_exit_status(s->result),
                        s->result->duration_ms / 1000);
        if (failed || append_cause(ret_text, s->result) < 0)
                return -1;
        return append_timestamp(ret_text, s->realtime_ms);
}

static int append_output(struct bytes *text, const struct bytes *output)
{
        if (output->size == 0)
                return 0;
        if (bytes_append(text, output->data, output->size) < 0)
                return -1;
        return output->data[output->size - 1] == '\n' ? 0 : bytes_append_string(text, "\n");
}

int summary_append_log(struct bytes *ret_text, const struct summary *s)
{
        if (append_output(ret_text, &s->result->stdout_data) < 0 || append_output(ret_text, &s->result->stderr_data) < 0)
                return -1;
        return summary_append(ret_text, s);
}

void summary_log_name(const struct summary *s, char ret_name[static SUMMARY_LOG_NAME_SIZE])
{
        char agent[FILE_NAME_SIZE];
        file_name_encode(span_of(s->agent_id), agent);
        struct tm tm = utc_time(s->realtime_ms);
        char timestamp[24];
        strftime(timestamp, sizeof(timestamp), "%Y%m%dT%H%M%S", &tm);
        snprintf(ret_name, SUMMARY_LOG_NAME_SIZE, "%s-risk_%.180s_%s.%03uZ.log", risk_name(effective_risk(s)), agent, timestamp,
                 (unsigned)(s->realtime_ms % 1000));
}

static int directory_make(const char *directory)
{
        char path[PATH_MAX];
        if ((size_t)snprintf(path, sizeof(path), "%s", directory) >= sizeof(path))
                return errno = ENAMETOOLONG, -1;
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return -1;
                *slash = '/';
        }
        return mkdir(path, 0750) < 0 && errno != EEXIST ? -1 : 0;
}

/* The first unused name; -1 with errno. */
static int file_create(const char *directory, const char *name, char ret_path[static PATH_MAX])
{
        const char *suffix = strrchr(name, '.');
        int stem = suffix ? (int)(suffix - name) : (int)strlen(name);
        for (unsigned n = 1; n <= LOG_NAMESAKES_MAX; n++) {
                char number[16] = "";
                if (n > 1)
                        snprintf(number, sizeof(number), "_%u", n);
                if (snprintf(ret_path, PATH_MAX, "%s/%.*s%s%s", directory, stem, name, number, suffix ? suffix : "") >= PATH_MAX)
                        return errno = ENAMETOOLONG, -1;
                int fd = open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
                if (fd >= 0 || errno != EEXIST)
                        return fd;
        }
        return -1;
}

static int write_all(int fd, struct span text)
{
        while (text.size > 0) {
                ssize_t n = write(fd, text.data, text.size);
                if (n < 0 && errno != EINTR)
                        return -1;
                if (n > 0)
                        text = (struct span){text.data + n, text.size - (size_t)n};
        }
        return 0;
}

int summary_log_write(const char *directory, const char *name, struct span text, char ret_path[static PATH_MAX], struct error *e)
{
        if (directory_make(directory) < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "make log directory %s", directory);
        int fd = file_create(directory, name, ret_path);
        if (fd < 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "make log file %s/%s", directory, name);
        int failed = write_all(fd, text) < 0 ? errno : 0;
        close(fd);
        if (failed)
                return error_set_sys(e, ERROR_SYSTEM, failed, "write log file %s", ret_path);
        return 0;
}
