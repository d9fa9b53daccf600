#include "common/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/encoding.h"

enum { LEVELS_MAX = 8, LIST_MAX = 1024 };

struct level {
        size_t key_size; /* of the reader's key, without this level's last part */
        bool value_next; /* the next scalar is a value */
};

struct reader {
        struct document *document;
        struct error *e;
        char key[DOCUMENT_KEY_SIZE]; /* of the value that comes next */
        struct level levels[LEVELS_MAX];
        size_t depth;
        struct document_entry *list; /* the list that is open */
        bool ended;
};

static int fail(struct reader *reader, size_t line, const char *what)
{
        return error_set(reader->e, ERROR_CONFIG, "%s:%zu: %s%s%s", reader->document->name, line, reader->key, *reader->key ? ": " : "",
                         what);
}

static int fail_memory(struct reader *reader)
{
        return error_set(reader->e, ERROR_MEMORY, "no memory to read %s", reader->document->name);
}

static int add_text(struct reader *reader, struct document_entry *entry, const yaml_event_t *event)
{
        const char *text = (const char *)event->data.scalar.value;
        size_t line = event->start_mark.line + 1;
        bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        if (plain && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
                return fail(reader, line, "has no value");
        if (strlen(text) != event->data.scalar.length)
                return fail(reader, line, "must not hold a NUL");
        if (entry->text_count == LIST_MAX)
                return fail(reader, line, "is too long a list");
        char **grown = reallocarray(entry->texts, entry->text_count + 1, sizeof *grown);
        if (!grown)
                return fail_memory(reader);
        entry->texts = grown;
        entry->texts[entry->text_count] = strdup(text);
        return entry->texts[entry->text_count++] ? 0 : fail_memory(reader);
}

static struct document_entry *add_entry(struct reader *reader, size_t line, bool list)
{
        struct document *document = reader->document;
        for (size_t i = 0; i < document->count; i++) {
                if (strcmp(document->entries[i].key, reader->key) != 0)
                        continue;
                fail(reader, line, "stands twice");
                return NULL;
        }
        struct document_entry *grown = reallocarray(document->entries, document->count + 1, sizeof *grown);
        if (!grown) {
                fail_memory(reader);
                return NULL;
        }
        document->entries = grown;
        struct document_entry *entry = &grown[document->count++];
        *entry = (struct document_entry){.list = list, .line = line};
        memcpy(entry->key, reader->key, sizeof entry->key);
        return entry;
}

static struct level *present(struct reader *reader)
{
        return reader->depth ? &reader->levels[reader->depth - 1] : NULL;
}

/* A value is complete: the mapping around it expects a key again. */
static void end_value(struct reader *reader)
{
        struct level *level = present(reader);
        if (!level)
                return;
        level->value_next = false;
        reader->key[level->key_size] = 0;
}

static int take_key(struct reader *reader, const yaml_event_t *event)
{
        struct level *level = present(reader);
        size_t room = sizeof reader->key - level->key_size;
        const char *separator = level->key_size ? "." : "", *text = (const char *)event->data.scalar.value;
        int size = snprintf(reader->key + level->key_size, room, "%s%s", separator, text);
        if (size < 0 || (size_t)size >= room || strlen(text) != event->data.scalar.length || !*text)
                return fail(reader, event->start_mark.line + 1, "is no usable key");
        level->value_next = true;
        return 0;
}

static int take_scalar(struct reader *reader, const yaml_event_t *event)
{
        struct level *level = present(reader);
        if (reader->list)
                return add_text(reader, reader->list, event);
        if (!level)
                return fail(reader, event->start_mark.line + 1, "the file must be a mapping of keys to values");
        if (!level->value_next)
                return take_key(reader, event);
        struct document_entry *entry = add_entry(reader, event->start_mark.line + 1, false);
        if (!entry || add_text(reader, entry, event) < 0)
                return -1;
        end_value(reader);
        return 0;
}

static int open_mapping(struct reader *reader, size_t line)
{
        struct level *level = present(reader);
        if (reader->list || (level && !level->value_next))
                return fail(reader, line, "a mapping cannot stand here");
        if (reader->depth == LEVELS_MAX)
                return fail(reader, line, "is nested too deep");
        reader->levels[reader->depth++] = (struct level){.key_size = strlen(reader->key)};
        return 0;
}

static int open_list(struct reader *reader, size_t line)
{
        struct level *level = present(reader);
        if (reader->list || !level || !level->value_next)
                return fail(reader, line, "a list cannot stand here");
        reader->list = add_entry(reader, line, true);
        return reader->list ? 0 : -1;
}

static int take_event(struct reader *reader, const yaml_event_t *event)
{
        size_t line = event->start_mark.line + 1;
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return take_scalar(reader, event);
        case YAML_MAPPING_START_EVENT:
                return open_mapping(reader, line);
        case YAML_MAPPING_END_EVENT:
                reader->depth--;
                end_value(reader);
                return 0;
        case YAML_SEQUENCE_START_EVENT:
                return open_list(reader, line);
        case YAML_SEQUENCE_END_EVENT:
                reader->list = NULL;
                end_value(reader);
                return 0;
        case YAML_ALIAS_EVENT:
                return fail(reader, line, "aliases are not read");
        case YAML_DOCUMENT_START_EVENT:
                return reader->ended ? fail(reader, line, "a second document") : 0;
        case YAML_DOCUMENT_END_EVENT:
                reader->ended = true;
                return 0;
        default:
                return 0;
        }
}

