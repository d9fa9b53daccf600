#include "common/config.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_section.h"

enum { PATH_SIZE = 4096 };

/* A profile or a language that leaves something out would be looser than it looks, so what has no default must stand in its file. */
static int check_complete(const struct config_table *table, const struct document *document, struct error *e)
{
        for (size_t i = 0; i < table->count; i++) {
                bool found = table->rows[i].fallback != NULL;
                for (size_t j = 0; !found && j < document->count; j++)
                        found = strcmp(document->entries[j].key, table->rows[i].key) == 0;
                if (!found)
                        return error_set(e, ERROR_CONFIG, "%s: %s is missing", document->name, table->rows[i].key);
        }
        return 0;
}

static int load_part(struct config *config, const char *path, const char *prefix, const struct config_table *table, void *base,
                     struct error *e)
{
        struct document document;
        if (document_open(&document, path, e) < 0)
                return -1;
        int status = config_table_init(table, base, e);
        if (status == 0)
                status = check_complete(table, &document, e);
        if (status == 0)
                status = config_set_document(config, prefix, &document, e);
        document_close(&document);
        return status;
}

static int load_profiles(struct config *config, struct error *e)
{
        for (unsigned i = 0; i < RISK_COUNT; i++) {
                char path[PATH_SIZE], prefix[64];
                const char *name = risk_name((enum risk)i);
                snprintf(path, sizeof path, "%s/profiles/%s.yaml", config->directory, name);
                snprintf(prefix, sizeof prefix, "profiles.%s.", name);
                config->profiles[i].risk = (enum risk)i;
                if (load_part(config, path, prefix, &config_profile_table, &config->profiles[i], e) < 0)
                        return -1;
        }
        return 0;
}

