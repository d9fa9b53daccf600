/* The rules for names of a job's files and artifact globs. */
#ifndef BRIG_COMMON_JOB_PATH_H
#define BRIG_COMMON_JOB_PATH_H

#include "common/bytes.h"
#include "common/job.h"

enum { JOB_PATH_SEGMENT_BYTES_MAX = 255, JOB_PATH_BYTES_MAX = 1024 };

/* What is wrong with a path, as words that follow its key ("must be relative"); NULL: nothing. */
const char *job_path_fault(struct span path);

/* The same for files[index] against those before it: none alike, none a folder of another. */
const char *job_path_clash(const struct job_file *files, size_t index);

#endif
