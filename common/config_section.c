#include "common/config_section.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"

enum { ROWS_MAX = 128 };

#define KAFKA_PREFIX "kafka."

size_t config_sections(const struct config *config, struct config_section ret_sections[static CONFIG_SECTIONS_MAX])
{
        struct config *c = (struct config *)(uintptr_t)config;
        size_t count = 0;
        ret_sections[count++] = (struct config_section){"", &config_main_table, c};
        for (unsigned i = 0; i < RISK_COUNT; i++, count++) {
                ret_sections[count] = (struct config_section){"", &config_profile_table, &c->profiles[i]};
                snprintf(ret_sections[count].prefix, sizeof ret_sections->prefix, "profiles.%s.", risk_name((enum risk)i));
        }
        for (size_t i = 0; i < c->language_count; i++, count++) {
                ret_sections[count] = (struct config_section){"", &config_language_table, &c->languages[i]};
                snprintf(ret_sections[count].prefix, sizeof ret_sections->prefix, "languages.%s.", c->languages[i].name);
        }
        return count;
}

/* The section with the longest prefix of the key; the first has the empty one. */
static const struct config_section *find_section(const struct config_section *sections, size_t count, const char *key)
{
        const struct config_section *found = &sections[0];
        for (size_t i = 1; i < count; i++) {
                if (strncmp(sections[i].prefix, key, strlen(sections[i].prefix)) == 0)
                        found = &sections[i];
        }
        return found;
}

static const char *nearest_key(const struct config_table *table, const char *key)
{
        const char *known[ROWS_MAX];
        size_t count = 0;
        for (; count < table->count && count < ROWS_MAX; count++)
                known[count] = table->rows[count].key;
        return nearest_name(span_of(key), known, count);
}

static int fail_unknown(const struct config_section *section, const char *key, size_t hidden, const char *where, struct error *e)
{
        const char *nearest = nearest_key(section->table, key + strlen(section->prefix));
        size_t prefix = strlen(section->prefix) > hidden ? hidden : strlen(section->prefix);
        if (!nearest)
                return error_set(e, ERROR_CONFIG, "%s: %s: unknown key", where, key + hidden);
        return error_set(e, ERROR_CONFIG, "%s: %s: unknown key; nearest known key is %s%s", where, key + hidden, section->prefix + prefix,
                         nearest);
}

static int add_origin(struct config *config, const char *key, const char *origin, struct error *e)
{
        struct config_origin added = {strdup(key), strdup(origin)};
        struct config_origin *grown = reallocarray(config->origins, config->origin_count + 1, sizeof *grown);
        if (grown)
                config->origins = grown;
        if (grown && added.key && added.origin) {
                grown[config->origin_count++] = added;
                return 0;
        }
        free(added.key);
        free(added.origin);
        return error_set(e, ERROR_MEMORY, "%s: %s: no memory", origin, key);
}

const char *config_origin(const struct config *config, const char *key)
{
        for (size_t i = config->origin_count; i > 0; i--) {
                if (strcmp(config->origins[i - 1].key, key) == 0)
                        return config->origins[i - 1].origin;
        }
        return "default";
}

/* kafka.KEY is librdkafka's, unless it looks like one of ours, misspelt. */
static bool passes_through(const char *key)
{
        const char *known[ROWS_MAX];
        size_t count = 0, prefix = strlen(KAFKA_PREFIX);
        if (strncmp(key, KAFKA_PREFIX, prefix) != 0)
                return false;
        for (size_t i = 0; i < config_main_table.count && count < ROWS_MAX; i++) {
                if (strncmp(config_main_table.rows[i].key, KAFKA_PREFIX, prefix) == 0)
                        known[count++] = config_main_table.rows[i].key + prefix;
        }
        return !nearest_name(span_of(key + prefix), known, count);
}

static struct config_pair *find_pair(struct config *config, const char *key)
{
        for (size_t i = 0; i < config->kafka_pass_through_count; i++) {
                if (strcmp(config->kafka_pass_through[i].key, key) == 0)
                        return &config->kafka_pass_through[i];
        }
        return NULL;
}

static int pass_through(struct config *config, const char *key, const char *text, const char *where, struct error *e)
{
        struct config_pair *pair = find_pair(config, key + strlen(KAFKA_PREFIX));
        if (!pair && config->kafka_pass_through_count == CONFIG_PASS_THROUGH_MAX)
                return error_set(e, ERROR_CONFIG, "%s: %s: more than %d keys for librdkafka", where, key, CONFIG_PASS_THROUGH_MAX);
        struct config_pair made = {strdup(key + strlen(KAFKA_PREFIX)), strdup(text)};
        if (!made.key || !made.value) {
                free(made.key);
                free(made.value);
                return error_set(e, ERROR_MEMORY, "%s: %s: no memory", where, key);
        }
        if (!pair)
                pair = &config->kafka_pass_through[config->kafka_pass_through_count++];
        free(pair->key);
        free(pair->value);
        *pair = made;
        return add_origin(config, key, where, e);
}

int config_set(struct config *config, const char *key, size_t hidden, char *const *texts, size_t count, const char *where, struct error *e)
{
        struct config_section sections[CONFIG_SECTIONS_MAX];
        const struct config_section *section = find_section(sections, config_sections(config, sections), key);
        const struct config_row *row = config_table_find(section->table, key + strlen(section->prefix));
        if (!row && passes_through(key) && count == 1)
                return pass_through(config, key, texts[0], where, e);
        if (!row)
                return fail_unknown(section, key, hidden, where, e);
        if (config_row_set(row, section->base, texts, count, where, key + hidden, e) < 0)
                return -1;
        return add_origin(config, key, where, e);
}

int config_set_document(struct config *config, const char *prefix, const struct document *document, struct error *e)
{
        for (size_t i = 0; i < document->count; i++) {
                const struct document_entry *entry = &document->entries[i];
                char key[DOCUMENT_KEY_SIZE + 64], where[512];
                snprintf(key, sizeof key, "%s%s", prefix, entry->key);
                snprintf(where, sizeof where, "%s:%zu", document->name, entry->line);
                if (config_set(config, key, strlen(prefix), entry->texts, entry->text_count, where, e) < 0)
                        return -1;
        }
        return 0;
}

void config_variable(const char *prefix, const char *key, char ret_name[static CONFIG_VARIABLE_SIZE])
{
        snprintf(ret_name, CONFIG_VARIABLE_SIZE, "BRIG_%s%s", prefix, key);
        for (char *c = ret_name; *c; c++)
                *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
}