static int load_language(struct config *config, const char *folder, const char *file, struct error *e)
{
        char path[PATH_SIZE], prefix[64];
        size_t size = strlen(file) - strlen(".yaml");
        snprintf(path, sizeof path, "%s/%s", folder, file);
        if (strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789_-") != size || size > 32)
                return error_set(e, ERROR_CONFIG, "%s: a language's name has at most 32 of a-z, 0-9, _ and -", path);
        if (config->language_count == CONFIG_LANGUAGES_MAX)
                return error_set(e, ERROR_CONFIG, "%s: more than %d languages", path, CONFIG_LANGUAGES_MAX);
        struct language *language = &config->languages[config->language_count];
        language->name = strndup(file, size);
        if (!language->name)
                return error_set(e, ERROR_MEMORY, "no memory to read %s", path);
        config->language_names[config->language_count++] = language->name;
        snprintf(prefix, sizeof prefix, "languages.%s.", language->name);
        return load_part(config, path, prefix, &config_language_table, language, e);
}

static int is_yaml(const struct dirent *entry)
{
        const char *dot = strrchr(entry->d_name, '.');
        return dot && dot != entry->d_name && strcmp(dot, ".yaml") == 0;
}

static int load_languages(struct config *config, struct error *e)
{
        char folder[PATH_SIZE];
        struct dirent **files = NULL;
        int status = 0;
        snprintf(folder, sizeof folder, "%s/languages", config->directory);
        int count = scandir(folder, &files, is_yaml, alphasort);
        if (count < 0)
                return error_set_sys(e, ERROR_CONFIG, errno, "%s", folder);
        for (int i = 0; i < count; i++) {
                if (status == 0)
                        status = load_language(config, folder, files[i]->d_name, e);
                free(files[i]);
        }
        free(files);
        if (status == 0 && count == 0)
                return error_set(e, ERROR_CONFIG, "%s: no language", folder);
        return status;
}

/* The file that was named comes first, so that it is the one a message names; its values override those of the others. */
static int load_files(struct config *config, struct error *e)
{
        struct document document;
        if (document_open(&document, config->path, e) < 0)
                return -1;
        int status = load_profiles(config, e);
        if (status == 0)
                status = load_languages(config, e);
        if (status == 0)
                status = config_set_document(config, "", &document, e);
        document_close(&document);
        return status;
}

/* A job that names nothing must stay inside what a job may name. */
static int check_profile(const struct config *config, const struct profile *profile, struct error *e)
{
        for (size_t i = 0; i < LIMIT_COUNT; i++) {
                uint64_t maximum = limits_get(&config->maximum, &limit_keys[i]), value = limits_get(&profile->limits, &limit_keys[i]);
                if (maximum && value > maximum)
                        return error_set(e, ERROR_CONFIG, "profiles.%s: %s is above the operator's maximum (maximum.*) of the same limit",
                                         risk_name(profile->risk), limit_keys[i].name);
        }
        return 0;
}

static int check_whole(const struct config *config, struct error *e)
{
        for (unsigned i = 0; i < RISK_COUNT; i++) {
                if (check_profile(config, &config->profiles[i], e) < 0)
                        return -1;
        }
        if (config->trust.low_at < config->trust.medium_at)
                return error_set(e, ERROR_CONFIG, "%s: trust.low_at is below trust.medium_at", config->path);
        return 0;
}

static int set_directory(struct config *config, struct error *e)
{
        char copy[PATH_SIZE];
        snprintf(copy, sizeof copy, "%s", config->path);
        config->directory = strdup(dirname(copy));
        return config->directory ? 0 : error_set(e, ERROR_MEMORY, "no memory to read %s", config->path);
}

static int load(struct config *config, const char *path, char *const *environment, struct error *e)
{
        config->path = config_find(path, environment, e);
        if (!config->path || set_directory(config, e) < 0)
                return -1;
        if (config_table_init(&config_main_table, config, e) < 0 || load_files(config, e) < 0)
                return -1;
        if (config_set_environment(config, environment, e) < 0 || config_set_host_defaults(config, environment, e) < 0)
                return -1;
        while (config->images_allow_count < CONFIG_IMAGES_MAX && config->images_allow[config->images_allow_count])
                config->images_allow_count++;
        return check_whole(config, e);
}

int config_load(struct config *ret_config, const char *path, char *const *environment, struct error *e)
{
        *ret_config = (struct config){0};
        int status = load(ret_config, path, environment, e);
        if (status < 0)
                config_deinit(ret_config);
        return status;
}

void config_deinit(struct config *config)
{
        struct config_section sections[CONFIG_SECTIONS_MAX];
        size_t count = config_sections(config, sections);
        for (size_t i = 0; i < count; i++)
                config_table_deinit(sections[i].table, sections[i].base);
        for (size_t i = 0; i < config->language_count; i++)
                free(config->languages[i].name);
        for (size_t i = 0; i < config->kafka_pass_through_count; i++) {
                free(config->kafka_pass_through[i].key);
                free(config->kafka_pass_through[i].value);
        }
        for (size_t i = 0; i < config->origin_count; i++) {
                free(config->origins[i].key);
                free(config->origins[i].origin);
        }
        free(config->origins);
        free(config->path);
        free(config->directory);
        *config = (struct config){0};
}

const struct language *config_language(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->language_count; i++) {
                if (strcmp(config->languages[i].name, name) == 0)
                        return &config->languages[i];
        }
        return NULL;
}

struct job_bounds config_job_bounds(const struct config *config)
{
        return (struct job_bounds){config->maximum, config->language_names, config->language_count};
}

/* "NAME" and "NAME:latest" are one image. */
static bool is_image(const char *known, const char *image)
{
        size_t size = strlen(known);
        return strncmp(known, image, size) == 0 && (!image[size] || strcmp(image + size, ":latest") == 0);
}

bool config_image_allowed(const struct config *config, const char *image)
{
        for (size_t i = 0; i < config->images_allow_count; i++) {
                if (fnmatch(config->images_allow[i], image, 0) == 0)
                        return true;
        }
        for (size_t i = 0; config->images_allow_count == 0 && i < config->language_count; i++) {
                if (is_image(config->languages[i].image, image))
                        return true;
        }
        return false;
}

int config_check_image(const struct config *config, const struct job *job, struct rejection *ret_rejection)
{
        if (!job->image || config_image_allowed(config, job->image))
                return 0;
        return rejection_set(ret_rejection, REJECTION_DENIED, "image", NULL, job->image,
                             "image: '%.80s' is not allowed; images.allow and the language files name those that are", job->image);
}
