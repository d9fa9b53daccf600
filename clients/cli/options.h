/* Options of a command: a table that reads the command line and prints its help.
 *
 * Habits of getopt_long(3): options and operands may be mixed, `--name=value` or `--name value`, unambiguous abbreviations, `--` ends the
 * options. Every command knows --help. */
#ifndef BRIG_CLI_OPTIONS_H
#define BRIG_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { OPTION_LIST_MAX = 256 };

struct option_list { /* of an option that may be given more than once */
        const char *items[OPTION_LIST_MAX];
        size_t count;
};

enum option_kind {
        OPTION_SWITCH,   /* bool */
        OPTION_TEXT,     /* const char *, borrowed from argv */
        OPTION_LIST,     /* struct option_list */
        OPTION_DURATION, /* uint64_t, ms; written as config_parse_duration reads it */
        OPTION_COUNT,    /* uint64_t, a decimal number */
};

struct option_row {
        const char *name;
        enum option_kind kind;
        size_t offset;        /* of the value in the target */
        const char *argument; /* its name in the help; NULL for a switch */
        const char *help;
};

struct options {
        const char *command; /* as typed after `brig` */
        const char *synopsis;
        const char *about;    /* what the command does */
        const char *examples; /* whole lines */
        const struct option_row *rows;
        size_t row_count;
};

struct operands {
        char **items; /* borrowed from argv */
        size_t count;
};

enum options_verdict { OPTIONS_READ, OPTIONS_HELP_WANTED };

/* Reads argv[1..] into `target` (whose other members are left alone). 0, or -1 (ERROR_USAGE): what is wrong and the nearest known option.
 * OPTIONS_HELP_WANTED: --help stood there. Uses getopt's own state: not for two threads. */
int options_read(const struct options *options, int argc, char **argv, void *target, struct operands *ret_operands,
                 enum options_verdict *ret_verdict, struct error *e);

void options_print_help(const struct options *options);

/* options_read with what every command does about its outcome: true when the command shall go on; otherwise help or the complaint has been
 * printed and *ret_status is what to return. */
bool options_begin(const struct options *options, int argc, char **argv, void *target, struct operands *ret_operands, int *ret_status);

#endif
