#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* Texts, names and lists of them. */

static int replace_text(char **place, char *text_take)
{
        if (!text_take)
                return -1;
        free(*place);
        *place = text_take;
        return 0;
}

static int read_text(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        size_t size = strlen(texts[0]);
        (void)count;
        snprintf(ret_expected, 160, "%s of %llu to %llu bytes", row->kind->what, (unsigned long long)row->min,
                 (unsigned long long)row->max);
        return size < row->min || size > row->max ? -1 : replace_text(place, strdup(texts[0]));
}

static int append_text(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        const char *text = *(char *const *)place;
        (void)row;
        return text ? bytes_append_string(ret_text, text) : 0;
}

static void release_text(const struct config_row *row, void *place)
{
        (void)row;
        free(*(char **)place);
        *(char **)place = NULL;
}

const struct config_kind config_text = {read_text, append_text, release_text, NULL, "a text", false};

static int find_name(const struct config_row *row, const char *text)
{
        for (int i = 0; row->names[i]; i++) {
                if (strcmp(row->names[i], text) == 0)
                        return i;
        }
        return -1;
}

static void list_names(const struct config_row *row, char ret_expected[static 160])
{
        size_t size = (size_t)snprintf(ret_expected, 160, "%s", row->kind->what);
        for (int i = 0; row->names[i] && size < 160; i++)
                size += (size_t)snprintf(ret_expected + size, 160 - size, "%s %s", i ? "," : "", row->names[i]);
}

static int read_name(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        int index = find_name(row, texts[0]);
        (void)count;
        list_names(row, ret_expected);
        if (index >= 0)
                *(int *)place = index;
        return index < 0 ? -1 : 0;
}

static int append_name(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        return bytes_append_string(ret_text, row->names[*(const int *)place]);
}

static int read_choice(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        (void)count;
        list_names(row, ret_expected);
        return find_name(row, texts[0]) < 0 ? -1 : replace_text(place, strdup(texts[0]));
}

const struct config_kind config_name = {read_name, append_name, NULL, NULL, "one of", false};
const struct config_kind config_choice = {read_choice, append_text, release_text, NULL, "one of", false};

static char *join_words(char *const *texts, size_t count)
{
        struct bytes joined = {0};
        int status = bytes_reserve(&joined, 1);
        for (size_t i = 0; status == 0 && i < count; i++)
                status = bytes_append_format(&joined, "%s%s", i ? " " : "", texts[i]);
        if (status < 0)
                bytes_deinit(&joined);
        return bytes_take(&joined);
}

static int read_words(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        snprintf(ret_expected, 160, "%s", row->kind->what);
        if (count)
                return replace_text(place, join_words(texts, count));
        release_text(row, place);
        return 0;
}

static int read_choices(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        list_names(row, ret_expected);
        for (size_t i = 0; i < count; i++) {
                if (find_name(row, texts[i]) < 0)
                        return -1;
        }
        return replace_text(place, join_words(texts, count));
}

const struct config_kind config_words = {read_words, append_text, release_text, NULL, "a list of words", true};
const struct config_kind config_choices = {read_choices, append_text, release_text, NULL, "a list of", true};

static void release_list(const struct config_row *row, void *place)
{
        char **items = place;
        for (size_t i = 0; i < row->max; i++) {
                free(items[i]);
                items[i] = NULL;
        }
}

static int read_list(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        char **items = place;
        snprintf(ret_expected, 160, "a list of at most %llu texts", (unsigned long long)row->max);
        if (count > row->max || count < row->min)
                return -1;
        release_list(row, place);
        for (size_t i = 0; i < count; i++) {
                items[i] = strdup(texts[i]);
                if (!items[i])
                        return -1;
        }
        return 0;
}

static int append_list(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        char *const *items = place;
        for (size_t i = 0; i < row->max && items[i]; i++) {
                if (bytes_append_format(ret_text, "%s%s", i ? " " : "", items[i]) < 0)
                        return -1;
        }
        return 0;
}

const struct config_kind config_list = {read_list, append_list, release_list, NULL, "a list of texts", true};
