/* Any bytes as code, under the shipped rules of the language that the first byte picks. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/analysis.h"
#include "common/config_section.h"

int LLVMFuzzerInitialize(int *argument_count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct analysis *analysis; /* libFuzzer hands nothing from one call to the other */

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
        struct error e;
        (void)argument_count, (void)arguments;
        char *path = config_find(NULL, NULL, &e);
        if (!path || analysis_open(&analysis, dirname(path), &e) < 0) {
                fprintf(stderr, "%s\n", e.text);
                exit(1);
        }
        free(path);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char *const languages[] = {"python", "node", "bash"};
        struct finding *findings;
        size_t count;
        if (!size)
                return 0;
        struct job job = {.language = languages[data[0] % 3], .has_code = true};
        if (bytes_append(&job.code, data + 1, size - 1) < 0)
                abort();
        enum risk asked = analysis_run(analysis, &job, RISK_LOW, &findings, &count);
        if (count > RESULT_FINDINGS_MAX || asked < RISK_LOW || asked > RISK_HIGH)
                abort();
        free(findings);
        bytes_deinit(&job.code);
        return 0;
}
