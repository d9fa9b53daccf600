#include "worker/execution_log.h"

#include <stdlib.h>

struct execution_log {
        uv_work_t work;
        const struct log *log;
        const char *directory;
        char name[SUMMARY_LOG_NAME_SIZE];
        struct bytes text;
        struct error error;
};

static void write_file(uv_work_t *work)
{
        struct execution_log *file = work->data;
        char path[PATH_MAX];
        summary_log_write(file->directory, file->name, bytes_span(&file->text), path, &file->error);
}

static void file_free(struct execution_log *file)
{
        bytes_deinit(&file->text);
        free(file);
}

static void written(uv_work_t *work, int status)
{
        struct execution_log *file = work->data;
        (void)status;
        if (file->error.code)
                log_error(file->log, LOG_WARNING, "execution log not written", &file->error, NULL);
        file_free(file);
}

void execution_log_keep(uv_loop_t *loop, const struct log *log, const char *directory, const struct summary *summary)
{
        struct execution_log *file = calloc(1, sizeof(*file));
        if (!file)
                return;
        *file = (struct execution_log){.work.data = file, .log = log, .directory = directory};
        summary_log_name(summary, file->name);
        if (summary_append_log(&file->text, summary) < 0 || uv_queue_work(loop, &file->work, write_file, written) < 0)
                file_free(file);
}
