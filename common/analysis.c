#include "common/analysis.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/analysis_source.h"

enum {
        BYTES_MAX = 256 << 10, /* hostile code costs up to 0.3 µs a byte, and intake serves all agents on one thread */
        MATCHES_MAX = 1024,
        MATCHES_OF_RULE_MAX = 8, /* in one file */
        LIMITS_MET_MAX = 16,     /* matches that were cut short before the whole job is */
        MATCH_LIMIT = 200000,
        DEPTH_LIMIT = 5000,
        HEAP_LIMIT_KIB = 4096,
};

struct analysis {
        struct rules *languages;
        size_t count;
        pcre2_match_context *context;
};

struct match {
        const struct rule *rule;
        size_t file; /* of the job; 0 for code */
        size_t at;
        bool raise;
};

/* One job being looked at. */
struct run {
        const struct rules *rules;
        pcre2_match_context *context;
        enum risk level;
        struct match *matches;
        size_t count;
        size_t bytes_left;
        unsigned limits_met;
        bool incomplete;
};

static int set_context(struct analysis *a)
{
        a->context = pcre2_match_context_create(NULL);
        if (!a->context)
                return -1;
        pcre2_set_match_limit(a->context, MATCH_LIMIT);
        pcre2_set_depth_limit(a->context, DEPTH_LIMIT);
        pcre2_set_heap_limit(a->context, HEAP_LIMIT_KIB);
        return 0;
}

static int open_language(struct analysis *a, const char *folder, const char *file, struct error *e)
{
        char path[4096], language[256];
        struct document document;
        struct rules *grown = reallocarray(a->languages, a->count + 1, sizeof *grown);
        if (!grown)
                return error_set(e, ERROR_MEMORY, "no memory for %s/%s", folder, file);
        a->languages = grown;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        snprintf(language, sizeof language, "%.*s", (int)(strrchr(file, '.') - file), file);
        if (document_open(&document, path, e) < 0)
                return -1;
        int status = rules_read(&grown[a->count], language, &document, e);
        a->count += status == 0;
        document_close(&document);
        return status;
}

static int is_yaml(const struct dirent *entry)
{
        const char *dot = strrchr(entry->d_name, '.');
        return dot && dot != entry->d_name && strcmp(dot, ".yaml") == 0;
}

static int open_languages(struct analysis *a, const char *directory, struct error *e)
{
        char folder[4096];
        struct dirent **files = NULL;
        int status = 0;
        snprintf(folder, sizeof folder, "%s/analysis", directory);
        int count = scandir(folder, &files, is_yaml, alphasort);
        if (count < 0)
                return error_set_sys(e, ERROR_CONFIG, errno, "%s", folder);
        for (int i = 0; i < count; i++) {
                if (status == 0)
                        status = open_language(a, folder, files[i]->d_name, e);
                free(files[i]);
        }
        free(files);
        return status;
}

int analysis_open(struct analysis **ret_analysis, const char *directory, struct error *e)
{
        struct analysis *a = calloc(1, sizeof *a);
        if (!a || set_context(a) < 0) {
                analysis_close(a);
                return error_set(e, ERROR_MEMORY, "no memory for the analysis");
        }
        if (open_languages(a, directory, e) < 0) {
                analysis_close(a);
                return -1;
        }
        *ret_analysis = a;
        return 0;
}

void analysis_close(struct analysis *a)
{
        if (!a)
                return;
        for (size_t i = 0; i < a->count; i++)
                rules_deinit(&a->languages[i]);
        free(a->languages);
        pcre2_match_context_free(a->context);
        free(a);
}

static const struct rules *find_rules(const struct analysis *a, const char *language)
{
        for (size_t i = 0; i < a->count; i++) {
                if (strcmp(a->languages[i].language, language) == 0)
                        return &a->languages[i];
        }
        return NULL;
}

static void add_match(struct run *run, const struct rule *rule, size_t file, size_t at)
{
        if (run->count == MATCHES_MAX) {
                run->incomplete = true;
                return;
        }
        run->matches[run->count++] = (struct match){rule, file, at, rule->raise && run->level < RISK_HIGH};
}

static void meet_limit(struct run *run)
{
        run->limits_met++;
        run->incomplete = true;
}

