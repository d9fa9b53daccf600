/* What `brig run` and `brig submit` are told about a job, and the job record made of it. */
#ifndef BRIG_CLI_JOB_OPTIONS_H
#define BRIG_CLI_JOB_OPTIONS_H

#include <limits.h>

#include "clients/cli/options.h"
#include "common/bytes.h"
#include "common/config.h"
#include "common/error.h"

enum { JOB_OPTIONS_NAME_SIZE = 64 };

struct job_options { /* as on the command line; NULL: not given */
        const char *risk_level, *language, *code, *agent_id, *image;
        const char *timeout, *memory, *cpus, *cpu_time, *processes, *output;
        const char *stdin_file, *metadata, *job_file, *config_file;
        const char *on_limit, *expires; /* submit */
        struct option_list env, artifacts;
};

#define JOB_OPTION(S, name, kind, field, argument, help)                                                                                   \
        {                                                                                                                                  \
                name, kind, offsetof(S, job.field), argument, help                                                                         \
        }

/* The rows of a command whose options are a struct S with a member `job`. */
#define JOB_OPTION_ROWS(S)                                                                                                                 \
        JOB_OPTION(S, "code", OPTION_TEXT, code, "FILE", "the program; - reads it from standard input"),                                   \
                        JOB_OPTION(S, "language", OPTION_TEXT, language, "NAME", "python, node, bash …; default: by the file's ending"),   \
                        JOB_OPTION(S, "risk-level", OPTION_TEXT, risk_level, "LEVEL", "low, medium or high; findings may raise it"),       \
                        JOB_OPTION(S, "agent-id", OPTION_TEXT, agent_id, "ID", "on whose behalf; default: your user name"),                \
                        JOB_OPTION(S, "timeout", OPTION_TEXT, timeout, "TIME", "wall time: 180 (seconds), 2m, 500ms"),                     \
                        JOB_OPTION(S, "memory", OPTION_TEXT, memory, "SIZE", "512m, 1g or bytes; temporary files count"),                  \
                        JOB_OPTION(S, "cpu", OPTION_TEXT, cpus, "CPUS", "share of CPUs, 0.5 is half of one"),                              \
                        JOB_OPTION(S, "cpu-time", OPTION_TEXT, cpu_time, "TIME", "CPU time of all its processes"),                         \
                        JOB_OPTION(S, "processes", OPTION_TEXT, processes, "N", "processes and threads at once"),                          \
                        JOB_OPTION(S, "output", OPTION_TEXT, output, "SIZE", "bytes of output, each stream"),                              \
                        JOB_OPTION(S, "env", OPTION_LIST, env, "NAME=VALUE", "an environment variable; may be repeated"),                  \
                        JOB_OPTION(S, "stdin", OPTION_TEXT, stdin_file, "FILE", "the program's standard input; default: empty"),           \
                        JOB_OPTION(S, "image", OPTION_TEXT, image, "IMAGE", "container image; default: the language's"),                   \
                        JOB_OPTION(S, "artifact", OPTION_LIST, artifacts, "GLOB", "keep these files of /work; may be repeated"),           \
                        JOB_OPTION(S, "metadata", OPTION_TEXT, metadata, "JSON", "an object that comes back in the record"),               \
                        JOB_OPTION(S, "job", OPTION_TEXT, job_file, "FILE", "a whole job record instead; - reads standard input"),         \
                        JOB_OPTION(S, "config", OPTION_TEXT, config_file, "FILE", "configuration instead of the usual one")

/* The job record, JSON, appended: that of --job as it stands, or one made of the options, with a new job id. Operands are the program's
 * arguments; without --code and --job the first names the program. 0, or -1: ERROR_USAGE, ERROR_INVALID. Only the form of values is judged
 * here, their bounds are job_parse's matter. */
int job_options_record(const struct job_options *options, const struct operands *operands, const struct config *config,
                       struct bytes *ret_record, struct error *e);

/* What a summary calls the program: its file's name. Borrowed. */
const char *job_options_code_name(const struct job_options *options, const struct operands *operands);

#endif
