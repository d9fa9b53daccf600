#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/job_path.h"
#include "common/job_reader.h"
#include "common/json.h"

enum { IMAGE_BYTES_MAX = 255 };

/* Characters of valid UTF-8 text, and whether a control character is among them. */
static size_t count_characters(struct span text, bool *ret_control)
{
        size_t count = 0;
        *ret_control = false;
        for (size_t i = 0; i < text.size; i++) {
                uint8_t byte = text.data[i];
                bool c1 = byte == 0xC2 && i + 1 < text.size && text.data[i + 1] < 0xA0;
                *ret_control |= byte < 0x20 || byte == 0x7F || c1;
                count += (byte & 0xC0) != 0x80;
        }
        return count;
}

static const char *agent_id_fault(struct span text)
{
        bool control;
        size_t characters = count_characters(text, &control);
        if (characters < 1 || characters > JOB_AGENT_ID_MAX)
                return "must have 1 to 128 characters";
        return control ? "must not hold a control character" : NULL;
}

static int read_job_id(struct job_reader *reader, const char *key, const json_t *value)
{
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        if (!uuid_valid(text))
                return reader_fail_value(reader, key, json_string_value(value), "must be a UUID");
        memcpy(reader->job->job_id, text.data, UUID_TEXT_SIZE);
        return 0;
}

static int read_agent_id(struct job_reader *reader, const char *key, const json_t *value)
{
        if (reader_copy_text(reader, key, value, &reader->job->agent_id) < 0)
                return -1;
        const char *fault = agent_id_fault(span_of(reader->job->agent_id));
        return fault ? reader_fail_value(reader, key, NULL, fault) : 0;
}

static int read_language(struct job_reader *reader, const char *key, const json_t *value)
{
        if (reader_copy_text(reader, key, value, &reader->job->language) < 0)
                return -1;
        for (size_t i = 0; i < reader->bounds->language_count; i++) {
                if (strcmp(reader->bounds->languages[i], reader->job->language) == 0)
                        return 0;
        }
        return reader_fail_name(reader, key, reader->job->language, reader->bounds->languages, reader->bounds->language_count);
}

static int copy_data(struct job_reader *reader, const char *key, const json_t *value, struct bytes *ret_data)
{
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        return bytes_append(ret_data, text.data, text.size) < 0 ? reader_fail_memory(reader) : 0;
}

static int read_code(struct job_reader *reader, const char *key, const json_t *value)
{
        reader->job->has_code = true;
        return copy_data(reader, key, value, &reader->job->code);
}

static int read_stdin(struct job_reader *reader, const char *key, const json_t *value)
{
        return copy_data(reader, key, value, &reader->job->stdin_data);
}

static int read_entrypoint(struct job_reader *reader, const char *key, const json_t *value)
{
        return reader_copy_text(reader, key, value, &reader->job->entrypoint);
}

static int check_arg(struct job_reader *reader, const char *key, struct span text)
{
        return text.size > JOB_ARG_BYTES_MAX ? reader_fail_above(reader, key, JOB_ARG_BYTES_MAX, text.size, "bytes") : 0;
}

static int read_args(struct job_reader *reader, const char *key, const json_t *value)
{
        return reader_copy_texts(reader, key, value, JOB_ARGS_MAX, check_arg, &reader->job->args, &reader->job->arg_count);
}

static bool env_name_valid(const char *name)
{
        bool valid = isalpha((unsigned char)*name) || *name == '_';
        for (; valid && *name; name++)
                valid = isalnum((unsigned char)*name) || *name == '_';
        return valid;
}

static int read_env_member(struct job_reader *reader, const char *key, const char *name, const json_t *value)
{
        struct job_env *env = &reader->job->env[reader->job->env_count++];
        if (!env_name_valid(name))
                return reader_fail_value(reader, key, name, "must be a name of the form [A-Za-z_][A-Za-z0-9_]*");
        env->name = strdup(name);
        if (!env->name)
                return reader_fail_memory(reader);
        if (reader_copy_text(reader, key, value, &env->value) < 0)
                return -1;
        size_t size = strlen(name) + 1 + strlen(env->value);
        return size > JOB_ARG_BYTES_MAX ? reader_fail_above(reader, key, JOB_ARG_BYTES_MAX, size, "bytes") : 0;
}

