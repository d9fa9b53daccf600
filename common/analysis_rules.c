#include "common/analysis_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"
#include "common/nearest.h"

static const char *const categories[] = {"network", "file", "execution", "sensitive"};
static const char *const top_keys[] = {"define", "comments", "strings", "templates", "network", "file", "execution", "sensitive"};
static const char *const rule_keys[] = {"pattern", "in", "action"};
static const char *const no_texts[] = {"(?!)"};

enum { CATEGORY_COUNT = 4, TOP_COUNT = 8, RULE_KEY_COUNT = 3 };

struct reader {
        struct rules *rules;
        const struct document *document;
        struct error *e;
};

static int fail(struct reader *reader, size_t line, const char *key, const char *what)
{
        return error_set(reader->e, ERROR_CONFIG, "%s:%zu: %s: %s", reader->document->name, line, key, what);
}

static int fail_unknown(struct reader *reader, const struct document_entry *entry, const char *part, const char *const *known, size_t count)
{
        const char *nearest = nearest_name(span_of(part), known, count);
        return error_set(reader->e, ERROR_CONFIG, "%s:%zu: %s: unknown key %s%s%s", reader->document->name, entry->line, entry->key, part,
                         nearest ? "; nearest known key is " : "", nearest ? nearest : "");
}

static const struct document_entry *find_entry(const struct document *document, const char *key)
{
        for (size_t i = 0; i < document->count; i++) {
                if (strcmp(document->entries[i].key, key) == 0)
                        return &document->entries[i];
        }
        return NULL;
}

/* Alternatives, each in a group of its own. */
static int append_alternatives(struct bytes *ret_pattern, const char *const *texts, size_t count)
{
        int status = 0;
        for (size_t i = 0; status == 0 && i < count; i++)
                status = bytes_append_format(ret_pattern, "%s(?:%s)", i ? "|" : "", texts[i]);
        return status;
}

static int append_definitions(struct reader *reader, struct bytes *ret_pattern)
{
        const struct document_entry *entry = find_entry(reader->document, "define");
        for (size_t i = 0; entry && i < entry->text_count; i++) {
                if (bytes_append_format(ret_pattern, "(?(DEFINE)%s)", entry->texts[i]) < 0)
                        return -1;
        }
        return 0;
}

static pcre2_code *compile(struct reader *reader, const struct bytes *pattern, size_t line, const char *key)
{
        int code;
        PCRE2_SIZE at;
        char reason[128] = "", what[192];
        pcre2_code *compiled = pcre2_compile(pattern->data, pattern->size, PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
        if (compiled) {
                pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* where it cannot, the interpreter serves */
                return compiled;
        }
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
        snprintf(what, sizeof what, "is no pattern: %s", reason);
        fail(reader, line, key, what);
        return NULL;
}

static int fail_memory(struct reader *reader)
{
        return error_set(reader->e, ERROR_MEMORY, "no memory for the rules of %s", reader->document->name);
}

/* "(?<name>a|b)" of the key's patterns, or what never matches. */
static int append_token(struct reader *reader, struct bytes *ret_pattern, const char *key, const char *name)
{
        const struct document_entry *entry = find_entry(reader->document, key);
        int status = bytes_append_format(ret_pattern, "%s(?<%s>", ret_pattern->size ? "|" : "", name);
        if (status == 0 && entry && entry->text_count)
                status = append_alternatives(ret_pattern, (const char *const *)entry->texts, entry->text_count);
        else if (status == 0)
                status = append_alternatives(ret_pattern, no_texts, 1);
        return status < 0 ? -1 : bytes_append_string(ret_pattern, ")");
}

static int read_tokens(struct reader *reader)
{
        struct rules *rules = reader->rules;
        struct bytes pattern = {0};
        int status = append_token(reader, &pattern, "comments", "comment");
        if (status == 0)
                status = append_token(reader, &pattern, "templates", "template");
        if (status == 0)
                status = append_token(reader, &pattern, "strings", "string");
        if (status == 0)
                rules->tokens = compile(reader, &pattern, 1, "comments, templates, strings");
        else
                fail_memory(reader);
        bytes_deinit(&pattern);
        if (!rules->tokens)
                return -1;
        rules->comment_group = (uint32_t)pcre2_substring_number_from_name(rules->tokens, (PCRE2_SPTR) "comment");
        rules->string_group = (uint32_t)pcre2_substring_number_from_name(rules->tokens, (PCRE2_SPTR) "string");
        return 0;
}

static int read_pattern(struct reader *reader, struct rule *rule, const struct document_entry *entry)
{
        struct bytes pattern = {0};
        if (append_definitions(reader, &pattern) == 0 &&
            append_alternatives(&pattern, (const char *const *)entry->texts, entry->text_count) == 0)
                rule->pattern = compile(reader, &pattern, entry->line, entry->key);
        else
                fail_memory(reader);
        bytes_deinit(&pattern);
        return rule->pattern ? 0 : -1;
}

/* One of two words; *ret_second says which. */
static int read_word(struct reader *reader, const struct document_entry *entry, const char *first, const char *second, bool *ret_second)
{
        char what[64];
        *ret_second = entry->text_count == 1 && strcmp(entry->texts[0], second) == 0;
        if (entry->text_count == 1 && (*ret_second || strcmp(entry->texts[0], first) == 0))
                return 0;
        snprintf(what, sizeof what, "must be %s or %s", first, second);
        return fail(reader, entry->line, entry->key, what);
}

static struct rule *find_rule(struct rules *rules, const char *name)
{
        for (size_t i = 0; i < rules->count; i++) {
                if (strcmp(rules->rules[i].name, name) == 0)
                        return &rules->rules[i];
        }
        return NULL;
}

static struct rule *add_rule(struct reader *reader, const char *name, const char *category, size_t line)
{
        struct rules *rules = reader->rules;
        struct rule *grown = reallocarray(rules->rules, rules->count + 1, sizeof *grown);
        if (!grown) {
                fail_memory(reader);
                return NULL;
        }
        rules->rules = grown;
        struct rule *rule = &grown[rules->count++];
        *rule = (struct rule){.line = line};
        snprintf(rule->name, sizeof rule->name, "%s", name);
        snprintf(rule->category, sizeof rule->category, "%s", category);
        return rule;
}

static bool is_known(const char *name, const char *const *known, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(known[i], name) == 0)
                        return true;
        }
        return false;
}

