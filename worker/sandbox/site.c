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

int site_find_init(const char *given, char ret_path[static PATH_MAX], struct error *e)
{
        static const char *const places[] = {"brig-init", "../libexec/brig/brig-init"};
        char folder[PATH_MAX];
        char path[PATH_MAX + 64];
        if (given)
                return realpath(given, ret_path) ? 0 : error_set_sys(e, ERROR_CONFIG, errno, "brig-init at %s", given);
        if (program_folder(folder) < 0)
                return error_set_sys(e, ERROR_CONFIG, errno, "find the running program");
        for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
                if (realpath(path, ret_path))
                        return 0;
        }
        return error_set(e, ERROR_CONFIG, "brig-init is neither in %s nor in ../libexec/brig", folder);
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
