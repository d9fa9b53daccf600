/* The job's first process and the pipes to it. */
#ifndef BRIG_INIT_CHILD_H
#define BRIG_INIT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "worker/init/command.h"

struct child {
        pid_t pid; /* 0: none, or already waited for */
        int go;    /* every descriptor: init's end, -1 when closed */
        int status;
        int input;
        int output[FRAME_STREAM_COUNT];
        int policy;
};

/* What went wrong, as it travels over the status pipe too. */
struct child_failure {
        char step[32];
        int sys;
};

void child_init(struct child *c);

/* Forks. The new process takes its own group, its descriptors and oom_score_adj 1000, lets go of init's, and waits. False: ret_failure. */
bool child_prepare(struct child *c, const struct command *command, struct child_failure *ret_failure);

/* Lets it exec. */
void child_start(struct child *c);

enum child_news { CHILD_SILENT, CHILD_EXECUTED, CHILD_FAILED };

/* What the status pipe says, without waiting. A child that dies before exec looks EXECUTED: its end tells the rest. */
enum child_news child_poll_status(struct child *c, struct child_failure *ret_failure);

void child_close(int *fd);

#endif
