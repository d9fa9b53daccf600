#include <inttypes.h>
#include <string.h>

#include "common/config.h"

struct unit {
        const char *suffix;
        uint64_t factor;
};

/* From the largest; the first that divides a value is what it is written in. */
static const struct unit byte_units[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"", 1}};
static const struct unit time_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static bool ends_with(struct span text, const char *suffix)
{
        size_t size = strlen(suffix);
        return text.size >= size && strncasecmp((const char *)text.data + text.size - size, suffix, size) == 0;
}

static int parse_with_unit(struct span text, const char *suffix, uint64_t factor, uint64_t *ret_value)
{
        uint64_t number;
        if (!span_to_u64((struct span){text.data, text.size - strlen(suffix)}, &number) || __builtin_mul_overflow(number, factor, &number))
                return -1;
        *ret_value = number;
        return 0;
}

int config_parse_bytes(struct span text, uint64_t *ret_bytes)
{
        static const struct unit spellings[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"g", 1 << 30},
                                                {"m", 1 << 20},   {"k", 1 << 10},   {"", 1}};
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
                if (ends_with(text, spellings[i].suffix))
                        return parse_with_unit(text, spellings[i].suffix, spellings[i].factor, ret_bytes);
        }
        return -1;
}

int config_parse_duration(struct span text, uint64_t *ret_ms)
{
        static const struct unit spellings[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1000}};
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
                if (ends_with(text, spellings[i].suffix))
                        return parse_with_unit(text, spellings[i].suffix, spellings[i].factor, ret_ms);
        }
        return -1;
}

int config_parse_thousandths(struct span text, uint64_t *ret_thousandths)
{
        const uint8_t *point = text.size ? memchr(text.data, '.', text.size) : NULL;
        struct span whole = {text.data, point ? (size_t)(point - text.data) : text.size};
        uint64_t value, fraction = 0;
        char digits[4] = "000";
        if (!span_to_u64(whole, &value) || __builtin_mul_overflow(value, 1000U, &value))
                return -1;
        size_t places = point ? text.size - whole.size - 1 : 0;
        if (places > 3 || (point && !places))
                return -1;
        if (places)
                memcpy(digits, point + 1, places);
        if (!span_to_u64(span_of(digits), &fraction) || __builtin_add_overflow(value, fraction, &value))
                return -1;
        *ret_thousandths = value;
        return 0;
}

static int append_unit(struct bytes *ret_text, uint64_t value, const struct unit *unit)
{
        while (value % unit->factor)
                unit++;
        return bytes_append_format(ret_text, "%" PRIu64 "%s", value / unit->factor, value || !*unit->suffix ? unit->suffix : "");
}

int config_append_bytes(struct bytes *ret_text, uint64_t bytes)
{
        return append_unit(ret_text, bytes, byte_units);
}

int config_append_duration(struct bytes *ret_text, uint64_t ms)
{
        return append_unit(ret_text, ms, time_units);
}

int config_append_thousandths(struct bytes *ret_text, uint64_t thousandths)
{
        uint64_t fraction = thousandths % 1000;
        int places = fraction % 10 ? 3 : fraction % 100 ? 2 : 1;
        for (int i = places; i < 3; i++)
                fraction /= 10;
        return bytes_append_format(ret_text, "%" PRIu64 ".%0*" PRIu64, thousandths / 1000, places, fraction);
}
