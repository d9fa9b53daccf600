#include "clients/cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/complaint.h"
#include "common/config.h"
#include "common/nearest.h"

enum { ROWS_MAX = 48, VALUE_BASE = 256, VALUE_HELP = VALUE_BASE + ROWS_MAX };

static void long_options_fill(const struct options *options, struct option long_options[static ROWS_MAX + 2])
{
        for (size_t i = 0; i < options->row_count; i++)
                long_options[i] = (struct option){
                                .name = options->rows[i].name,
                                .has_arg = options->rows[i].argument ? required_argument : no_argument,
                                .val = VALUE_BASE + (int)i,
                };
        long_options[options->row_count] = (struct option){.name = "help", .val = VALUE_HELP};
}

static int unknown_option(const struct options *options, const char *given, struct error *e)
{
        const char *names[ROWS_MAX + 1];
        for (size_t i = 0; i < options->row_count; i++)
                names[i] = options->rows[i].name;
        names[options->row_count] = "help";
        const char *name = given + strspn(given, "-");
        const char *nearest = nearest_name((struct span){(const uint8_t *)name, strcspn(name, "=")}, names, options->row_count + 1);
        if (nearest)
                return error_set(e, ERROR_USAGE, "%.100s: no such option; did you mean --%s?", given, nearest);
        return error_set(e, ERROR_USAGE, "%.100s: no such option; see brig %s --help", given, options->command);
}

static int store_list(struct option_list *list, const char *name, const char *value, struct error *e)
{
        if (list->count == OPTION_LIST_MAX)
                return error_set(e, ERROR_USAGE, "--%s: given more than %d times", name, OPTION_LIST_MAX);
        list->items[list->count++] = value;
        return 0;
}

static int store(const struct option_row *row, void *target, const char *value, struct error *e)
{
        void *field = (char *)target + row->offset;
        switch (row->kind) {
        case OPTION_SWITCH:
                *(bool *)field = true;
                return 0;
        case OPTION_TEXT:
                *(const char **)field = value;
                return 0;
        case OPTION_LIST:
                return store_list(field, row->name, value, e);
        case OPTION_DURATION:
                if (config_parse_duration(span_of(value), field) < 0)
                        return error_set(e, ERROR_USAGE, "--%s: '%.60s' is no duration; write 180, 2m, 1h or 250ms", row->name, value);
                return 0;
        case OPTION_COUNT:
                if (!span_to_u64(span_of(value), field))
                        return error_set(e, ERROR_USAGE, "--%s: '%.60s' is no number", row->name, value);
                return 0;
        }
        return error_set(e, ERROR_INTERNAL, "--%s has no kind", row->name);
}

/* getopt says '?' for an unknown option and ':' for one whose argument is missing; the option itself is the last element it passed. */
static int misuse(const struct options *options, int found, char **argv, struct error *e)
{
        const char *given = argv[optind - 1];
        if (found == ':')
                return error_set(e, ERROR_USAGE, "%.100s: needs a value; see brig %s --help", given, options->command);
        if (optopt >= VALUE_BASE)
                return error_set(e, ERROR_USAGE, "%.100s: takes no value", given);
        return unknown_option(options, given, e);
}

int options_read(const struct options *options, int argc, char **argv, void *target, struct operands *ret_operands,
                 enum options_verdict *ret_verdict, struct error *e)
{
        struct option long_options[ROWS_MAX + 2] = {0};
        long_options_fill(options, long_options);
        optind = 0; /* GNU: start anew */
        opterr = 0;
        int found;
        while ((found = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
                if (found == VALUE_HELP || found == 'h') {
                        *ret_verdict = OPTIONS_HELP_WANTED;
                        return 0;
                }
                if (found == '?' || found == ':')
                        return misuse(options, found, argv, e);
                if (store(&options->rows[found - VALUE_BASE], target, optarg, e) < 0)
                        return -1;
        }
        *ret_operands = (struct operands){argv + optind, (size_t)(argc - optind)};
        *ret_verdict = OPTIONS_READ;
        return 0;
}

static void print_row(const char *name, const char *argument, const char *help)
{
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
        printf("  %-26s %s\n", left, help);
}

void options_print_help(const struct options *options)
{
        printf("Usage: brig %s\n\n%s\n\nOptions:\n", options->synopsis, options->about);
        for (size_t i = 0; i < options->row_count; i++)
                print_row(options->rows[i].name, options->rows[i].argument, options->rows[i].help);
        print_row("help", NULL, "this text");
        printf("\nExamples:\n%s", options->examples);
}

bool options_begin(const struct options *options, int argc, char **argv, void *target, struct operands *ret_operands, int *ret_status)
{
        struct error e = {0};
        enum options_verdict verdict = OPTIONS_READ;
        if (options_read(options, argc, argv, target, ret_operands, &verdict, &e) < 0) {
                *ret_status = complain_error(options->command, &e, NULL);
                return false;
        }
        if (verdict == OPTIONS_READ)
                return true;
        options_print_help(options);
        *ret_status = CLI_OK;
        return false;
}