static int read_events(struct reader *reader, yaml_parser_t *parser)
{
        for (bool more = true; more;) {
                yaml_event_t event;
                if (!yaml_parser_parse(parser, &event))
                        return fail(reader, parser->problem_mark.line + 1, parser->problem ? parser->problem : "is not YAML");
                more = event.type != YAML_STREAM_END_EVENT;
                int status = take_event(reader, &event);
                yaml_event_delete(&event);
                if (status < 0)
                        return -1;
        }
        return 0;
}

int document_parse(struct document *ret_document, const char *name, struct span text, struct error *e)
{
        struct document document = {.name = name};
        struct reader reader = {.document = &document, .e = e};
        yaml_parser_t parser;
        if (!yaml_parser_initialize(&parser))
                return fail_memory(&reader);
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, text.data ? text.data : (const uint8_t *)"", text.size);
        int status = read_events(&reader, &parser);
        yaml_parser_delete(&parser);
        if (status < 0)
                document_close(&document);
        *ret_document = document;
        return status;
}

static int read_file(const char *path, struct bytes *ret_text, struct error *e)
{
        FILE *file = fopen(path, "re");
        size_t size = 0;
        if (!file)
                return error_set_sys(e, ERROR_CONFIG, errno, "%s", path);
        do {
                if (bytes_reserve(ret_text, 16 << 10) < 0) {
                        fclose(file);
                        return error_set(e, ERROR_MEMORY, "no memory to read %s", path);
                }
                size = fread(ret_text->data + ret_text->size, 1, 16 << 10, file);
                ret_text->size += size;
        } while (size && ret_text->size <= DOCUMENT_BYTES_MAX);
        int failed = ferror(file) ? errno : 0;
        fclose(file);
        if (failed)
                return error_set_sys(e, ERROR_CONFIG, failed, "%s", path);
        return size ? error_set(e, ERROR_CONFIG, "%s: above %d bytes", path, DOCUMENT_BYTES_MAX) : 0;
}

int document_open(struct document *ret_document, const char *path, struct error *e)
{
        struct bytes text = {0};
        *ret_document = (struct document){0};
        int status = read_file(path, &text, e);
        if (status == 0)
                status = document_parse(ret_document, path, bytes_span(&text), e);
        bytes_deinit(&text);
        return status;
}

void document_close(struct document *document)
{
        for (size_t i = 0; i < document->count; i++) {
                for (size_t j = 0; j < document->entries[i].text_count; j++)
                        free(document->entries[i].texts[j]);
                free(document->entries[i].texts);
        }
        free(document->entries);
        *document = (struct document){0};
}
