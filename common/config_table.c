#include "common/config_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64 };

const struct config_row *config_table_find(const struct config_table *table, const char *key)
{
        for (size_t i = 0; i < table->count; i++) {
                if (strcmp(table->rows[i].key, key) == 0)
                        return &table->rows[i];
        }
        return NULL;
}

int config_row_set(const struct config_row *row, void *base, char *const *texts, size_t count, const char *where, const char *key,
                   struct error *e)
{
        char expected[160] = "";
        if (count > 1 && !row->kind->list)
                return error_set(e, ERROR_CONFIG, "%s: %s: must be %s, not a list", where, key, row->kind->what);
        if (count < 1 && !row->kind->list)
                return error_set(e, ERROR_CONFIG, "%s: %s: has no value", where, key);
        errno = 0;
        if (row->kind->read(row, (char *)base + row->offset, texts, count, expected) == 0)
                return 0;
        if (errno == ENOMEM)
                return error_set(e, ERROR_MEMORY, "%s: %s: no memory", where, key);
        return error_set(e, ERROR_CONFIG, "%s: %s: must be %s, not \"%.64s\"", where, key, expected, count ? texts[0] : "");
}

/* A default is written as words, of which only lists have several. */
static int set_fallback(const struct config_row *row, void *base, struct error *e)
{
        char *words[WORDS_MAX], *rest = NULL, *copy = strdup(row->fallback);
        size_t count = 0;
        if (!copy)
                return error_set(e, ERROR_MEMORY, "no memory for %s", row->key);
        if (row->kind->list) {
                for (char *word = strtok_r(copy, " ", &rest); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
                        words[count++] = word;
        } else {
                words[count++] = copy;
        }
        int status = config_row_set(row, base, words, count, "default", row->key, e);
        free(copy);
        return status;
}

int config_table_init(const struct config_table *table, void *base, struct error *e)
{
        for (size_t i = 0; i < table->count; i++) {
                if (table->rows[i].fallback && set_fallback(&table->rows[i], base, e) < 0)
                        return -1;
        }
        return 0;
}

void config_table_deinit(const struct config_table *table, void *base)
{
        for (size_t i = 0; i < table->count; i++) {
                if (table->rows[i].kind->release)
                        table->rows[i].kind->release(&table->rows[i], (char *)base + table->rows[i].offset);
        }
}

int config_row_append(const struct config_row *row, const void *base, struct bytes *ret_text)
{
        return row->kind->append(row, (const char *)base + row->offset, ret_text);
}

static int describe_names(const struct config_row *row, struct bytes *ret_text)
{
        int status = 0;
        for (size_t i = 0; status == 0 && row->names[i]; i++)
                status = bytes_append_format(ret_text, "%s %s", i ? "," : "", row->names[i]);
        return status;
}

int config_row_describe(const struct config_row *row, struct bytes *ret_text)
{
        int status = bytes_append_string(ret_text, row->kind->what);
        if (status == 0 && row->names)
                return describe_names(row, ret_text);
        if (status < 0 || !row->kind->append_bound)
                return status;
        status = bytes_append_string(ret_text, "; ");
        status |= row->kind->append_bound(ret_text, row->min);
        status |= bytes_append_string(ret_text, " to ");
        return status | row->kind->append_bound(ret_text, row->max);
}
