#include "common/analysis_source.h"

#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"

/* Columns up to which an excerpt begins with its line. */
enum { EXCERPT_LEAD_MAX = 48 };

static bool group_set(const PCRE2_SIZE *offsets, uint32_t group)
{
        return offsets[(size_t)2 * group] != PCRE2_UNSET;
}

static void mark_token(struct source *source, const struct rules *rules, const PCRE2_SIZE *offsets)
{
        enum source_kind kind = group_set(offsets, rules->comment_group)  ? SOURCE_COMMENT
                                : group_set(offsets, rules->string_group) ? SOURCE_STRING
                                                                          : SOURCE_CODE;
        memset(source->kinds + offsets[0], kind, offsets[1] - offsets[0]);
}

static int mark_tokens(struct source *source, const struct rules *rules, pcre2_match_data *match, pcre2_match_context *context)
{
        const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match);
        for (size_t at = 0; at < source->text.size;) {
                int status = pcre2_match(rules->tokens, source->text.data, source->text.size, at, 0, match, context);
                if (status < 0)
                        return status != PCRE2_ERROR_NOMATCH;
                mark_token(source, rules, offsets);
                at = offsets[1] > at ? offsets[1] : at + 1;
        }
        return 0;
}

int source_init(struct source *ret_source, struct span text, const struct rules *rules, pcre2_match_context *context)
{
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(rules->tokens, NULL);
        int status = -1;
        *ret_source = (struct source){text, calloc(text.size + 1, 1)};
        if (match && ret_source->kinds)
                status = mark_tokens(ret_source, rules, match, context);
        pcre2_match_data_free(match);
        return status;
}

void source_deinit(struct source *source)
{
        free(source->kinds);
        source->kinds = NULL;
}

size_t source_next_judged(const struct source *source, const struct rule *rule, size_t at)
{
        while (at < source->text.size && source->kinds[at] > (rule->in_text ? SOURCE_STRING : SOURCE_CODE))
                at++;
        return at;
}

static uint32_t count_lines(struct span text, size_t end)
{
        uint32_t lines = 1;
        const uint8_t *at = text.data;
        for (const uint8_t *limit = text.data + end; (at = memchr(at, '\n', (size_t)(limit - at))); at++)
                lines++;
        return lines;
}

void source_locate(struct span text, size_t at, struct finding *ret_finding)
{
        const uint8_t *newline = at ? memrchr(text.data, '\n', at) : NULL;
        size_t start = newline ? (size_t)(newline - text.data) + 1 : 0;
        ret_finding->line = count_lines(text, at);
        ret_finding->column = (uint32_t)(at - start + 1);
        while (start < at && (text.data[start] == ' ' || text.data[start] == '\t'))
                start++;
        if (at - start > EXCERPT_LEAD_MAX)
                start = at;
        const uint8_t *end = memchr(text.data + start, '\n', text.size - start);
        size_t size = end ? (size_t)(end - text.data) - start : text.size - start;
        utf8_copy(ret_finding->excerpt, sizeof ret_finding->excerpt, (struct span){text.data + start, size});
}