/* Up to MATCHES_OF_RULE_MAX places where the rule holds, each search from the next byte that it judges. */
static void match_rule(struct run *run, const struct source *source, const struct rule *rule, size_t file, pcre2_match_data *data)
{
        const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(data);
        size_t at = source_next_judged(source, rule, 0);
        for (int found = 0; found < MATCHES_OF_RULE_MAX && at < source->text.size;) {
                int status = pcre2_match(rule->pattern, source->text.data, source->text.size, at, 0, data, run->context);
                if (status == PCRE2_ERROR_NOMATCH)
                        return;
                if (status < 0) {
                        meet_limit(run);
                        return;
                }
                size_t start = offsets[0], end = offsets[1] > at ? offsets[1] : at + 1;
                bool judged = start < source->text.size && source_next_judged(source, rule, start) == start;
                if (judged)
                        add_match(run, rule, file, start);
                found += judged;
                at = source_next_judged(source, rule, judged ? end : start > at ? start : at + 1);
        }
}

static void match_rules(struct run *run, const struct source *source, size_t file)
{
        for (size_t i = 0; i < run->rules->count && run->limits_met < LIMITS_MET_MAX; i++) {
                const struct rule *rule = &run->rules->rules[i];
                pcre2_match_data *data = pcre2_match_data_create_from_pattern(rule->pattern, NULL);
                if (data)
                        match_rule(run, source, rule, file, data);
                else
                        run->incomplete = true;
                pcre2_match_data_free(data);
        }
}

static void look_at(struct run *run, struct span text, size_t file)
{
        struct source source;
        if (text.size > run->bytes_left) {
                text.size = run->bytes_left;
                run->incomplete = true;
        }
        run->bytes_left -= text.size;
        if (!text.size || run->limits_met == LIMITS_MET_MAX)
                return;
        int status = source_init(&source, text, run->rules, run->context);
        if (status != 0)
                meet_limit(run);
        if (status >= 0)
                match_rules(run, &source, file);
        source_deinit(&source);
}

static void look_at_all(struct run *run, const struct job *job)
{
        if (job->has_code)
                look_at(run, bytes_span(&job->code), 0);
        for (size_t i = 0; i < job->file_count; i++)
                look_at(run, bytes_span(&job->files[i].content), i);
}

static int compare_places(const void *a, const void *b)
{
        const struct match *x = a, *y = b;
        if (x->file != y->file)
                return x->file < y->file ? -1 : 1;
        if (x->at != y->at)
                return x->at < y->at ? -1 : 1;
        return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int compare_weights(const void *a, const void *b)
{
        const struct match *x = a, *y = b;
        return x->raise != y->raise ? (x->raise ? -1 : 1) : compare_places(a, b);
}

static void fill_finding(struct finding *f, const struct match *match, const struct job *job)
{
        source_locate(job->has_code ? bytes_span(&job->code) : bytes_span(&job->files[match->file].content), match->at, f);
        f->raise = match->raise;
        utf8_copy(f->rule, sizeof f->rule, span_of(match->rule->name));
        utf8_copy(f->category, sizeof f->category, span_of(match->rule->category));
        if (!job->has_code)
                utf8_copy(f->path, sizeof f->path, span_of(job->files[match->file].path));
}

static void fill_incomplete(struct finding *f)
{
        *f = (struct finding){.rule = "analysis.incomplete", .category = "analysis", .excerpt = "not all of the code was looked at"};
}

/* When there are too many, those that raised the level stay. */
static void take_findings(struct run *run, const struct job *job, struct finding **ret_findings, size_t *ret_count)
{
        size_t room = RESULT_FINDINGS_MAX - run->incomplete, count = run->count < room ? run->count : room;
        if (count + run->incomplete == 0)
                return;
        if (count) {
                qsort(run->matches, run->count, sizeof *run->matches, compare_weights);
                qsort(run->matches, count, sizeof *run->matches, compare_places);
        }
        *ret_findings = calloc(count + run->incomplete, sizeof **ret_findings);
        if (!*ret_findings)
                return;
        for (size_t i = 0; i < count; i++)
                fill_finding(&(*ret_findings)[i], &run->matches[i], job);
        if (run->incomplete)
                fill_incomplete(&(*ret_findings)[count]);
        *ret_count = count + run->incomplete;
}

static enum risk asked_level(const struct run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                if (run->matches[i].raise)
                        return RISK_HIGH;
        }
        return run->level;
}

enum risk analysis_run(const struct analysis *a, const struct job *job, enum risk level, struct finding **ret_findings, size_t *ret_count)
{
        struct run run = {.rules = find_rules(a, job->language), .context = a->context, .level = level, .bytes_left = BYTES_MAX};
        *ret_findings = NULL;
        *ret_count = 0;
        if (!run.rules)
                return level;
        run.matches = calloc(MATCHES_MAX, sizeof *run.matches);
        if (run.matches)
                look_at_all(&run, job);
        else
                run.incomplete = true;
        take_findings(&run, job, ret_findings, ret_count);
        enum risk asked = asked_level(&run);
        free(run.matches);
        return asked;
}
