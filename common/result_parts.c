#include "common/result_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/record.h"

static const struct record_field termination_fields[] = {
                {"cause", RECORD_ENUM, RECORD_ALWAYS, offsetof(struct termination, cause), 0, result_cause_names, NULL, NULL},
                RECORD_FIELD(termination, "rule", RECORD_TEXT, RECORD_NONZERO, rule),
                RECORD_FIELD(termination, "reason", RECORD_TEXT, RECORD_NONZERO, reason),
};

static const struct record_field termination_limit_fields[] = {
                RECORD_FIELD(termination, "limit", RECORD_U64, RECORD_ALWAYS, limit),
                RECORD_FIELD(termination, "observed", RECORD_U64, RECORD_ALWAYS, observed),
};

static const struct record_field code_field = RECORD_FIELD(termination, "code", RECORD_INT, RECORD_ALWAYS, code);
static const struct record_field signal_field = RECORD_FIELD(termination, "signal", RECORD_INT, RECORD_ALWAYS, signal);

/* An exit code of 0 is written, and only where there is one. */
static const struct record_field *number_field(enum cause cause)
{
        if (cause == CAUSE_EXIT || cause == CAUSE_COMPILE_FAILED)
                return &code_field;
        return cause == CAUSE_SIGNAL ? &signal_field : NULL;
}

int result_write_termination(json_t *object, const char *key, const void *result)
{
        const struct termination *t = &((const struct result *)result)->termination;
        const struct record_field *number = number_field(t->cause);
        if (t->cause == CAUSE_NONE)
                return 0;
        json_t *part = json_object();
        if (json_object_set_new(object, key, part) < 0 || record_write(termination_fields, RECORD_COUNT(termination_fields), t, part) < 0)
                return -1;
        if (number && record_write(number, 1, t, part) < 0)
                return -1;
        return t->has_limit ? record_write(termination_limit_fields, RECORD_COUNT(termination_limit_fields), t, part) : 0;
}

int result_read_termination(const json_t *value, void *result)
{
        struct termination *t = &((struct result *)result)->termination;
        struct error e;
        if (record_read(termination_fields, RECORD_COUNT(termination_fields), t, value, &e) < 0)
                return -1;
        const struct record_field *number = number_field(t->cause);
        if (number && record_read(number, 1, t, value, &e) < 0)
                return -1;
        t->has_limit = json_object_get(value, "limit") != NULL;
        return t->has_limit ? record_read(termination_limit_fields, RECORD_COUNT(termination_limit_fields), t, value, &e) : 0;
}

int result_write_rejection(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        return r->rejection.reason == REJECTION_NONE ? 0 : json_object_set_new(object, key, rejection_to_json(&r->rejection));
}

int result_read_rejection(const json_t *value, void *result)
{
        return rejection_from_json(&((struct result *)result)->rejection, value);
}

int result_write_risk(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        return r->has_risk ? json_object_set_new(object, key, json_string(risk_name(r->risk))) : 0;
}

int result_read_risk(const json_t *value, void *result)
{
        struct result *r = result;
        r->has_risk = json_is_string(value) && risk_parse(span_of(json_string_value(value)), &r->risk);
        return r->has_risk ? 0 : -1;
}

static const struct record_field in_force_fields[] = {
                RECORD_FIELD(limits_in_force, "disk_bytes", RECORD_U64, RECORD_ALWAYS, disk_bytes),
                RECORD_FIELD(limits_in_force, "network", RECORD_TEXT, RECORD_NONZERO, network),
                RECORD_FIELD(limits_in_force, "seccomp", RECORD_TEXT, RECORD_NONZERO, seccomp),
                RECORD_FIELD(limits_in_force, "user", RECORD_TEXT, RECORD_NONZERO, user),
};

int result_write_limits(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        if (!r->has_limits)
                return 0;
        json_t *part = limits_to_json(&r->limits.limits, r->limits.limits.cpu_ms ? ~0U : ~(unsigned)LIMIT_CPU_TIME);
        if (json_object_set_new(object, key, part) < 0)
                return -1;
        return record_write(in_force_fields, RECORD_COUNT(in_force_fields), &r->limits, part);
}

