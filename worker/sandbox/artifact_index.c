#include "worker/sandbox/artifact_index.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "worker/sandbox/artifacts.h"

enum { AGENT_DIGITS = 16, NAME_SIZE = UUID_TEXT_SIZE + AGENT_DIGITS + sizeof("-.json"), RECORD_BYTES_MAX = 4 << 20 };

static void name_of(const char *job_id, const char *agent_id, char ret_name[static NAME_SIZE])
{
        char hex[SHA256_HEX_SIZE] = "*"; /* as glob takes it */
        if (agent_id)
                sha256_hex(span_of(agent_id), hex);
        snprintf(ret_name, NAME_SIZE, "%s-%.*s.json", job_id, AGENT_DIGITS, hex);
}

static void folder_of(const char *job_id, char ret_folder[static 16])
{
        snprintf(ret_folder, 16, "records/%c%c", tolower((unsigned char)job_id[0]), tolower((unsigned char)job_id[1]));
}

/* --- keeping --- */

int artifact_index_describe(const struct result *result, struct bytes *ret_text)
{
        struct result quiet = *result;
        quiet.stdout_data = quiet.stderr_data = (struct bytes){0};
        json_t *record = result_to_json(&quiet);
        int failed = record ? json_document_append(record, ret_text) : -1;
        json_decref(record);
        return failed;
}

static int open_folder(int root, const char *job_id)
{
        char folder[16];
        folder_of(job_id, folder);
        int records = artifacts_open_folder(root, "records");
        int result = records < 0 ? -1 : artifacts_open_folder(root, folder);
        if (records >= 0)
                close(records);
        return result;
}

static int write_nameless(int file, struct span text)
{
        while (text.size > 0) {
                ssize_t written = write(file, text.data, text.size);
                if (written < 0)
                        return -1;
                text = (struct span){text.data + written, text.size - (size_t)written};
        }
        return fsync(file);
}

/* A job that runs again replaces its record; of two at the same moment either will do. */
static int give_name(int file, int folder, const char *name)
{
        char source[40];
        snprintf(source, sizeof(source), "/proc/self/fd/%d", file);
        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
                return -1;
        return linkat(AT_FDCWD, source, folder, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST ? -1 : 0;
}

int artifact_index_keep(const char *log_directory, const char *job_id, const char *agent_id, struct span text, struct error *e)
{
        char name[NAME_SIZE];
        name_of(job_id, agent_id, name);
        int root = artifacts_open_root(log_directory);
        int folder = root < 0 ? -1 : open_folder(root, job_id);
        int file = folder < 0 ? -1 : openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0400);
        int result = file < 0 || write_nameless(file, text) < 0 ? -1 : give_name(file, folder, name);
        if (result < 0)
                error_set_sys(e, ERROR_SYSTEM, errno, "keep the index of a job's artifacts in %s", log_directory);
        int opened[] = {file, folder, root};
        for (size_t i = 0; i < sizeof(opened) / sizeof(*opened); i++)
                if (opened[i] >= 0)
                        close(opened[i]);
        return result;
}

int artifact_index_add(const char *log_directory, const struct result *result, struct error *e)
{
        struct bytes text = {0};
        if (result->artifact_count == 0)
                return 0;
        int failed = artifact_index_describe(result, &text) < 0
                                     ? error_set(e, ERROR_MEMORY, "out of memory")
                                     : artifact_index_keep(log_directory, result->job_id, result->agent_id, bytes_span(&text), e);
        bytes_deinit(&text);
        return failed;
}

/* --- finding --- */

static int read_file(const char *path, struct bytes *ret_text, struct error *e)
{
        int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        ssize_t size = file < 0 || bytes_reserve(ret_text, RECORD_BYTES_MAX) < 0 ? -1 : read(file, ret_text->data, RECORD_BYTES_MAX);
        if (size < 0)
                error_set_sys(e, ERROR_SYSTEM, errno, "read %.180s", path);
        else
                ret_text->size = (size_t)size;
        if (file >= 0)
                close(file);
        return size < 0 ? -1 : 0;
}

static int read_record(const char *path, struct result *ret_result, struct error *e)
{
        struct bytes text = {0};
        json_t *record = read_file(path, &text, e) < 0 ? NULL : json_document_parse(bytes_span(&text), e);
        int failed = record ? result_from_json(ret_result, record, e) : -1;
        json_decref(record);
        bytes_deinit(&text);
        return failed;
}

int artifact_index_find(const char *log_directory, const char *job_id, const char *agent_id, struct result *ret_result, bool *ret_found,
                        struct error *e)
{
        char folder[16], name[NAME_SIZE], pattern[PATH_MAX];
        glob_t found = {0};
        int failed = 0;
        folder_of(job_id, folder);
        name_of(job_id, agent_id, name);
        snprintf(pattern, sizeof(pattern), "%.3800s/artifacts/%s/%s", log_directory, folder, name);
        *ret_found = glob(pattern, 0, NULL, &found) == 0;
        if (found.gl_pathc > 1)
                failed = error_set(e, ERROR_USAGE, "several agents have a job of this name: say which with --agent-id");
        else if (*ret_found)
                failed = read_record(found.gl_pathv[0], ret_result, e);
        globfree(&found);
        return failed;
}

void artifact_path(const char *log_directory, const struct artifact *artifact, char ret_path[static PATH_MAX])
{
        snprintf(ret_path, PATH_MAX, "%.3800s/artifacts/sha256/%.2s/%.62s", log_directory, artifact->sha256, artifact->sha256 + 2);
}
