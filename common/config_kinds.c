#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* Numbers: read by one function each, checked against the row's bounds by all alike. */

static int append_number(struct bytes *ret_text, uint64_t value)
{
        return bytes_append_format(ret_text, "%" PRIu64, value);
}

static int read_bounded(const struct config_row *row, char *const *texts, int (*parse)(struct span text, uint64_t *ret_value),
                        uint64_t *ret_value, char ret_expected[static 160])
{
        struct bytes bounds = {0};
        uint64_t value = 0;
        int status = parse(span_of(texts[0]), &value);
        if (status == 0 && value >= row->min && value <= row->max) {
                *ret_value = value;
                return 0;
        }
        bytes_append_format(&bounds, "%s%s", row->kind->what, status == 0 ? " from " : "");
        if (status == 0 && row->kind->append_bound(&bounds, row->min) == 0 && bytes_append_string(&bounds, " to ") == 0)
                row->kind->append_bound(&bounds, row->max);
        snprintf(ret_expected, 160, "%s", bounds.data ? (const char *)bounds.data : "another value");
        bytes_deinit(&bounds);
        return -1;
}

static int parse_number(struct span text, uint64_t *ret_value)
{
        return span_to_u64(text, ret_value) ? 0 : -1;
}

static int read_number(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        (void)count;
        return read_bounded(row, texts, parse_number, place, ret_expected);
}

static int append_u64(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        return row->kind->append_bound(ret_text, *(const uint64_t *)place);
}

static int read_number32(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        uint64_t value = 0;
        (void)count;
        int status = read_bounded(row, texts, parse_number, &value, ret_expected);
        if (status == 0)
                *(uint32_t *)place = (uint32_t)value;
        return status;
}

static int append_u32(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        return row->kind->append_bound(ret_text, *(const uint32_t *)place);
}

static int read_bytes(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        (void)count;
        return read_bounded(row, texts, config_parse_bytes, place, ret_expected);
}

static int read_duration(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        (void)count;
        return read_bounded(row, texts, config_parse_duration, place, ret_expected);
}

static int read_thousandths(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        (void)count;
        return read_bounded(row, texts, config_parse_thousandths, place, ret_expected);
}

const struct config_kind config_number = {read_number, append_u64, NULL, append_number, "a whole number", false};
const struct config_kind config_number32 = {read_number32, append_u32, NULL, append_number, "a whole number", false};
const struct config_kind config_bytes = {read_bytes, append_u64, NULL, config_append_bytes, "a size such as 64k, 512m or 1g", false};
const struct config_kind config_duration = {
                read_duration, append_u64, NULL, config_append_duration, "a duration such as 250ms, 90s, 2m, 1h or 30d", false};
const struct config_kind config_thousandths = {read_thousandths,         append_u64, NULL, config_append_thousandths,
                                               "a decimal such as 0.25", false};

static int read_boolean(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        bool yes = strcmp(texts[0], "true") == 0;
        (void)count;
        if (!yes && strcmp(texts[0], "false") != 0) {
                snprintf(ret_expected, 160, "%s", row->kind->what);
                return -1;
        }
        *(bool *)place = yes;
        return 0;
}

static int append_boolean(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        (void)row;
        return bytes_append_string(ret_text, *(const bool *)place ? "true" : "false");
}

const struct config_kind config_boolean = {read_boolean, append_boolean, NULL, NULL, "true or false", false};

static int read_user(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160])
{
        const char *colon = strchr(texts[0], ':');
        struct span user = {(const uint8_t *)texts[0], colon ? (size_t)(colon - texts[0]) : 0};
        uint64_t uid, gid;
        (void)count;
        if (!span_to_u64(user, &uid) || !span_to_u64(span_of(colon + 1), &gid) || uid < row->min || uid > row->max || gid < row->min ||
            gid > row->max) {
                snprintf(ret_expected, 160, "%s, each from %" PRIu64 " to %" PRIu64, row->kind->what, row->min, row->max);
                return -1;
        }
        ((uint32_t *)place)[0] = (uint32_t)uid;
        ((uint32_t *)place)[1] = (uint32_t)gid;
        return 0;
}

static int append_user(const struct config_row *row, const void *place, struct bytes *ret_text)
{
        const uint32_t *ids = place;
        (void)row;
        return bytes_append_format(ret_text, "%" PRIu32 ":%" PRIu32, ids[0], ids[1]);
}

const struct config_kind config_user = {read_user, append_user, NULL, NULL, "UID:GID", false};
