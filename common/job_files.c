#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/job_path.h"
#include "common/job_reader.h"
#include "common/json.h"

/* files[] being read: the element is the last of the job's. */
static struct job_file *last_file(struct job_reader *reader)
{
        return &reader->job->files[reader->job->file_count - 1];
}

static int read_path(struct job_reader *reader, const char *key, const json_t *value)
{
        struct job_file *file = last_file(reader);
        if (reader_copy_text(reader, key, value, &file->path) < 0)
                return -1;
        const char *fault = job_path_fault(span_of(file->path));
        return fault ? reader_fail_value(reader, key, file->path, fault) : 0;
}

/* Content and its encoding are read together, once both are known to be strings. */
static int read_string(struct job_reader *reader, const char *key, const json_t *value)
{
        struct span text;
        return reader_get_text(reader, key, value, &text);
}

static int read_encoding(struct job_reader *reader, const char *key, const json_t *value)
{
        static const char *const known[] = {"utf-8", "base64"};
        struct span text;
        if (reader_get_text(reader, key, value, &text) < 0)
                return -1;
        if (span_equal(text, span_of(known[0])) || span_equal(text, span_of(known[1])))
                return 0;
        return reader_fail_name(reader, key, json_string_value(value), known, 2);
}

static const struct job_key file_keys[] = {{"path", read_path}, {"content", read_string}, {"encoding", read_encoding}};

static int read_content(struct job_reader *reader, const char *prefix, const json_t *value)
{
        char key[64];
        const char *text = json_string_value(json_object_get(value, "content"));
        snprintf(key, sizeof key, "%scontent", prefix);
        if (!text)
                return reader_fail_missing(reader, key, "");
        if (json_get_data(value, "content", "encoding", &last_file(reader)->content) == 0)
                return 0;
        bool encoded = json_object_get(value, "encoding") != NULL; /* with "utf-8" nothing but memory can be missing */
        return !encoded || base64_valid(span_of(text)) ? reader_fail_memory(reader) : reader_fail_value(reader, key, NULL, "is not base64");
}

static int read_file(struct job_reader *reader, const char *key, const json_t *value)
{
        char prefix[64], path_key[64];
        if (!json_is_object(value))
                return reader_fail_type(reader, key, "an object", value);
        snprintf(prefix, sizeof prefix, "%s.", key);
        snprintf(path_key, sizeof path_key, "%s.path", key);
        if (reader_read_object(reader, prefix, value, file_keys, sizeof file_keys / sizeof *file_keys) < 0)
                return -1;
        if (!last_file(reader)->path)
                return reader_fail_missing(reader, path_key, "");
        const char *clash = job_path_clash(reader->job->files, reader->job->file_count - 1);
        if (clash)
                return reader_fail_value(reader, path_key, last_file(reader)->path, clash);
        return read_content(reader, prefix, value);
}

int job_read_files(struct job_reader *reader, const char *key, const json_t *value)
{
        size_t count = json_array_size(value);
        if (!json_is_array(value))
                return reader_fail_type(reader, key, "an array", value);
        if (count == 0)
                return reader_fail_value(reader, key, "0", "must have at least one file");
        if (count > JOB_FILES_MAX)
                return reader_fail_above(reader, key, JOB_FILES_MAX, count, "elements");
        reader->job->files = calloc(count, sizeof *reader->job->files);
        if (!reader->job->files)
                return reader_fail_memory(reader);
        for (size_t i = 0; i < count; i++) {
                char element[32];
                reader->job->file_count = i + 1;
                snprintf(element, sizeof element, "%s[%zu]", key, i);
                if (read_file(reader, element, json_array_get(value, i)) < 0)
                        return -1;
        }
        return 0;
}
