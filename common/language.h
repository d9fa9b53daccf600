/* A language: how its programs are run (config/languages/NAME.yaml). Adding a language is adding a file. */
#ifndef BRIG_COMMON_LANGUAGE_H
#define BRIG_COMMON_LANGUAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/risk.h"

enum { LANGUAGE_COMMAND_MAX = 16, LANGUAGE_ENV_MAX = 16 };

struct language {
        char *name;
        char *image;                             /* default image, e.g. "brig/python" */
        char *file;                              /* name that `code` gets in /code, e.g. "main.py" */
        char *command[LANGUAGE_COMMAND_MAX + 1]; /* NULL-ended; "{file}" stands for /code/ENTRYPOINT; args follow */
        char *fence[LANGUAGE_COMMAND_MAX + 1];   /* the command where names are blocked; also "{risk}", "{blocked}"; empty: no fence */
        char *env[LANGUAGE_ENV_MAX + 1];         /* NULL-ended "NAME=VALUE"; "{cpus}" stands for ceil(cpus) */
        uint32_t runtime_processes;              /* what the runtime itself needs beyond the job's share */
        char *compile[LANGUAGE_COMMAND_MAX + 1]; /* empty for interpreted languages; "{file}", "{output}" */
        char *blocked[RISK_COUNT];               /* names that the fence refuses at each level, joined by ' '; "" or NULL: none */
};

#endif
