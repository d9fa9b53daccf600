/* A YAML file as a flat list of dotted keys: what the configuration and the analysis rules are read from.
 *
 * Mappings nest by dots ("trust.quarantine.window", also when a key holds dots itself), values are scalars or lists of scalars. Refused:
 * anything else, a key given twice, aliases, several documents. */
#ifndef BRIG_COMMON_DOCUMENT_H
#define BRIG_COMMON_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/error.h"

enum { DOCUMENT_KEY_SIZE = 128, DOCUMENT_BYTES_MAX = 1 << 20 };

struct document_entry {
        char key[DOCUMENT_KEY_SIZE];
        char **texts; /* one for a scalar; a list's elements */
        size_t text_count;
        bool list;
        size_t line; /* from 1 */
};

struct document {
        const char *name; /* borrowed; the file's path, for messages */
        struct document_entry *entries;
        size_t count;
};

/* 0, or -1 (ERROR_CONFIG): "FILE:LINE: what is wrong". `name` is borrowed until the document's end. */
int document_parse(struct document *ret_document, const char *name, struct span text, struct error *e);
int document_open(struct document *ret_document, const char *path, struct error *e); /* reads the file, then the same */
void document_close(struct document *document);

#endif
