#include <stdio.h>
#include <string.h>

#include "common/config_section.h"

/* What comes before, in place of and after a secret; everything when there is none. */
static int append_hidden_password(struct bytes *ret_text, const char *url)
{
        const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');
        const char *colon = scheme && at ? memchr(scheme + 3, ':', (size_t)(at - scheme) - 3) : NULL;
        if (!colon)
                return bytes_append_string(ret_text, url);
        return bytes_append_format(ret_text, "%.*s:********%s", (int)(colon - url), url, at);
}

static bool is_secret(const char *key)
{
        return strstr(key, "password") || strstr(key, "secret") || strstr(key, "ssl.key.pem") || strstr(key, "sasl.jaas");
}

static int append_line(const struct config *config, const char *key, const char *value, struct bytes *ret_text)
{
        return bytes_append_format(ret_text, "%-44s = %-30s (%s)\n", key, *value ? value : "-", config_origin(config, key));
}

static int print_row(const struct config *config, const struct config_section *section, const struct config_row *row,
                     struct bytes *ret_text)
{
        struct bytes raw = {0}, value = {0};
        char key[DOCUMENT_KEY_SIZE + 64];
        snprintf(key, sizeof key, "%s%s", section->prefix, row->key);
        int status = config_row_append(row, section->base, &raw);
        if (status == 0)
                status = append_hidden_password(&value, raw.data ? (const char *)raw.data : "");
        if (status == 0)
                status = append_line(config, key, (const char *)value.data, ret_text);
        bytes_deinit(&raw);
        bytes_deinit(&value);
        return status;
}

static int print_pass_through(const struct config *config, struct bytes *ret_text)
{
        int status = 0;
        for (size_t i = 0; status == 0 && i < config->kafka_pass_through_count; i++) {
                const struct config_pair *pair = &config->kafka_pass_through[i];
                char key[DOCUMENT_KEY_SIZE + 8];
                snprintf(key, sizeof key, "kafka.%s", pair->key);
                status = append_line(config, key, is_secret(key) ? "********" : pair->value, ret_text);
        }
        return status;
}

int config_print(const struct config *config, struct bytes *ret_text)
{
        struct config_section sections[CONFIG_SECTIONS_MAX];
        size_t count = config_sections(config, sections);
        for (size_t i = 0; i < count; i++) {
                for (size_t j = 0; j < sections[i].table->count; j++) {
                        if (print_row(config, &sections[i], &sections[i].table->rows[j], ret_text) < 0)
                                return -1;
                }
        }
        return print_pass_through(config, ret_text);
}

static int print_reference_row(const char *prefix, const struct config_row *row, struct bytes *ret_text)
{
        char variable[CONFIG_VARIABLE_SIZE];
        const char *fallback = !row->fallback ? "must be given" : *row->fallback ? row->fallback : "empty";
        config_variable(prefix, row->key, variable);
        int status = bytes_append_format(ret_text, "| `%s%s` | `%s` | %s | ", prefix, row->key, variable, fallback);
        if (status == 0)
                status = config_row_describe(row, ret_text);
        return status < 0 ? -1 : bytes_append_string(ret_text, " |\n");
}

int config_print_reference(struct bytes *ret_text)
{
        static const struct {
                const char *prefix;
                const struct config_table *table;
        } parts[] = {{"", &config_main_table}, {"profiles.LEVEL.", &config_profile_table}, {"languages.NAME.", &config_language_table}};
        int status = bytes_append_string(ret_text, "| key | variable | default | what it takes |\n|---|---|---|---|\n");
        for (size_t i = 0; status == 0 && i < sizeof parts / sizeof *parts; i++) {
                for (size_t j = 0; status == 0 && j < parts[i].table->count; j++)
                        status = print_reference_row(parts[i].prefix, &parts[i].table->rows[j], ret_text);
        }
        return status;
}