/* CATEGORY.RULE.KEY */
static int read_rule_key(struct reader *reader, const struct document_entry *entry, const char *category)
{
        char name[DOCUMENT_KEY_SIZE];
        snprintf(name, sizeof name, "%s", entry->key);
        char *dot = strrchr(name, '.');
        if (!dot || !strchr(entry->key, '.') || (size_t)(dot - name) >= RULE_NAME_SIZE || dot == name + strlen(category))
                return fail(reader, entry->line, entry->key, "is no CATEGORY.RULE.pattern, .in or .action");
        *dot = 0;
        const char *key = dot + 1;
        if (!is_known(key, rule_keys, RULE_KEY_COUNT))
                return fail_unknown(reader, entry, key, rule_keys, RULE_KEY_COUNT);
        struct rule *rule = find_rule(reader->rules, name);
        if (!rule)
                rule = add_rule(reader, name, category, entry->line);
        if (!rule)
                return -1;
        if (strcmp(key, "pattern") == 0)
                return read_pattern(reader, rule, entry);
        if (strcmp(key, "in") == 0)
                return read_word(reader, entry, "code", "text", &rule->in_text);
        return read_word(reader, entry, "record", "raise", &rule->raise);
}

static int read_entry(struct reader *reader, const struct document_entry *entry)
{
        char top[DOCUMENT_KEY_SIZE];
        snprintf(top, sizeof top, "%.*s", (int)strcspn(entry->key, "."), entry->key);
        if (!is_known(top, top_keys, TOP_COUNT))
                return fail_unknown(reader, entry, top, top_keys, TOP_COUNT);
        return is_known(top, categories, CATEGORY_COUNT) ? read_rule_key(reader, entry, top) : 0;
}

static int read_all(struct reader *reader)
{
        struct rules *rules = reader->rules;
        for (size_t i = 0; i < reader->document->count; i++) {
                if (read_entry(reader, &reader->document->entries[i]) < 0)
                        return -1;
        }
        for (size_t i = 0; i < rules->count; i++) {
                if (!rules->rules[i].pattern)
                        return fail(reader, rules->rules[i].line, rules->rules[i].name, "has no pattern");
        }
        return read_tokens(reader);
}

int rules_read(struct rules *ret_rules, const char *language, const struct document *document, struct error *e)
{
        struct reader reader = {ret_rules, document, e};
        *ret_rules = (struct rules){.language = strdup(language)};
        int status = ret_rules->language ? read_all(&reader) : fail_memory(&reader);
        if (status < 0)
                rules_deinit(ret_rules);
        return status;
}

void rules_deinit(struct rules *rules)
{
        for (size_t i = 0; i < rules->count; i++)
                pcre2_code_free(rules->rules[i].pattern);
        free(rules->rules);
        free(rules->language);
        pcre2_code_free(rules->tokens);
        *rules = (struct rules){0};
}
