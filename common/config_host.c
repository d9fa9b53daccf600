#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_section.h"

/* A folder and what lies in it, on the heap; NULL: no memory. */
static char *join_path(const char *folder, const char *rest)
{
        char *made = NULL;
        return asprintf(&made, "%s%s", folder, rest) < 0 ? NULL : made;
}

static int set_if_empty(char **text, char *fallback_take)
{
        if (**text) {
                free(fallback_take);
                return 0;
        }
        if (!fallback_take)
                return -1;
        free(*text);
        *text = fallback_take;
        return 0;
}

static char *host_name(void)
{
        char name[128] = "";
        if (gethostname(name, sizeof name - 1) < 0 || !*name)
                return strdup("localhost");
        return strdup(name);
}

static char *runtime_directory(char *const *environment)
{
        const char *folder = config_environment_get(environment, "XDG_RUNTIME_DIR");
        char *made = NULL;
        if (geteuid() == 0)
                return strdup("/run/brig");
        if (folder && *folder == '/')
                return join_path(folder, "/brig");
        return asprintf(&made, "/run/user/%u/brig", (unsigned)geteuid()) < 0 ? NULL : made;
}

static char *log_directory(char *const *environment)
{
        const char *state = config_environment_get(environment, "XDG_STATE_HOME"), *home = config_environment_get(environment, "HOME");
        if (geteuid() == 0)
                return strdup("/var/log/sandbox");
        if (state && *state == '/')
                return join_path(state, "/brig");
        return join_path(home && *home == '/' ? home : "/tmp", "/.local/state/brig");
}

int config_set_host_defaults(struct config *config, char *const *environment, struct error *e)
{
        int status = set_if_empty(&config->dispatcher_id, host_name());
        status |= set_if_empty(&config->worker_name, host_name());
        status |= set_if_empty(&config->runtime_directory, runtime_directory(environment));
        status |= set_if_empty(&config->log_directory, log_directory(environment));
        return status < 0 ? error_set(e, ERROR_MEMORY, "no memory for the defaults of this host") : 0;
}

/* The folder of the running program, without the last slash. */
static int program_folder(char ret_folder[static 4096])
{
        ssize_t size = readlink("/proc/self/exe", ret_folder, 4095);
        if (size <= 0)
                return -1;
        ret_folder[size] = 0;
        char *slash = strrchr(ret_folder, '/');
        if (!slash)
                return -1;
        *slash = 0;
        return 0;
}

char *config_find(const char *path, char *const *environment, struct error *e)
{
        static const char file[] = "sandbox-config.yaml";
        static const char *const near_program[] = {"/../../../config/", NULL, "/../share/brig/config/"};
        const char *named = path ? path : config_environment_get(environment, "BRIG_CONFIG");
        char folder[4096], tried[8192], resolved[4096];
        if (named && *named)
                return strdup(named);
        if (program_folder(folder) < 0)
                folder[0] = 0;
        for (size_t i = 0; i < sizeof near_program / sizeof *near_program; i++) {
                snprintf(tried, sizeof tried, "%s%s%s", near_program[i] ? folder : "/etc/brig/", near_program[i] ? near_program[i] : "",
                         file);
                if (realpath(tried, resolved))
                        return strdup(resolved);
        }
        error_set(e, ERROR_CONFIG,
                  "no %s: neither --config nor BRIG_CONFIG names one, and none lies in %s/../../../config, /etc/brig or "
                  "../share/brig/config",
                  file, folder);
        return NULL;
}