static int read_limit(const struct limit_key *key, const json_t *value, struct limits *limits)
{
        double number = json_number_value(value);
        if (!value)
                return 0;
        if (!json_is_number(value) || number < 0 || number > 9e15)
                return -1;
        limits_set(limits, key, key->thousandths ? (uint64_t)(number * 1000 + 0.5) : (uint64_t)json_integer_value(value));
        return 0;
}

int result_read_limits(const json_t *value, void *result)
{
        struct result *r = result;
        struct error e;
        for (size_t i = 0; i < LIMIT_COUNT; i++) {
                if (read_limit(&limit_keys[i], json_object_get(value, limit_keys[i].name), &r->limits.limits) < 0)
                        return -1;
        }
        r->has_limits = true;
        return record_read(in_force_fields, RECORD_COUNT(in_force_fields), &r->limits, value, &e);
}

static const struct record_field finding_fields[] = {
                RECORD_FIELD(finding, "rule", RECORD_TEXT, RECORD_ALWAYS, rule),
                RECORD_FIELD(finding, "category", RECORD_TEXT, RECORD_ALWAYS, category),
                RECORD_FIELD(finding, "path", RECORD_TEXT, RECORD_NONZERO, path),
                RECORD_FIELD(finding, "line", RECORD_U32, RECORD_ALWAYS, line),
                RECORD_FIELD(finding, "column", RECORD_U32, RECORD_ALWAYS, column),
                RECORD_FIELD(finding, "excerpt", RECORD_TEXT, RECORD_ALWAYS, excerpt),
                RECORD_FIELD(finding, "raise", RECORD_BOOL, RECORD_ALWAYS, raise),
};

static const struct record_field violation_fields[] = {
                RECORD_FIELD(violation, "rule", RECORD_TEXT, RECORD_ALWAYS, rule),
                {"class", RECORD_ENUM, RECORD_ALWAYS, offsetof(struct violation, class), 0, violation_class_names, NULL, NULL},
                RECORD_FIELD(violation, "detail", RECORD_TEXT, RECORD_ALWAYS, detail),
                RECORD_FIELD(violation, "count", RECORD_U32, RECORD_ALWAYS, count),
};

static const struct record_field artifact_fields[] = {
                RECORD_FIELD(artifact, "path", RECORD_STRING, RECORD_ALWAYS, path),
                RECORD_FIELD(artifact, "bytes", RECORD_U64, RECORD_ALWAYS, bytes),
                RECORD_FIELD(artifact, "sha256", RECORD_TEXT, RECORD_ALWAYS, sha256),
};

static const struct record_field omitted_fields[] = {
                RECORD_FIELD(artifact_omitted, "path", RECORD_STRING, RECORD_ALWAYS, path),
                RECORD_FIELD(artifact_omitted, "reason", RECORD_TEXT, RECORD_ALWAYS, reason),
};

/* Reads an array of objects into new memory; *ret_count grows with what is filled, so that the owner can free it after a failure. */
static int read_array(const struct record_field *fields, size_t field_count, size_t stride, size_t max, const json_t *value,
                      void **ret_first, size_t *ret_count)
{
        size_t count = json_array_size(value);
        struct error e;
        if (!json_is_array(value) || count > max)
                return -1;
        if (count == 0)
                return 0;
        *ret_first = calloc(count, stride);
        for (size_t i = 0; *ret_first && i < count; i++) {
                *ret_count = i + 1;
                if (record_read(fields, field_count, (char *)*ret_first + i * stride, json_array_get(value, i), &e) < 0)
                        return -1;
        }
        return *ret_first ? 0 : -1;
}

int result_write_findings(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        return json_object_set_new(
                        object, key,
                        record_array(finding_fields, RECORD_COUNT(finding_fields), r->findings, sizeof *r->findings, r->finding_count));
}

int result_read_findings(const json_t *value, void *result)
{
        struct result *r = result;
        return read_array(finding_fields, RECORD_COUNT(finding_fields), sizeof *r->findings, RESULT_FINDINGS_MAX, value,
                          (void **)&r->findings, &r->finding_count);
}

