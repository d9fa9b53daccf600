#include "common/clock.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_read_ms(clockid_t id)
{
        struct timespec now;
        clock_gettime(id, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t system_boottime_ms(const struct clock *clock)
{
        (void)clock;
        return clock_read_ms(CLOCK_BOOTTIME);
}

static uint64_t system_realtime_ms(const struct clock *clock)
{
        (void)clock;
        return clock_read_ms(CLOCK_REALTIME);
}

static uint64_t virtual_now_ms(const struct clock *clock)
{
        return clock->virtual_ms;
}

const struct clock clock_system = {system_boottime_ms, system_realtime_ms, 0};

struct clock clock_virtual(uint64_t start_ms)
{
        return (struct clock){virtual_now_ms, virtual_now_ms, start_ms};
}

void clock_format_rfc3339(uint64_t realtime_ms, char ret_text[static CLOCK_RFC3339_SIZE])
{
        static const uint64_t year_10000_ms = 253402300800000;
        time_t seconds = (time_t)((realtime_ms < year_10000_ms ? realtime_ms : year_10000_ms - 1) / 1000);
        struct tm date;
        char text[64];
        gmtime_r(&seconds, &date);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour,
                 date.tm_min, date.tm_sec, (unsigned)(realtime_ms % 1000));
        memcpy(ret_text, text, CLOCK_RFC3339_SIZE);
        ret_text[CLOCK_RFC3339_SIZE - 1] = 0;
}

/* Reads `digits` digits, then moves on; -1 when there are fewer. */
static int take_number(const char **at, int digits)
{
        int value = 0;
        for (int i = 0; i < digits; i++, (*at)++) {
                if (!isdigit((unsigned char)**at))
                        return -1;
                value = value * 10 + (**at - '0');
        }
        return value;
}

static bool take_char(const char **at, const char *accepted)
{
        if (!**at || !strchr(accepted, **at))
                return false;
        (*at)++;
        return true;
}

static bool in_range(int value, int min, int max)
{
        return value >= min && value <= max;
}

static int month_days(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **at, struct tm *date)
{
        int year = take_number(at, 4);
        int month = year >= 1970 && take_char(at, "-") ? take_number(at, 2) : -1;
        int day = in_range(month, 1, 12) && take_char(at, "-") ? take_number(at, 2) : -1;
        *date = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
        return in_range(month, 1, 12) && in_range(day, 1, month_days(year, month));
}

static bool take_time(const char **at, struct tm *date)
{
        date->tm_hour = take_number(at, 2);
        date->tm_min = take_char(at, ":") ? take_number(at, 2) : -1;
        date->tm_sec = date->tm_min >= 0 && take_char(at, ":") ? take_number(at, 2) : -1;
        return in_range(date->tm_hour, 0, 23) && in_range(date->tm_min, 0, 59) && in_range(date->tm_sec, 0, 60);
}

static bool take_fraction_ms(const char **at, unsigned *ret_ms)
{
        unsigned weight = 100, ms = 0;
        *ret_ms = 0;
        if (!take_char(at, "."))
                return true;
        if (!isdigit((unsigned char)**at))
                return false;
        for (; isdigit((unsigned char)**at); (*at)++, weight /= 10)
                ms += weight * (unsigned)(**at - '0');
        *ret_ms = ms;
        return true;
}

static bool take_offset(const char **at, int *ret_minutes)
{
        *ret_minutes = 0;
        if (take_char(at, "Zz"))
                return true;
        int sign = **at == '-' ? -1 : 1;
        if (!take_char(at, "+-"))
                return false;
        int hours = take_number(at, 2);
        int minutes = hours >= 0 && take_char(at, ":") ? take_number(at, 2) : -1;
        *ret_minutes = sign * (hours * 60 + minutes);
        return in_range(hours, 0, 23) && in_range(minutes, 0, 59);
}

int clock_parse_rfc3339(const char *text, uint64_t *ret_realtime_ms)
{
        struct tm date;
        unsigned ms;
        int offset_minutes;
        if (!take_date(&text, &date) || !take_char(&text, "Tt ") || !take_time(&text, &date))
                return -1;
        if (!take_fraction_ms(&text, &ms) || !take_offset(&text, &offset_minutes) || *text)
                return -1;
        int64_t seconds = (int64_t)timegm(&date) - (int64_t)offset_minutes * 60;
        if (seconds < 0)
                return -1;
        *ret_realtime_ms = (uint64_t)seconds * 1000 + ms;
        return 0;
}
