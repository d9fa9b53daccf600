#include "common/job_path.h"

#include <string.h>

#include "common/encoding.h"

static const char *segment_fault(struct span segment)
{
        if (segment.size == 0)
                return "must not have an empty segment between or after \"/\"";
        if (span_equal(segment, span_of(".")) || span_equal(segment, span_of("..")))
                return "must not have a segment \".\" or \"..\"";
        if (segment.size > JOB_PATH_SEGMENT_BYTES_MAX)
                return "must not have a segment above 255 bytes";
        return NULL;
}

const char *job_path_fault(struct span path)
{
        if (path.size == 0)
                return "must not be empty";
        if (path.size > JOB_PATH_BYTES_MAX)
                return "must not be above 1024 bytes";
        if (path.data[0] == '/')
                return "must be relative";
        if (memchr(path.data, 0, path.size))
                return "must not hold a NUL";
        const char *fault = NULL;
        for (size_t at = 0; !fault && at <= path.size;) {
                const uint8_t *slash = at < path.size ? memchr(path.data + at, '/', path.size - at) : NULL;
                size_t end = slash ? (size_t)(slash - path.data) : path.size;
                fault = segment_fault((struct span){path.data + at, end - at});
                at = end + 1;
        }
        return fault;
}

static bool is_folder_of(struct span folder, struct span path)
{
        return folder.size < path.size && path.data[folder.size] == '/' && memcmp(folder.data, path.data, folder.size) == 0;
}

const char *job_path_clash(const struct job_file *files, size_t index)
{
        struct span path = span_of(files[index].path);
        for (size_t i = 0; i < index; i++) {
                struct span other = span_of(files[i].path);
                if (span_equal(path, other))
                        return "must not be the path of two files";
                if (is_folder_of(path, other) || is_folder_of(other, path))
                        return "must not be both a file and a folder";
        }
        return NULL;
}
