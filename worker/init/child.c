#include "worker/init/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The ends that the child gets, open only around the fork. */
struct far_ends {
        int go, status, input, output[FRAME_STREAM_COUNT], policy;
};

void child_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

void child_init(struct child *c)
{
        *c = (struct child){.go = -1, .status = -1, .input = -1, .output = {-1, -1}, .policy = -1};
}

static bool failure_set(struct child_failure *ret_failure, const char *step)
{
        *ret_failure = (struct child_failure){.sys = errno};
        strncpy(ret_failure->step, step, sizeof ret_failure->step - 1);
        return false;
}

/* Init's end never blocks. */
static bool pipe_make(int *init_end, int *far_end, int init_writes)
{
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return false;
        *init_end = ends[init_writes];
        *far_end = ends[!init_writes];
        return fcntl(*init_end, F_SETFL, O_NONBLOCK) == 0;
}

static bool pipes_make(struct child *c, struct far_ends *far, bool policy)
{
        return pipe_make(&c->go, &far->go, 1) && pipe_make(&c->status, &far->status, 0) && pipe_make(&c->input, &far->input, 1) &&
               pipe_make(&c->output[FRAME_STREAM_STDOUT], &far->output[FRAME_STREAM_STDOUT], 0) &&
               pipe_make(&c->output[FRAME_STREAM_STDERR], &far->output[FRAME_STREAM_STDERR], 0) &&
               (!policy || pipe_make(&c->policy, &far->policy, 0));
}

static void far_close(struct far_ends *far)
{
        child_close(&far->go);
        child_close(&far->status);
        child_close(&far->input);
        child_close(&far->output[FRAME_STREAM_STDOUT]);
        child_close(&far->output[FRAME_STREAM_STDERR]);
        child_close(&far->policy);
}

/* In the child: says why over the status pipe and is gone. */
static _Noreturn void die(int status, const char *step)
{
        struct child_failure failure;
        failure_set(&failure, step);
        (void)!write(status, &failure, sizeof failure);
        _exit(127);
}

static bool descriptors_take(const struct far_ends *far)
{
        return dup2(far->input, STDIN_FILENO) >= 0 && dup2(far->output[FRAME_STREAM_STDOUT], STDOUT_FILENO) >= 0 &&
               dup2(far->output[FRAME_STREAM_STDERR], STDERR_FILENO) >= 0 &&
               (far->policy < 0 || dup2(far->policy, FRAME_POLICY_DESCRIPTOR) >= 0);
}

/* The kernel is to kill the job before init when memory ends. Only a dumpable process may write this. */
static bool oom_score_raise(void)
{
        if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
                return false;
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        bool written = write(fd, "1000", 4) == 4;
        close(fd);
        return written;
}

static void signals_reset(void)
{
        sigset_t none;
        for (int number = 1; number < NSIG; number++)
                signal(number, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_run(const struct command *command, const struct far_ends *far)
{
        char go;
        if (setpgid(0, 0) < 0)
                die(far->status, "process group");
        if (!descriptors_take(far))
                die(far->status, "descriptors");
        if (!oom_score_raise())
                die(far->status, "oom_score_adj");
        if (read(far->go, &go, 1) != 1)
                _exit(127);
        umask((mode_t)command->options.umask);
        if (chdir(command->directory) < 0)
                die(far->status, "working directory");
        signals_reset();
        environ = (char **)command->environment;
        execvp(command->arguments[0], command->arguments);
        die(far->status, "exec");
}

bool child_prepare(struct child *c, const struct command *command, struct child_failure *ret_failure)
{
        struct far_ends far = {-1, -1, -1, {-1, -1}, -1};
        if (!pipes_make(c, &far, command->options.policy_pipe)) {
                failure_set(ret_failure, "pipes");
                far_close(&far);
                return false;
        }
        pid_t pid = fork();
        if (pid == 0)
                child_run(command, &far);
        if (pid < 0)
                failure_set(ret_failure, "fork");
        else
                c->pid = pid;
        far_close(&far);
        return pid > 0;
}

void child_start(struct child *c)
{
        (void)!write(c->go, "", 1);
        child_close(&c->go);
}

enum child_news child_poll_status(struct child *c, struct child_failure *ret_failure)
{
        if (c->status < 0)
                return CHILD_SILENT;
        ssize_t size = read(c->status, ret_failure, sizeof *ret_failure);
        if (size < 0)
                return CHILD_SILENT;
        child_close(&c->status);
        return size == sizeof *ret_failure ? CHILD_FAILED : CHILD_EXECUTED;
}
