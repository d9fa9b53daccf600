#include "worker/sandbox/cgroup_layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOUNTINFO_SIZE = 256 << 10 };

const char *const cgroup_controller_names[CGROUP_CONTROLLER_COUNT] = {"memory", "cpu", "cpuacct", "pids"};

struct mount {
        const char *root, *mount_point, *type, *options;
};

static bool is_octal(const char *digits)
{
        return strspn(digits, "01234567") >= 3;
}

/* The kernel writes space, tab, newline and backslash as three octal digits. */
static void unescape(char *text)
{
        char *to = text;
        for (const char *from = text; *from; to++) {
                if (*from == '\\' && is_octal(from + 1)) {
                        *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = '\0';
}

/* proc(5): id parent major:minor ROOT MOUNT_POINT options fields... - TYPE source OPTIONS. Cuts the line up. */
static int mount_parse(char *line, struct mount *ret_mount)
{
        char *fields[6], *rest = line;
        char *tail = strstr(line, " - ");
        if (!tail)
                return -1;
        *tail = '\0';
        tail += 3;
        for (size_t i = 0; i < 5; i++) {
                fields[i] = strsep(&rest, " ");
                if (!fields[i])
                        return -1;
        }
        *ret_mount = (struct mount){.root = fields[3], .mount_point = fields[4], .type = strsep(&tail, " ")};
        strsep(&tail, " ");
        ret_mount->options = tail ? tail : "";
        unescape(fields[3]);
        unescape(fields[4]);
        return 0;
}

bool cgroup_list_has(const char *list, const char *word)
{
        size_t size = strlen(word);
        for (const char *at = list; at; at = strchr(at, ',')) {
                at += *at == ',';
                if (strncmp(at, word, size) == 0 && (at[size] == ',' || at[size] == '\0'))
                        return true;
        }
        return false;
}

struct layout_search {
        struct cgroup_layout *layout;
        bool found[CGROUP_CONTROLLER_COUNT];
        bool v2;
        size_t v2_hierarchy;
};

static void search_take(struct layout_search *search, const struct mount *mount)
{
        struct cgroup_layout *layout = search->layout;
        bool v2 = strcmp(mount->type, "cgroup2") == 0;
        size_t index = layout->hierarchy_count;
        if ((!v2 && strcmp(mount->type, "cgroup") != 0) || index == CGROUP_HIERARCHIES_MAX)
                return;
        struct cgroup_hierarchy *hierarchy = &layout->hierarchies[layout->hierarchy_count++];
        snprintf(hierarchy->mount_point, sizeof hierarchy->mount_point, "%s", mount->mount_point);
        snprintf(hierarchy->root, sizeof hierarchy->root, "%s", mount->root);
        if (v2 && !search->v2) {
                search->v2 = true;
                search->v2_hierarchy = index;
        }
        for (size_t i = 0; !v2 && i < CGROUP_CONTROLLER_COUNT; i++) {
                if (!search->found[i] && cgroup_list_has(mount->options, cgroup_controller_names[i])) {
                        search->found[i] = true;
                        layout->controllers[i] = index;
                }
        }
}

/* Hybrid hosts mount both: what counts is where memory is. */
static int search_end(struct layout_search *search, struct error *e)
{
        struct cgroup_layout *layout = search->layout;
        bool v2 = search->v2 && !search->found[CGROUP_MEMORY];
        layout->version = v2 ? CGROUP_V2 : CGROUP_V1;
        for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
                if (v2)
                        layout->controllers[i] = search->v2_hierarchy;
                else if (!search->found[i])
                        return error_set(e, ERROR_SANDBOX, "no control group of this host has the controller %s",
                                         cgroup_controller_names[i]);
        }
        return 0;
}

int cgroup_layout_parse(struct cgroup_layout *ret_layout, const char *mountinfo, enum cgroup_driver driver, struct error *e)
{
        *ret_layout = (struct cgroup_layout){.driver = driver};
        struct layout_search search = {.layout = ret_layout};
        char *copy = strdup(mountinfo);
        if (!copy)
                return error_set(e, ERROR_MEMORY, "mountinfo");
        char *rest = copy;
        for (char *line; (line = strsep(&rest, "\n"));) {
                struct mount mount;
                if (mount_parse(line, &mount) == 0)
                        search_take(&search, &mount);
        }
        free(copy);
        return search_end(&search, e);
}

static int mountinfo_read(char *ret_text, size_t size, struct error *e)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        if (!file)
                return error_set_sys(e, ERROR_SYSTEM, errno, "/proc/self/mountinfo");
        ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
        fclose(file);
        return 0;
}

int cgroup_layout_read(struct cgroup_layout *ret_layout, enum cgroup_driver driver, struct error *e)
{
        char *text = malloc(MOUNTINFO_SIZE);
        if (!text)
                return error_set(e, ERROR_MEMORY, "mountinfo");
        int result = mountinfo_read(text, MOUNTINFO_SIZE, e);
        if (result == 0)
                result = cgroup_layout_parse(ret_layout, text, driver, e);
        free(text);
        return result;
}
