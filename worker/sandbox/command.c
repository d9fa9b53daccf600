#include "worker/sandbox/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/init/frame.h"
#include "worker/sandbox/artifacts.h"
#include "worker/sandbox/code_folder.h"

enum {
        JOB_UMASK = 0022,
        TIMEOUT_GRACE_MS = 500, /* the worker's own timer comes first: it lifts the CPU quota before it orders the kill */
};

static const char *const environment[] = {"HOME=/work", "TMPDIR=/tmp", "LANG=C.UTF-8"};

int command_encode_data(struct bytes *ret_frames, int type, struct span payload)
{
        uint8_t header[FRAME_HEADER_BYTES];
        frame_header(header, (enum frame_type)type, payload.size);
        if (bytes_append(ret_frames, header, sizeof(header)) < 0)
                return -1;
        return payload.size ? bytes_append(ret_frames, payload.data, payload.size) : 0;
}

static int encode_text(struct bytes *ret_frames, enum frame_type type, const char *text)
{
        return command_encode_data(ret_frames, type, span_of(text));
}

int command_encode_deadline(struct bytes *ret_frames, uint64_t deadline_ms)
{
        uint8_t frame[FRAME_FIXED_MAX];
        return bytes_append(ret_frames, frame, frame_encode_keepalive(frame, &(struct frame_keepalive){deadline_ms}, 0));
}

static int encode_limits(struct bytes *ret_frames, const struct limits *limits)
{
        uint8_t frame[FRAME_FIXED_MAX];
        struct frame_limits message = {.output_bytes = limits->output_bytes, .timeout_ms = limits->timeout_ms + TIMEOUT_GRACE_MS};
        return bytes_append(ret_frames, frame, frame_encode_limits(frame, &message, 0));
}

/* What stands for a mark in a language's command or environment; the list ends with a NULL mark. */
struct filling {
        const char *mark;
        const char *value;
};

/* Appends `text` with the first mark that stands in it replaced. */
static int append_filled(struct bytes *ret_text, const char *text, const struct filling *fillings)
{
        for (const struct filling *f = fillings; f->mark; f++) {
                const char *found = strstr(text, f->mark);
                if (found)
                        return bytes_append_format(ret_text, "%.*s%s%s", (int)(found - text), text, f->value, found + strlen(f->mark));
        }
        return bytes_append_string(ret_text, text);
}

static int encode_filled(struct bytes *ret_frames, enum frame_type type, const char *text, const struct filling *fillings)
{
        struct bytes filled = {0};
        int result = append_filled(&filled, text, fillings);
        if (result == 0)
                result = command_encode_data(ret_frames, type, bytes_span(&filled));
        bytes_deinit(&filled);
        return result;
}

static bool is_fenced(const struct language *language, enum risk risk)
{
        return language->fence[0] && language->blocked[risk] && *language->blocked[risk];
}