static int read_env(struct job_reader *reader, const char *key, const json_t *value)
{
        const char *name;
        json_t *member;
        if (!json_is_object(value))
                return reader_fail_type(reader, key, "an object", value);
        if (json_object_size(value) > JOB_ENV_MAX)
                return reader_fail_above(reader, key, JOB_ENV_MAX, json_object_size(value), "members");
        reader->job->env = calloc(json_object_size(value) + 1, sizeof *reader->job->env);
        if (!reader->job->env)
                return reader_fail_memory(reader);
        json_object_foreach((json_t *)(uintptr_t)value, name, member)
        {
                char member_key[sizeof reader->rejection->key];
                snprintf(member_key, sizeof member_key, "%s.%s", key, name);
                utf8_trim(member_key);
                if (read_env_member(reader, member_key, name, member) < 0)
                        return -1;
        }
        return 0;
}

static int read_risk(struct job_reader *reader, const char *key, const json_t *value)
{
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        reader->job->has_risk = risk_parse(text, &reader->job->risk);
        return reader->job->has_risk ? 0 : reader_fail_name(reader, key, json_string_value(value), risk_names, RISK_COUNT);
}

static int read_image(struct job_reader *reader, const char *key, const json_t *value)
{
        if (reader_copy_text(reader, key, value, &reader->job->image) < 0)
                return -1;
        const char *image = reader->job->image;
        size_t size = strlen(image), plain = strspn(image, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@");
        if (size < 1 || size > IMAGE_BYTES_MAX || plain < size || !isalnum((unsigned char)*image))
                return reader_fail_value(reader, key, image, "must be the name of an image");
        return 0;
}

static int check_glob(struct job_reader *reader, const char *key, struct span text)
{
        const char *fault = job_path_fault(text);
        return fault ? reader_fail_value(reader, key, (const char *)text.data, fault) : 0;
}

static int read_artifacts(struct job_reader *reader, const char *key, const json_t *value)
{
        return reader_copy_texts(reader, key, value, JOB_ARTIFACTS_MAX, check_glob, &reader->job->artifacts, &reader->job->artifact_count);
}

static int read_on_limit(struct job_reader *reader, const char *key, const json_t *value)
{
        static const char *const known[] = {[JOB_ON_LIMIT_REJECT] = "reject", [JOB_ON_LIMIT_DEFER] = "defer"};
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        if (!span_equal(text, span_of(known[0])) && !span_equal(text, span_of(known[1])))
                return reader_fail_name(reader, key, json_string_value(value), known, 2);
        reader->job->on_limit = span_equal(text, span_of(known[1])) ? JOB_ON_LIMIT_DEFER : JOB_ON_LIMIT_REJECT;
        return 0;
}

static int read_expires_at(struct job_reader *reader, const char *key, const json_t *value)
{
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        if (clock_parse_rfc3339(json_string_value(value), &reader->job->expires_at_ms) == 0 && reader->job->expires_at_ms)
                return 0;
        return reader_fail_value(reader, key, json_string_value(value), "must be an RFC 3339 time such as 2026-01-10T02:27:34Z");
}

static int read_metadata(struct job_reader *reader, const char *key, const json_t *value)
{
        struct bytes text = {0};
        if (!json_is_object(value))
                return reader_fail_type(reader, key, "an object", value);
        int status = json_document_append(value, &text) < 0 ? reader_fail_memory(reader) : 0;
        if (text.size > JOB_METADATA_BYTES_MAX)
                status = reader_fail_above(reader, key, JOB_METADATA_BYTES_MAX, text.size, "bytes");
        bytes_deinit(&text);
        if (status == 0)
                reader->job->metadata = json_incref((json_t *)(uintptr_t)value);
        return status;
}

static const struct job_key job_keys[] = {
                {"job_id", read_job_id},       {"agent_id", read_agent_id}, {"language", read_language},
                {"code", read_code},           {"files", job_read_files},   {"entrypoint", read_entrypoint},
                {"args", read_args},           {"stdin", read_stdin},       {"env", read_env},
                {"risk_level", read_risk},     {"limits", job_read_limits}, {"image", read_image},
                {"artifacts", read_artifacts}, {"on_limit", read_on_limit}, {"expires_at", read_expires_at},
                {"metadata", read_metadata},
};

static int check_entrypoint(struct job_reader *reader)
{
        const struct job *job = reader->job;
        if (!job->entrypoint)
                return reader_fail_missing(reader, "entrypoint", ": one of files[].path");
        for (size_t i = 0; i < job->file_count; i++) {
                if (strcmp(job->files[i].path, job->entrypoint) == 0)
                        return 0;
        }
        return reader_fail_value(reader, "entrypoint", job->entrypoint, "must be one of files[].path");
}

static int check_arguments(struct job_reader *reader)
{
        size_t total = 0;
        for (size_t i = 0; i < reader->job->arg_count; i++)
                total += strlen(reader->job->args[i]) + 1;
        for (size_t i = 0; i < reader->job->env_count; i++)
                total += strlen(reader->job->env[i].name) + strlen(reader->job->env[i].value) + 2;
        return total > JOB_ARGS_ENV_BYTES_MAX ? reader_fail_above(reader, "args", JOB_ARGS_ENV_BYTES_MAX, total, "bytes together with env")
                                              : 0;
}

/* What no single key shows: what is missing, and what does not go together. */
static int check_whole(struct job_reader *reader)
{
        const struct job *job = reader->job;
        if (!*job->job_id)
                return reader_fail_missing(reader, "job_id", "");
        if (!job->agent_id)
                return reader_fail_missing(reader, "agent_id", "");
        if (!job->language)
                return reader_fail_missing(reader, "language", "");
        if (job->has_code && job->files)
                return reader_fail_value(reader, "files", NULL, "cannot stand beside code");
        if (job->has_code && job->entrypoint)
                return reader_fail_value(reader, "entrypoint", job->entrypoint, "cannot stand beside code");
        if (!job->has_code && !job->files)
                return reader_fail_missing(reader, "code", ": a job needs code, or files and entrypoint");
        if (job->files && check_entrypoint(reader) < 0)
                return -1;
        return check_arguments(reader);
}

static void read_ids(const json_t *object, char *ret_job_id, char *ret_agent_id)
{
        const json_t *job_id = json_object_get(object, "job_id"), *agent_id = json_object_get(object, "agent_id");
        if (json_is_string(job_id) && uuid_valid((struct span){(const uint8_t *)json_string_value(job_id), json_string_length(job_id)}))
                memcpy(ret_job_id, json_string_value(job_id), UUID_TEXT_SIZE);
        struct span agent = {(const uint8_t *)json_string_value(agent_id), json_string_length(agent_id)};
        if (json_is_string(agent_id) && !memchr(agent.data, 0, agent.size) && !agent_id_fault(agent))
                memcpy(ret_agent_id, agent.data, agent.size + 1);
}

/* So that even a record with a doubled key or a number too large can be answered. */
static void read_ids_leniently(struct span record, char *ret_job_id, char *ret_agent_id)
{
        json_t *object = json_loadb((const char *)record.data, record.size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
        read_ids(object, ret_job_id, ret_agent_id);
        json_decref(object);
}

static int reject_document(struct job_reader *reader, const char *path, const struct error *e)
{
        if (e->code == ERROR_MEMORY)
                return reader_fail_memory(reader);
        return rejection_set(reader->rejection, REJECTION_INVALID, path, NULL, NULL, "%s", e->text);
}

static int read_record(struct job_reader *reader, const json_t *object)
{
        if (!json_is_object(object))
                return reader_fail_type(reader, "", "an object", object);
        if (reader_read_object(reader, "", object, job_keys, sizeof job_keys / sizeof *job_keys) < 0)
                return -1;
        return check_whole(reader);
}

int job_parse(struct span record, const struct job_bounds *bounds, struct job *ret_job, struct rejection *ret_rejection,
              char ret_job_id[static UUID_TEXT_SIZE], char ret_agent_id[static 4 * JOB_AGENT_ID_MAX + 1])
{
        struct job_reader reader = {bounds, ret_job, ret_rejection};
        char path[JSON_PATH_SIZE];
        struct error e;
        *ret_job = (struct job){0};
        *ret_rejection = (struct rejection){0};
        *ret_job_id = *ret_agent_id = 0;
        if (record.size > JOB_RECORD_BYTES_MAX)
                return reader_fail_above(&reader, "", JOB_RECORD_BYTES_MAX, record.size, "bytes");
        json_t *object = json_document_parse_where(record, path, &e);
        if (!object) {
                read_ids_leniently(record, ret_job_id, ret_agent_id);
                return reject_document(&reader, path, &e);
        }
        read_ids(object, ret_job_id, ret_agent_id);
        int status = read_record(&reader, object);
        json_decref(object);
        if (status < 0)
                job_deinit(ret_job);
        return status;
}
