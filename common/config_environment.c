#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_section.h"
#include "common/nearest.h"

#define PREFIX "BRIG_"
#define KAFKA_VARIABLES "BRIG_KAFKA_"

enum { VALUES_MAX = 64, VARIABLES_MAX = 1024 };

const char *config_environment_get(char *const *environment, const char *name)
{
        size_t size = strlen(name);
        for (; environment && *environment; environment++) {
                if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
                        return *environment + size + 1;
        }
        return NULL;
}

/* Every key, its variable and its row, on the heap for its size. */
struct variables {
        char names[VARIABLES_MAX][CONFIG_VARIABLE_SIZE];
        char keys[VARIABLES_MAX][DOCUMENT_KEY_SIZE];
        const struct config_row *rows[VARIABLES_MAX];
        size_t count;
};

static void list_variables(const struct config *config, struct variables *ret_variables)
{
        struct config_section sections[CONFIG_SECTIONS_MAX];
        size_t section_count = config_sections(config, sections);
        for (size_t i = 0; i < section_count; i++) {
                for (size_t j = 0; j < sections[i].table->count && ret_variables->count < VARIABLES_MAX; j++) {
                        size_t at = ret_variables->count++;
                        ret_variables->rows[at] = &sections[i].table->rows[j];
                        config_variable(sections[i].prefix, ret_variables->rows[at]->key, ret_variables->names[at]);
                        snprintf(ret_variables->keys[at], DOCUMENT_KEY_SIZE, "%s%s", sections[i].prefix, ret_variables->rows[at]->key);
                }
        }
}

static const char *nearest_variable(const struct variables *variables, struct span name)
{
        const char *known[VARIABLES_MAX];
        size_t prefix = strlen(PREFIX);
        for (size_t i = 0; i < variables->count; i++)
                known[i] = variables->names[i] + prefix;
        return nearest_name((struct span){name.data + prefix, name.size - prefix}, known, variables->count);
}

static int fail_unknown(const struct variables *variables, struct span name, struct error *e)
{
        const char *nearest = nearest_variable(variables, name);
        int size = (int)(name.size > 100 ? 100 : name.size);
        if (!nearest)
                return error_set(e, ERROR_CONFIG, "environment: %.*s: unknown variable", size, (const char *)name.data);
        return error_set(e, ERROR_CONFIG, "environment: %.*s: unknown variable; nearest known is " PREFIX "%s", size,
                         (const char *)name.data, nearest);
}

/* A list stands in a variable as words with spaces or commas between. */
static int set_words(struct config *config, const char *key, const char *text, const char *variable, struct error *e)
{
        char *words[VALUES_MAX], *rest = NULL, *copy = strdup(text);
        size_t count = 0;
        if (!copy)
                return error_set(e, ERROR_MEMORY, "%s: no memory", variable);
        for (char *word = strtok_r(copy, " ,", &rest); word && count < VALUES_MAX; word = strtok_r(NULL, " ,", &rest))
                words[count++] = word;
        int status = config_set(config, key, 0, words, count, variable, e);
        free(copy);
        return status;
}

static int set_variable(struct config *config, const struct variables *variables, size_t index, const char *text, struct error *e)
{
        char *value = (char *)(uintptr_t)text;
        if (variables->rows[index]->kind->list)
                return set_words(config, variables->keys[index], text, variables->names[index], e);
        return config_set(config, variables->keys[index], 0, &value, 1, variables->names[index], e);
}

/* BRIG_KAFKA_SASL_PASSWORD is kafka.sasl.password: librdkafka's names have dots. */
static int set_pass_through(struct config *config, struct span name, const char *text, struct error *e)
{
        char key[DOCUMENT_KEY_SIZE], variable[DOCUMENT_KEY_SIZE], *value = (char *)(uintptr_t)text;
        snprintf(variable, sizeof variable, "%.*s", (int)name.size, (const char *)name.data);
        snprintf(key, sizeof key, "%s", variable + strlen(PREFIX));
        for (char *c = key; *c; c++)
                *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
        return config_set(config, key, 0, &value, 1, variable, e);
}

static bool is_known_elsewhere(struct span name)
{
        static const char test_prefix[] = "BRIG_TEST_";
        bool test = name.size >= sizeof test_prefix - 1 && memcmp(name.data, test_prefix, sizeof test_prefix - 1) == 0;
        return test || span_equal(name, span_of("BRIG_CONFIG"));
}

static int take_variable(struct config *config, const struct variables *variables, const char *variable, struct error *e)
{
        const char *equals = strchr(variable, '=');
        if (!equals || strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
                return 0;
        struct span name = {(const uint8_t *)variable, (size_t)(equals - variable)};
        if (is_known_elsewhere(name))
                return 0;
        for (size_t i = 0; i < variables->count; i++) {
                if (span_equal(name, span_of(variables->names[i])))
                        return set_variable(config, variables, i, equals + 1, e);
        }
        if (strncmp(variable, KAFKA_VARIABLES, strlen(KAFKA_VARIABLES)) == 0)
                return set_pass_through(config, name, equals + 1, e);
        return fail_unknown(variables, name, e);
}

int config_set_environment(struct config *config, char *const *environment, struct error *e)
{
        struct variables *variables = calloc(1, sizeof *variables);
        int status = 0;
        if (!variables)
                return error_set(e, ERROR_MEMORY, "no memory to read the environment");
        list_variables(config, variables);
        for (; status == 0 && environment && *environment; environment++)
                status = take_variable(config, variables, *environment, e);
        free(variables);
        return status;
}
