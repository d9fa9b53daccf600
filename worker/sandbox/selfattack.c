#include "worker/sandbox/selfattack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
        MEMORY_BYTES_MAX = 64 << 20, /* little, so that its end comes soon */
        PROCESSES_MAX = 16,
        TIMEOUT_MS = 20000,
        PROGRAM_BYTES_MAX = 1 << 20,
        NAMES_SIZE = 120,
};

static char program_name[] = "attack";
static char agent_name[] = "brig";

const struct language selfattack_language = {.name = program_name, .command = {"/code/attack"}};

/* --- the job --- */

static int read_whole(int file, struct bytes *ret_program)
{
        ssize_t size = bytes_reserve(ret_program, PROGRAM_BYTES_MAX) < 0 ? -1 : read(file, ret_program->data, PROGRAM_BYTES_MAX);
        if (size <= 0)
                return -1;
        ret_program->size = (size_t)size;
        return 0;
}

int selfattack_read_program(const char *init_path, struct bytes *ret_program, struct error *e)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.*s/brig-attack", (int)(strrchr(init_path, '/') - init_path), init_path);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        int result = file < 0 ? -1 : read_whole(file, ret_program);
        if (result < 0)
                error_set_sys(e, ERROR_CONFIG, errno, "read %.150s, which lies beside brig-init", path);
        if (file >= 0)
                close(file);
        return result;
}

static struct limits limits_for(const struct profile *profile)
{
        struct limits limits = profile->limits;
        limits.timeout_ms = TIMEOUT_MS;
        if (limits.memory_bytes > MEMORY_BYTES_MAX)
                limits.memory_bytes = MEMORY_BYTES_MAX;
        if (limits.processes > PROCESSES_MAX)
                limits.processes = PROCESSES_MAX;
        return limits;
}

void selfattack_prepare(struct selfattack *attack, const struct config *config, enum risk risk, const char *image_id,
                        const struct bytes *program, struct slot_want *ret_want)
{
        attack->verdict = SELFATTACK_RUNNING;
        attack->error = (struct error){0};
        attack->file = (struct job_file){.path = program_name, .content = *program};
        attack->arguments[0] = (char *)risk_name(risk);
        attack->job = (struct job){.agent_id = agent_name,
                                   .language = program_name,
                                   .files = &attack->file,
                                   .file_count = 1,
                                   .entrypoint = program_name,
                                   .args = attack->arguments,
                                   .arg_count = 1};
        uuid_make(attack->job.job_id);
        attack->run = (struct sandbox_run){.job = &attack->job, .risk = risk, .attempt = 1};
        *ret_want = (struct slot_want){.profile = config->profiles[risk], .limits = limits_for(&config->profiles[risk])};
        snprintf(ret_want->image_id, sizeof(ret_want->image_id), "%s", image_id);
}

/* --- the verdict --- */

/* The names of what went through, with commas; "" when nothing did. */
static void list_escapes(const char *text, char ret_names[static NAMES_SIZE])
{
        static const char mark[] = "escaped ";
        size_t size = 0;
        ret_names[0] = 0;
        for (const char *found = strstr(text, mark); found && size < NAMES_SIZE; found = strstr(found + 1, mark)) {
                const char *name = found + strlen(mark);
                size += (size_t)snprintf(ret_names + size, NAMES_SIZE - size, "%s%.*s", size ? ", " : "", (int)strcspn(name, "\n"), name);
        }
}

static const char *output_of(const struct result *result)
{
        return result->stdout_data.data ? (const char *)result->stdout_data.data : "";
}

/* An end that says nothing of the walls. */
static bool came_to_nothing(const struct result *result)
{
        enum cause cause = result->termination.cause;
        return cause == CAUSE_INFRASTRUCTURE || cause == CAUSE_WALL_TIMEOUT || cause == CAUSE_CANCELLED;
}

static enum selfattack_verdict judge_end(const struct result *result, struct error *e)
{
        const char *level = risk_name(result->risk), *cause = cause_name(result->termination.cause);
        if (result->termination.cause == CAUSE_MEMORY && strstr(output_of(result), "tried "))
                return SELFATTACK_HELD;
        if (came_to_nothing(result)) {
                error_set(e, ERROR_SANDBOX, "level %s is not offered yet: brig's own attack on it ended by %s", level, cause);
                return SELFATTACK_DUE;
        }
        error_set(e, ERROR_SANDBOX, "level %s is not offered: brig's own attack on it ended by %s, not by its memory limit", level, cause);
        return SELFATTACK_FAILED;
}

void selfattack_judge(struct selfattack *attack, const struct result *result, const struct error *between)
{
        char names[NAMES_SIZE];
        if (!result) {
                attack->verdict = SELFATTACK_DUE;
                attack->error = *between;
                return;
        }
        list_escapes(output_of(result), names);
        if (!names[0]) {
                attack->verdict = judge_end(result, &attack->error);
                return;
        }
        attack->verdict = SELFATTACK_FAILED;
        error_set(&attack->error, ERROR_SANDBOX, "level %s is not offered: an escape went through: %s", risk_name(result->risk), names);
}
