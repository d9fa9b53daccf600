#include "worker/init/collect.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "worker/init/glob.h"
#include "worker/init/walk.h"

struct collection {
        const struct collect_request *request;
        const struct collect_port *port;
        struct frame_report report;
        uint64_t total_bytes;
};

static bool emit(const struct collect_port *port, const void *first, size_t first_size, const void *second, size_t second_size)
{
        uint8_t *at = port->reserve(port->data, first_size + second_size);
        if (!at)
                return false;
        memcpy(at, first, first_size);
        memcpy(at + first_size, second, second_size);
        port->commit(port->data, first_size + second_size);
        return true;
}

static bool omit(struct collection *c, const char *path, const char *reason)
{
        uint8_t head[FRAME_HEADER_BYTES + FRAME_PATH_MAX + 1];
        if (c->report.omitted++ >= FRAME_OMITTED_MAX)
                return true;
        size_t path_size = strlen(path) + 1;
        frame_header(head, FRAME_ARTIFACT_OMITTED, path_size + strlen(reason));
        memcpy(head + FRAME_HEADER_BYTES, path, path_size);
        return emit(c->port, head, FRAME_HEADER_BYTES + path_size, reason, strlen(reason));
}

/* Straight into the port's memory: exactly `bytes`, which no process can change any more. */
static bool emit_content(const struct collect_port *port, int file, uint64_t bytes)
{
        while (bytes) {
                size_t want = bytes < FRAME_DATA_MAX ? (size_t)bytes : FRAME_DATA_MAX;
                uint8_t *at = port->reserve(port->data, FRAME_HEADER_BYTES + want);
                ssize_t size = at ? read(file, at + FRAME_HEADER_BYTES, want) : -1;
                if (size <= 0)
                        return false;
                frame_header(at, FRAME_ARTIFACT_DATA, (size_t)size);
                port->commit(port->data, FRAME_HEADER_BYTES + (size_t)size);
                bytes -= (uint64_t)size;
        }
        return true;
}

static bool collect_file(struct collection *c, const struct walk_entry *entry)
{
        uint8_t head[FRAME_FIXED_MAX];
        int file = openat(entry->directory, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0)
                return omit(c, entry->path, "cannot be read");
        uint64_t bytes = (uint64_t)entry->status->st_size;
        size_t path_size = strlen(entry->path);
        size_t head_size = frame_encode_artifact(head, &(struct frame_artifact){.bytes = bytes}, path_size);
        bool sent = emit(c->port, head, head_size, entry->path, path_size) && emit_content(c->port, file, bytes);
        close(file);
        c->report.artifacts++;
        c->total_bytes += bytes;
        return sent;
}

/* Why a match is not taken; NULL: it is. */
static const char *objection(const struct collection *c, const struct walk_entry *entry)
{
        const struct frame_artifacts *bounds = &c->request->bounds;
        if (!glob_utf8_valid(entry->path))
                return "name is not UTF-8";
        if (entry->problem)
                return entry->problem;
        if (S_ISLNK(entry->status->st_mode))
                return "symbolic link";
        if (S_ISDIR(entry->status->st_mode))
                return "folder";
        if (!S_ISREG(entry->status->st_mode))
                return "no regular file";
        if (entry->status->st_nlink > 1)
                return "hard link";
        if (c->report.artifacts >= bounds->files_max)
                return "too many artifacts";
        if ((uint64_t)entry->status->st_size > bounds->file_bytes_max)
                return "too large";
        if ((uint64_t)entry->status->st_size > bounds->total_bytes_max - c->total_bytes)
                return "artifacts too large together";
        return NULL;
}

static bool is_wanted(const struct collection *c, const struct walk_entry *entry)
{
        bool folder = entry->status && S_ISDIR(entry->status->st_mode);
        for (size_t i = 0; i < c->request->glob_count; i++) {
                const char *glob = c->request->globs[i];
                if (glob_match(glob, entry->path) && !(folder && glob_ends_in_any(glob)))
                        return true;
        }
        return false;
}

static bool collect_entry(void *data, const struct walk_entry *entry)
{
        struct collection *c = data;
        /* What lies behind a problem cannot be matched, so the problem itself is told. */
        if (!entry->problem && !is_wanted(c, entry))
                return true;
        const char *reason = objection(c, entry);
        return reason ? omit(c, entry->path, reason) : collect_file(c, entry);
}

bool collect_artifacts(int root, const struct collect_request *request, const struct collect_port *port, struct frame_report *ret_report)
{
        struct collection c = {.request = request, .port = port};
        struct walk walk = {.visit = collect_entry, .data = &c};
        bool done = walk_run(&walk, root);
        *ret_report = c.report;
        return done;
}

static bool raise_largest(void *data, const struct walk_entry *entry)
{
        uint64_t *largest_bytes = data;
        if (entry->status && S_ISREG(entry->status->st_mode) && (uint64_t)entry->status->st_size > *largest_bytes)
                *largest_bytes = (uint64_t)entry->status->st_size;
        return true;
}

void collect_largest(int root, uint64_t *largest_bytes)
{
        struct walk walk = {.visit = raise_largest, .data = largest_bytes};
        walk_run(&walk, root);
}

bool collect_is_full(int root)
{
        struct statfs status;
        return fstatfs(root, &status) == 0 && status.f_blocks && (!status.f_bavail || !status.f_ffree);
}