int result_write_violations(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        return json_object_set_new(object, key,
                                   record_array(violation_fields, RECORD_COUNT(violation_fields), r->violations, sizeof *r->violations,
                                                r->violation_count));
}

int result_read_violations(const json_t *value, void *result)
{
        struct result *r = result;
        return read_array(violation_fields, RECORD_COUNT(violation_fields), sizeof *r->violations, RESULT_VIOLATIONS_MAX, value,
                          (void **)&r->violations, &r->violation_count);
}

int result_write_artifacts(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        return json_object_set_new(object, key,
                                   record_array(artifact_fields, RECORD_COUNT(artifact_fields), r->artifacts, sizeof *r->artifacts,
                                                r->artifact_count));
}

int result_read_artifacts(const json_t *value, void *result)
{
        struct result *r = result;
        return read_array(artifact_fields, RECORD_COUNT(artifact_fields), sizeof *r->artifacts, 4096, value, (void **)&r->artifacts,
                          &r->artifact_count);
}

static size_t omitted_room(const struct result *r)
{
        return r->omitted_count < RESULT_OMITTED_MAX ? r->omitted_count : RESULT_OMITTED_MAX;
}

int result_write_omitted(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        size_t named = 0;
        while (r->omitted && named < omitted_room(r) && r->omitted[named].path)
                named++;
        json_t *first = record_array(omitted_fields, RECORD_COUNT(omitted_fields), r->omitted, sizeof *r->omitted, named);
        json_t *part = first ? json_pack("{sI so}", "count", (json_int_t)r->omitted_count, "first", first) : NULL;
        return json_object_set_new(object, key, part);
}

int result_read_omitted(const json_t *value, void *result)
{
        struct result *r = result;
        const json_t *count = json_object_get(value, "count"), *first = json_object_get(value, "first");
        struct error e;
        if (!json_is_integer(count) || json_integer_value(count) < 0 || !json_is_array(first))
                return -1;
        r->omitted_count = (size_t)json_integer_value(count);
        r->omitted = omitted_room(r) ? calloc(omitted_room(r), sizeof *r->omitted) : NULL;
        if (json_array_size(first) > omitted_room(r) || (omitted_room(r) && !r->omitted))
                return -1;
        for (size_t i = 0; i < json_array_size(first); i++) {
                if (record_read(omitted_fields, RECORD_COUNT(omitted_fields), &r->omitted[i], json_array_get(first, i), &e) < 0)
                        return -1;
        }
        return 0;
}

/* The names live as long as the program, so those that are read become these. */
static const char *const limit_hit_names[] = {"processes", "disk_bytes"};

int result_write_limits_hit(json_t *object, const char *key, const void *result)
{
        const struct result *r = result;
        json_t *array = json_array();
        if (json_object_set_new(object, key, array) < 0)
                return -1;
        for (size_t i = 0; i < r->limit_hit_count; i++) {
                const struct limit_hit *hit = &r->limits_hit[i];
                json_t *part = json_pack("{ss sI sI}", "limit", hit->limit, "value", (json_int_t)hit->value, "observed",
                                         (json_int_t)hit->observed);
                if (json_array_append_new(array, part) < 0)
                        return -1;
        }
        return 0;
}

static int read_limit_hit(const json_t *value, struct result *r)
{
        const char *name;
        json_int_t limit, observed;
        if (json_unpack((json_t *)(uintptr_t)value, "{ss sI sI}", "limit", &name, "value", &limit, "observed", &observed) < 0)
                return -1;
        if (limit < 0 || observed < 0)
                return -1;
        for (size_t i = 0; i < sizeof limit_hit_names / sizeof *limit_hit_names; i++) {
                if (strcmp(name, limit_hit_names[i]) == 0 && r->limit_hit_count < RESULT_LIMITS_HIT_MAX)
                        r->limits_hit[r->limit_hit_count++] = (struct limit_hit){limit_hit_names[i], (uint64_t)limit, (uint64_t)observed};
        }
        return 0;
}

int result_read_limits_hit(const json_t *value, void *result)
{
        if (!json_is_array(value))
                return -1;
        for (size_t i = 0; i < json_array_size(value); i++) {
                if (read_limit_hit(json_array_get(value, i), result) < 0)
                        return -1;
        }
        return 0;
}
