#include "clients/cli/job_options.h"

#include <jansson.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/input.h"
#include "common/clock.h"
#include "common/encoding.h"
#include "common/json.h"
#include "common/nearest.h"

static int no_memory(struct error *e)
{
        return error_set(e, ERROR_MEMORY, "out of memory");
}

static int put(json_t *object, const char *key, json_t *value_take, struct error *e)
{
        return json_object_set_new(object, key, value_take) < 0 ? no_memory(e) : 0;
}

static int put_text(json_t *object, const char *key, const char *value, struct error *e)
{
        if (!value)
                return 0;
        if (!utf8_valid(span_of(value)))
                return error_set(e, ERROR_INVALID, "%.60s: is not UTF-8", key);
        return put(object, key, json_string(value), e);
}

static int put_list(json_t *object, const char *key, const char *const *items, size_t count, struct error *e)
{
        if (count == 0)
                return 0;
        json_t *array = json_array();
        if (put(object, key, array, e) < 0)
                return -1;
        for (size_t i = 0; i < count; i++) {
                if (!utf8_valid(span_of(items[i])))
                        return error_set(e, ERROR_INVALID, "%s: the %zuth is not UTF-8", key, i + 1);
                if (json_array_append_new(array, json_string(items[i])) < 0)
                        return no_memory(e);
        }
        return 0;
}

static int put_env(json_t *record, const struct option_list *env, struct error *e)
{
        if (env->count == 0)
                return 0;
        json_t *object = json_object();
        if (put(record, "env", object, e) < 0)
                return -1;
        for (size_t i = 0; i < env->count; i++) {
                const char *equals = strchr(env->items[i], '=');
                if (!equals)
                        return error_set(e, ERROR_USAGE, "--env: '%.60s' is not NAME=VALUE", env->items[i]);
                char *name = strndup(env->items[i], (size_t)(equals - env->items[i]));
                int failed = name ? put_text(object, name, equals + 1, e) : no_memory(e);
                free(name);
                if (failed)
                        return -1;
        }
        return 0;
}

/* How the text of a limit is read, and what it is in the record. */
struct limit_row {
        const char *option;
        const char *key;
        size_t offset; /* of the text in struct job_options */
        int (*parse)(struct span text, uint64_t *ret_value);
        const char *form;
};

static int parse_number(struct span text, uint64_t *ret_value)
{
        return span_to_u64(text, ret_value) ? 0 : -1;
}

static const struct limit_row LIMIT_ROWS[] = {
                {"timeout", "timeout_ms", offsetof(struct job_options, timeout), config_parse_duration, "180, 2m, 1h or 250ms"},
                {"cpu-time", "cpu_ms", offsetof(struct job_options, cpu_time), config_parse_duration, "10, 2m or 250ms"},
                {"memory", "memory_bytes", offsetof(struct job_options, memory), config_parse_bytes, "512m, 1g or bytes"},
                {"cpu", "cpus", offsetof(struct job_options, cpus), config_parse_thousandths, "0.5 or 2"},
                {"processes", "processes", offsetof(struct job_options, processes), parse_number, "20"},
                {"output", "output_bytes", offsetof(struct job_options, output), config_parse_bytes, "64k or bytes"},
};

static json_t *limit_value(const struct limit_row *row, uint64_t value)
{
        return row->parse == config_parse_thousandths ? json_real((double)value / 1000.0) : json_integer((json_int_t)value);
}

static int put_limit(json_t *limits, const struct limit_row *row, const char *text, struct error *e)
{
        uint64_t value;
        if (!text)
                return 0;
        if (row->parse(span_of(text), &value) < 0 || value > INT64_MAX)
                return error_set(e, ERROR_USAGE, "--%s: cannot read '%.60s'; write %s", row->option, text, row->form);
        return put(limits, row->key, limit_value(row, value), e);
}

static int put_limits(json_t *record, const struct job_options *o, struct error *e)
{
        json_t *limits = json_object();
        if (put(record, "limits", limits, e) < 0)
                return -1;
        for (size_t i = 0; i < sizeof LIMIT_ROWS / sizeof *LIMIT_ROWS; i++)
                if (put_limit(limits, &LIMIT_ROWS[i], *(const char *const *)((const char *)o + LIMIT_ROWS[i].offset), e) < 0)
                        return -1;
        if (json_object_size(limits) == 0)
                json_object_del(record, "limits");
        return 0;
}

static const char *file_ending(const char *path)
{
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        const char *dot = strrchr(name, '.');
        return dot && dot != name ? dot : NULL;
}

static const char *language_of_file(const struct config *config, const char *path)
{
        const char *ending = file_ending(path);
        for (size_t i = 0; ending && i < config->language_count; i++) {
                const char *known = file_ending(config->languages[i].file);
                if (known && strcmp(known, ending) == 0)
                        return config->languages[i].name;
        }
        return NULL;
}

static int put_language(json_t *record, const struct job_options *o, const struct config *config, const char *code, struct error *e)
{
        const char *language = o->language ? o->language : language_of_file(config, code);
        if (!language)
                return error_set(e, ERROR_USAGE, "cannot tell the language of '%.100s' from its name; give it with --language", code);
        return put_text(record, "language", language, e);
}

static bool is_text(struct span data)
{
        return data.size == 0 || (utf8_valid(data) && !memchr(data.data, 0, data.size));
}

static json_t *text_of(struct span data)
{
        return json_stringn(data.size ? (const char *)data.data : "", data.size);
}

/* Text is `code`; what no JSON string can carry goes as the one file of the job. */
static int put_code(json_t *record, struct span code, const char *file, struct error *e)
{
        if (is_text(code))
                return put(record, "code", text_of(code), e);
        json_t *entry = json_object(), *files = json_array();
        if (put(record, "files", files, e) < 0 || json_array_append_new(files, entry) < 0)
                return no_memory(e);
        if (put_text(entry, "path", file, e) < 0 || json_set_data(entry, "content", "encoding", code) < 0)
                return no_memory(e);
        return put_text(record, "entrypoint", file, e);
}

