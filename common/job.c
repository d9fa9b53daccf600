#include "common/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"

static void free_texts(char **texts, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(texts[i]);
        free(texts);
}

void job_deinit(struct job *job)
{
        for (size_t i = 0; i < job->file_count; i++) {
                free(job->files[i].path);
                bytes_deinit(&job->files[i].content);
        }
        for (size_t i = 0; i < job->env_count; i++) {
                free(job->env[i].name);
                free(job->env[i].value);
        }
        free(job->files);
        free(job->env);
        free_texts(job->args, job->arg_count);
        free_texts(job->artifacts, job->artifact_count);
        free(job->agent_id);
        free(job->language);
        free(job->entrypoint);
        free(job->image);
        bytes_deinit(&job->code);
        bytes_deinit(&job->stdin_data);
        json_decref(job->metadata);
        *job = (struct job){0};
}

static json_t *texts_to_json(char *const *texts, size_t count)
{
        json_t *array = json_array();
        for (size_t i = 0; array && i < count; i++) {
                if (json_array_append_new(array, json_string(texts[i])) == 0)
                        continue;
                json_decref(array);
                array = NULL;
        }
        return array;
}

static json_t *file_to_json(const struct job_file *file)
{
        json_t *object = json_pack("{ss}", "path", file->path);
        if (object && json_set_data(object, "content", "encoding", bytes_span(&file->content)) == 0)
                return object;
        json_decref(object);
        return NULL;
}

static int set_files(json_t *object, const struct job *job)
{
        json_t *files = json_array();
        if (json_object_set_new(object, "files", files) < 0)
                return -1;
        for (size_t i = 0; i < job->file_count; i++) {
                if (json_array_append_new(files, file_to_json(&job->files[i])) < 0)
                        return -1;
        }
        return json_object_set_new(object, "entrypoint", json_string(job->entrypoint));
}

static int set_code(json_t *object, const struct job *job)
{
        const char *code = job->code.data ? (const char *)job->code.data : "";
        return job->has_code ? json_object_set_new(object, "code", json_stringn(code, job->code.size)) : set_files(object, job);
}

static int set_env(json_t *object, const struct job *job)
{
        json_t *env = json_object();
        if (json_object_set_new(object, "env", env) < 0)
                return -1;
        for (size_t i = 0; i < job->env_count; i++) {
                if (json_object_set_new(env, job->env[i].name, json_string(job->env[i].value)) < 0)
                        return -1;
        }
        return 0;
}

static int set_input(json_t *object, const struct job *job)
{
        int status = 0;
        if (job->arg_count)
                status |= json_object_set_new(object, "args", texts_to_json(job->args, job->arg_count));
        if (job->stdin_data.size)
                status |= json_object_set_new(object, "stdin", json_stringn((const char *)job->stdin_data.data, job->stdin_data.size));
        if (job->env_count)
                status |= set_env(object, job);
        return status;
}

static json_t *time_to_json(uint64_t realtime_ms)
{
        char text[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(realtime_ms, text);
        return json_string(text);
}

static int set_options(json_t *object, const struct job *job)
{
        int status = 0;
        if (job->has_risk)
                status |= json_object_set_new(object, "risk_level", json_string(risk_name(job->risk)));
        if (job->limits_named)
                status |= json_object_set_new(object, "limits", limits_to_json(&job->limits, job->limits_named));
        if (job->image)
                status |= json_object_set_new(object, "image", json_string(job->image));
        if (job->artifact_count)
                status |= json_object_set_new(object, "artifacts", texts_to_json(job->artifacts, job->artifact_count));
        if (job->on_limit == JOB_ON_LIMIT_DEFER)
                status |= json_object_set_new(object, "on_limit", json_string("defer"));
        if (job->expires_at_ms)
                status |= json_object_set_new(object, "expires_at", time_to_json(job->expires_at_ms));
        if (job->metadata)
                status |= json_object_set(object, "metadata", job->metadata);
        return status;
}

json_t *job_to_json(const struct job *job)
{
        json_t *object = json_pack("{ss ss ss}", "job_id", job->job_id, "agent_id", job->agent_id, "language", job->language);
        if (object && set_code(object, job) == 0 && set_input(object, job) == 0 && set_options(object, job) == 0)
                return object;
        json_decref(object);
        return NULL;
}
