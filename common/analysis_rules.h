/* The rules of one language, compiled: what analysis reads from config/analysis/LANGUAGE.yaml.
 *
 *      define: PATTERN                 named groups that the other patterns may call, (?&name)
 *      comments, strings, templates: PATTERNS   what is no code: templates hold code, so they are judged as code
 *      CATEGORY: {RULE: {pattern: PATTERNS, in: code | text, action: record | raise}}
 *
 * Patterns are PCRE2 over bytes, `^` at each line. `in: code` (the default) counts matches that begin in code, `in: text` in strings too;
 * in comments none does. */
#ifndef BRIG_COMMON_ANALYSIS_RULES_H
#define BRIG_COMMON_ANALYSIS_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>

#include "common/document.h"
#include "common/error.h"

enum { RULE_NAME_SIZE = 64, RULE_CATEGORY_SIZE = 16 };

struct rule {
        char name[RULE_NAME_SIZE]; /* "execution.eval" */
        char category[RULE_CATEGORY_SIZE];
        bool in_text, raise;
        pcre2_code *pattern;
        size_t line; /* of the file, for messages */
};

struct rules {
        char *language;
        pcre2_code *tokens; /* groups "comment", "template", "string" */
        uint32_t comment_group, string_group;
        struct rule *rules;
        size_t count;
};

/* 0, or -1 (ERROR_CONFIG): "FILE:LINE: KEY: what is wrong". */
int rules_read(struct rules *ret_rules, const char *language, const struct document *document, struct error *e);
void rules_deinit(struct rules *rules);

#endif
