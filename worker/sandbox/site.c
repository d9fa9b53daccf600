#include "worker/sandbox/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"

static int program_folder(char ret_path[static PATH_MAX])
{
        ssize_t size = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
        if (size < 0)
                return -1;
        ret_path[size] = 0;
        *strrchr(ret_path, '/') = 0;
        return 0;
}

/* The first of `places`, beneath the running program's folder, that is there. */
static bool find_beside(const char *const *places, char ret_path[static PATH_MAX])
{
        char folder[PATH_MAX];
        char path[PATH_MAX + 64];
        if (program_folder(folder) < 0)
                return false;
        for (; *places; places++) {
                snprintf(path, sizeof(path), "%s/%s", folder, *places);
                if (realpath(path, ret_path))
                        return true;
        }
        return false;
}

int site_find_init(const char *given, char ret_path[static PATH_MAX], struct error *e)
{
        static const char *const places[] = {"brig-init", "../libexec/brig/brig-init", NULL};
        if (given)
                return realpath(given, ret_path) ? 0 : error_set_sys(e, ERROR_CONFIG, errno, "brig-init at %s", given);
        if (!find_beside(places, ret_path))
                return error_set(e, ERROR_CONFIG, "brig-init is neither beside the program nor in ../libexec/brig");
        return 0;
}

bool site_find_egress(char ret_path[static PATH_MAX])
{
        static const char *const places[] = {"../libexec/brig/egress", "../../../deploy/egress", NULL};
        return find_beside(places, ret_path);
}

int site_find_fence(const struct config *config, char ret_path[static PATH_MAX], struct error *e)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/fence", config->directory);
        return realpath(path, ret_path) ? 0 : error_set_sys(e, ERROR_CONFIG, errno, "the fence's folder %s", path);
}

char *site_read_seccomp(const struct config *config, const char *name, struct error *e)
{
        char path[PATH_MAX];
        json_error_t wrong;
        snprintf(path, sizeof(path), "%s/seccomp/%s.json", config->directory, name);
        json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
        char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
        if (!text)
                error_set(e, ERROR_CONFIG, "%s:%d: %s", path, wrong.line, wrong.text);
        json_decref(list);
        return text;
}
