/* The tables of the configuration: for each key its kind, place, bounds and default. They read, print and document it. */
#ifndef BRIG_COMMON_CONFIG_TABLE_H
#define BRIG_COMMON_CONFIG_TABLE_H

#include "common/config.h"
#include "common/document.h"

struct config_row;

/* How values of one kind are read, written back and freed. `place` is the row's memory. */
struct config_kind {
        /* 0, or -1 with what the value should have been in ret_expected; ENOMEM in errno when memory ran out. */
        int (*read)(const struct config_row *row, void *place, char *const *texts, size_t count, char ret_expected[static 160]);
        int (*append)(const struct config_row *row, const void *place, struct bytes *ret_text);
        void (*release)(const struct config_row *row, void *place);  /* NULL: owns nothing */
        int (*append_bound)(struct bytes *ret_text, uint64_t value); /* numbers: a bound as a text; else NULL */
        const char *what;                                            /* "a duration such as 90s" */
        bool list;                                                   /* takes several texts */
};

extern const struct config_kind config_text;        /* char *; max: its size in bytes, min 1: not empty */
extern const struct config_kind config_number;      /* uint64_t */
extern const struct config_kind config_number32;    /* uint32_t */
extern const struct config_kind config_bytes;       /* uint64_t */
extern const struct config_kind config_duration;    /* uint64_t ms */
extern const struct config_kind config_thousandths; /* uint64_t */
extern const struct config_kind config_boolean;     /* bool */
extern const struct config_kind config_name;        /* enum, the index in `names` */
extern const struct config_kind config_choice;      /* char *, one of `names` */
extern const struct config_kind config_choices;     /* char *, some of `names` joined by spaces */
extern const struct config_kind config_words;       /* char *, any words joined by spaces; NULL: none */
extern const struct config_kind config_list;        /* char *[max + 1], NULL-ended */
extern const struct config_kind config_user;        /* uint32_t[2]: "UID:GID" */

struct config_row {
        const char *key; /* dotted, within its table */
        const struct config_kind *kind;
        size_t offset;
        uint64_t min, max;
        const char *fallback;     /* as it would stand in the file; NULL: the key must be given; lists: words */
        const char *const *names; /* NULL-ended */
};

struct config_table {
        const struct config_row *rows;
        size_t count;
};

extern const struct config_table config_main_table;     /* of struct config */
extern const struct config_table config_profile_table;  /* of struct profile */
extern const struct config_table config_language_table; /* of struct language */

const struct config_row *config_table_find(const struct config_table *table, const char *key); /* NULL: unknown */

/* Sets one value. `where` and `key` (whole) go into the message: "WHERE: KEY: what is wrong". */
int config_row_set(const struct config_row *row, void *base, char *const *texts, size_t count, const char *where, const char *key,
                   struct error *e);

/* Fills a zeroed struct with its defaults; rows without one stay empty. */
int config_table_init(const struct config_table *table, void *base, struct error *e);
void config_table_deinit(const struct config_table *table, void *base);

/* The value as it would stand in the file; and what the row takes, for the reference. */
int config_row_append(const struct config_row *row, const void *base, struct bytes *ret_text);
int config_row_describe(const struct config_row *row, struct bytes *ret_text);

#endif