/* The folder that `path` lies in, "." for that of all. */
static void folder_of(char *ret_folder, size_t size, const char *path)
{
        const char *slash = strrchr(path, '/');
        snprintf(ret_folder, size, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

static int encode_arguments(struct bytes *ret_frames, const struct job *job, const struct language *language, enum risk risk)
{
        const char *entry = job->has_code ? language->file : job->entrypoint;
        const char *program = language->compile[0] ? "/code/" COMMAND_PROGRAM : "/work/" COMMAND_PROGRAM;
        char file[FRAME_PATH_MAX + 8];
        char folder[FRAME_PATH_MAX + 8];
        const struct filling fillings[] = {{"{file}", file},
                                           {"{folder}", folder},
                                           {"{program}", program},
                                           {"{risk}", risk_name(risk)},
                                           {"{blocked}", language->blocked[risk]},
                                           {0}};
        char *const *command = is_fenced(language, risk) ? language->fence : language->command;
        snprintf(file, sizeof(file), "/code/%s", entry);
        folder_of(folder, sizeof(folder), entry);
        for (; *command; command++)
                if (encode_filled(ret_frames, FRAME_ARGUMENT, *command, fillings) < 0)
                        return -1;
        for (size_t i = 0; i < job->arg_count; i++)
                if (encode_text(ret_frames, FRAME_ARGUMENT, job->args[i]) < 0)
                        return -1;
        return 0;
}

static int encode_variable(struct bytes *ret_frames, const struct job_env *variable)
{
        struct bytes text = {0};
        int result = bytes_append_format(&text, "%s=%s", variable->name, variable->value);
        if (result == 0)
                result = command_encode_data(ret_frames, FRAME_ENVIRONMENT, bytes_span(&text));
        bytes_deinit(&text);
        return result;
}

/* Later ones replace earlier ones: ours, the language's, the job's. */
static int encode_environment(struct bytes *ret_frames, const struct job *job, const struct language *language, uint64_t cpu_millis)
{
        char cpus[24];
        const struct filling fillings[] = {{"{cpus}", cpus}, {0}};
        snprintf(cpus, sizeof(cpus), "%" PRIu64, (cpu_millis + 999) / 1000);
        for (size_t i = 0; i < sizeof(environment) / sizeof(*environment); i++)
                if (encode_text(ret_frames, FRAME_ENVIRONMENT, environment[i]) < 0)
                        return -1;
        for (size_t i = 0; language->env[i]; i++)
                if (encode_filled(ret_frames, FRAME_ENVIRONMENT, language->env[i], fillings) < 0)
                        return -1;
        for (size_t i = 0; i < job->env_count; i++)
                if (encode_variable(ret_frames, &job->env[i]) < 0)
                        return -1;
        return 0;
}

static int encode_artifacts(struct bytes *ret_frames, const struct job *job)
{
        uint8_t frame[FRAME_FIXED_MAX];
        size_t globs = 0;
        if (job->artifact_count == 0)
                return 0;
        for (size_t i = 0; i < job->artifact_count; i++)
                globs += strlen(job->artifacts[i]) + 1;
        struct frame_artifacts message = {ARTIFACT_FILES_MAX, ARTIFACT_BYTES_MAX, ARTIFACTS_BYTES_MAX};
        if (bytes_append(ret_frames, frame, frame_encode_artifacts(frame, &message, globs)) < 0)
                return -1;
        for (size_t i = 0; i < job->artifact_count; i++)
                if (bytes_append(ret_frames, job->artifacts[i], strlen(job->artifacts[i]) + 1) < 0)
                        return -1;
        return 0;
}

static int encode_command(struct bytes *ret_frames, bool fenced)
{
        static const char directory[] = "/work";
        uint8_t frame[FRAME_FIXED_MAX];
        struct frame_command message = {.umask = JOB_UMASK, .policy_pipe = fenced};
        if (bytes_append(ret_frames, frame, frame_encode_command(frame, &message, strlen(directory))) < 0)
                return -1;
        return bytes_append_string(ret_frames, directory);
}

int command_encode(struct bytes *ret_frames, const struct job *job, const struct language *language, enum risk risk,
                   const struct limits *limits, uint64_t deadline_ms, struct error *e)
{
        if (encode_limits(ret_frames, limits) < 0 || encode_arguments(ret_frames, job, language, risk) < 0 ||
            encode_environment(ret_frames, job, language, limits->cpu_millis) < 0 || encode_artifacts(ret_frames, job) < 0 ||
            (deadline_ms && command_encode_deadline(ret_frames, deadline_ms) < 0) ||
            encode_command(ret_frames, is_fenced(language, risk)) < 0)
                return error_set(e, ERROR_MEMORY, "no memory for the job's command");
        return 0;
}

/* Its name is that of what was compiled, or it lies in a folder of that name. */
static bool gives_way(const char *path)
{
        size_t size = strlen(COMMAND_PROGRAM);
        return strncmp(path, COMMAND_PROGRAM, size) == 0 && (path[size] == 0 || path[size] == '/');
}

int command_write_files(int folder, const struct job *job, const struct language *language, struct span program, struct error *e)
{
        if (program.size && code_folder_write(folder, COMMAND_PROGRAM, program, e) < 0)
                return -1;
        if (job->has_code)
                return code_folder_write(folder, language->file, bytes_span(&job->code), e);
        for (size_t i = 0; i < job->file_count; i++)
                if (!(program.size && gives_way(job->files[i].path)) &&
                    code_folder_write(folder, job->files[i].path, bytes_span(&job->files[i].content), e) < 0)
                        return -1;
        return 0;
}
