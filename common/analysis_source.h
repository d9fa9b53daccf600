/* One source text, split into code, strings and comments, and where in it something stands. */
#ifndef BRIG_COMMON_ANALYSIS_SOURCE_H
#define BRIG_COMMON_ANALYSIS_SOURCE_H

#include "common/analysis_rules.h"
#include "common/result.h"

enum source_kind { SOURCE_CODE, SOURCE_STRING, SOURCE_COMMENT };

struct source {
        struct span text;
        uint8_t *kinds; /* enum source_kind of each byte */
};

/* 0; 1: a match limit ended the splitting, the rest counts as code; -1: no memory. */
int source_init(struct source *ret_source, struct span text, const struct rules *rules, pcre2_match_context *context);
void source_deinit(struct source *source);

/* The first byte from `at` on that the rule judges. */
size_t source_next_judged(const struct source *source, const struct rule *rule, size_t at);

/* Fills line, column and excerpt of a place in a text. */
void source_locate(struct span text, size_t at, struct finding *ret_finding);

#endif
