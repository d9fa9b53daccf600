/* What a job asks brig-init to do: its command, environment, limits and artifacts as frames, and its files. Pure. */
#ifndef BRIG_SANDBOX_COMMAND_H
#define BRIG_SANDBOX_COMMAND_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/job.h"
#include "common/language.h"

/* What was compiled lies under this name in /work of its compiler's container and in /code of its own. */
#define COMMAND_PROGRAM "program"

/* Everything up to and with COMMAND, appended; `deadline_ms` 0: no lease. Behind the language's fence where the level blocks names. 0, or -1
 * (ERROR_MEMORY). */
int command_encode(struct bytes *ret_frames, const struct job *job, const struct language *language, enum risk risk,
                   const struct limits *limits, uint64_t deadline_ms, struct error *e);

/* A KEEPALIVE frame, appended. */
int command_encode_deadline(struct bytes *ret_frames, uint64_t deadline_ms);

/* A frame of `type` with this payload, appended. 0 or -1: no memory. */
int command_encode_data(struct bytes *ret_frames, int type, struct span payload);

/* Writes the job's files into the code folder, and what was compiled (empty: nothing), to which a file of that name gives way. 0 or -1. */
int command_write_files(int folder, const struct job *job, const struct language *language, struct span program, struct error *e);

#endif
