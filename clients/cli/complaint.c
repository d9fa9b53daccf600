#include "clients/cli/complaint.h"

#include <ctype.h>
#include <stdio.h>

#include "common/bytes.h"

static void mask_controls(struct bytes *line)
{
        for (size_t i = 0; i < line->size; i++)
                if (iscntrl(line->data[i]))
                        line->data[i] = '?';
}

int complain(int status, const char *what, const char *why, const char *remedy)
{
        struct bytes line = {0};
        bytes_append_format(&line, "brig: %s%s%s%s%s", what ? what : "", what ? ": " : "", why, remedy ? "; " : "", remedy ? remedy : "");
        mask_controls(&line);
        fprintf(stderr, "%s\n", line.data ? (const char *)line.data : "brig: out of memory");
        bytes_deinit(&line);
        return status;
}

int complain_error(const char *what, const struct error *e, const char *remedy)
{
        switch (e->code) {
        case ERROR_USAGE:
        case ERROR_CONFIG:
        case ERROR_INVALID:
                return complain(CLI_USAGE, what, e->text, remedy);
        case ERROR_DENIED:
                return complain(CLI_REFUSED, what, e->text, remedy);
        default:
                return complain(CLI_UNAVAILABLE, what, e->text, remedy);
        }
}
