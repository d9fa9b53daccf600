/* A language: how its programs are run (config/languages/NAME.yaml). Adding a language is adding a file. */
#ifndef BRIG_COMMON_LANGUAGE_H
#define BRIG_COMMON_LANGUAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/risk.h"

enum { LANGUAGE_COMMAND_MAX = 16, LANGUAGE_ENV_MAX = 16 };

struct language {
        char *name;
        char *image; /* default image, e.g. "brig/python" */
        char *file;  /* name that `code` gets in /code, e.g. "main.py" */
        /* NULL-ended; args follow. "{file}" stands for /code/ENTRYPOINT, "{folder}" for the folder of ENTRYPOINT seen from /code,
           "{program}" for what was compiled. One mark in each word. */
        char *command[LANGUAGE_COMMAND_MAX + 1];
        char *fence[LANGUAGE_COMMAND_MAX + 1];   /* the command where names are blocked; also "{risk}", "{blocked}"; empty: no fence */
        char *env[LANGUAGE_ENV_MAX + 1];         /* NULL-ended "NAME=VALUE"; "{cpus}" stands for ceil(cpus) */
        uint32_t runtime_processes;              /* what the runtime itself needs beyond the job's share */
        char *compile[LANGUAGE_COMMAND_MAX + 1]; /* the compiler, which makes "{program}"; empty for interpreted languages */
        struct limits compile_limits;            /* of its container, with the sizes of /work and /tmp there */
        uint64_t compile_work_bytes, compile_tmp_bytes;
        char *blocked[RISK_COUNT]; /* names that the fence refuses at each level, joined by ' '; "" or NULL: none */
};

#endif