static int put_program(json_t *record, const struct job_options *o, const struct config *config, const char *path, struct error *e)
{
        struct bytes code = {0};
        int failed = put_language(record, o, config, path, e) < 0 || input_read(path, &code, e) < 0;
        if (!failed) {
                const struct language *language = config_language(config, json_string_value(json_object_get(record, "language")));
                failed = put_code(record, bytes_span(&code), language ? language->file : "program", e);
        }
        bytes_deinit(&code);
        return failed ? -1 : 0;
}

static int put_stdin(json_t *record, const char *path, struct error *e)
{
        struct bytes data = {0};
        if (!path)
                return 0;
        int failed = input_read(path, &data, e);
        if (!failed && !is_text(bytes_span(&data)))
                failed = error_set(e, ERROR_INVALID, "--stdin %.100s: is not text (UTF-8 without NUL), which a job's standard input is",
                                   path);
        if (!failed)
                failed = put(record, "stdin", text_of(bytes_span(&data)), e);
        bytes_deinit(&data);
        return failed;
}

static int put_metadata(json_t *record, const char *text, struct error *e)
{
        if (!text)
                return 0;
        json_t *value = json_document_parse(span_of(text), e);
        return value ? put(record, "metadata", value, e) : error_wrap(e, "--metadata");
}

static int put_expiry(json_t *record, const char *text, struct error *e)
{
        uint64_t life_ms;
        char time[CLOCK_RFC3339_SIZE];
        if (!text)
                return 0;
        if (config_parse_duration(span_of(text), &life_ms) < 0)
                return error_set(e, ERROR_USAGE, "--expires: cannot read '%.60s'; write 10m or 1h", text);
        clock_format_rfc3339(clock_realtime_ms(&clock_system) + life_ms, time);
        return put_text(record, "expires_at", time, e);
}

static void user_name(char ret_name[static JOB_OPTIONS_NAME_SIZE])
{
        const struct passwd *user = getpwuid(getuid());
        const char *name = user && utf8_valid(span_of(user->pw_name)) ? user->pw_name : "local";
        snprintf(ret_name, JOB_OPTIONS_NAME_SIZE, "%.*s", (int)utf8_cut(span_of(name), JOB_OPTIONS_NAME_SIZE - 1), name);
}

static int put_names(json_t *record, const struct job_options *o, struct error *e)
{
        char job_id[UUID_TEXT_SIZE], user[JOB_OPTIONS_NAME_SIZE];
        uuid_make(job_id);
        user_name(user);
        return put_text(record, "job_id", job_id, e) < 0 || put_text(record, "agent_id", o->agent_id ? o->agent_id : user, e) < 0 ||
                                               put_text(record, "risk_level", o->risk_level, e) < 0 ||
                                               put_text(record, "image", o->image, e) < 0 ||
                                               put_text(record, "on_limit", o->on_limit, e) < 0
                               ? -1
                               : 0;
}

static const char *program_path(const struct job_options *o, const struct operands *operands)
{
        return o->code ? o->code : operands->count > 0 ? operands->items[0] : NULL;
}

static int fill_record(json_t *record, const struct job_options *o, const struct operands *operands, const struct config *config,
                       struct error *e)
{
        size_t first_argument = o->code ? 0 : 1;
        const char *path = program_path(o, operands);
        if (o->stdin_file && strcmp(o->stdin_file, "-") == 0 && strcmp(path, "-") == 0)
                return error_set(e, ERROR_USAGE, "--code and --stdin cannot both be standard input");
        if (put_names(record, o, e) < 0 || put_program(record, o, config, path, e) < 0)
                return -1;
        if (put_list(record, "args", (const char *const *)operands->items + first_argument, operands->count - first_argument, e) < 0)
                return -1;
        if (put_stdin(record, o->stdin_file, e) < 0 || put_env(record, &o->env, e) < 0 || put_limits(record, o, e) < 0)
                return -1;
        if (put_list(record, "artifacts", o->artifacts.items, o->artifacts.count, e) < 0 || put_metadata(record, o->metadata, e) < 0)
                return -1;
        return put_expiry(record, o->expires, e);
}

/* Whether an option says something that a whole record says itself. */
static bool describes_job(const struct job_options *o, const struct operands *operands)
{
        return o->risk_level || o->language || o->code || o->agent_id || o->image || o->timeout || o->memory || o->cpus || o->cpu_time ||
               o->processes || o->output || o->stdin_file || o->metadata || o->on_limit || o->expires || o->env.count ||
               o->artifacts.count || operands->count;
}

int job_options_record(const struct job_options *o, const struct operands *operands, const struct config *config, struct bytes *ret_record,
                       struct error *e)
{
        if (o->job_file && describes_job(o, operands))
                return error_set(e, ERROR_USAGE, "--job is a whole record; options about the job belong into it");
        if (o->job_file)
                return input_read(o->job_file, ret_record, e);
        if (!program_path(o, operands))
                return error_set(e, ERROR_USAGE, "nothing to run; give --code FILE or --job FILE");
        json_t *record = json_object();
        int failed = record ? fill_record(record, o, operands, config, e) : no_memory(e);
        if (!failed && json_document_append(record, ret_record) < 0)
                failed = no_memory(e);
        json_decref(record);
        return failed;
}

const char *job_options_code_name(const struct job_options *o, const struct operands *operands)
{
        const char *path = o->job_file ? o->job_file : program_path(o, operands);
        return !path || strcmp(path, "-") == 0 ? "(standard input)" : path;
}
