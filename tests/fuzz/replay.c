/* Gives a fuzz target what its corpus holds, in builds without libFuzzer: each file is one test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak)); /* not every target has one */

static int replay(const char *path)
{
        struct bytes input = {0};
        uint8_t block[4096];
        FILE *file = fopen(path, "rb");
        if (!file)
                return -1;
        for (size_t size; (size = fread(block, 1, sizeof block, file)) > 0;)
                if (bytes_append(&input, block, size) < 0)
                        abort();
        fclose(file);
        LLVMFuzzerTestOneInput(input.data, input.size);
        bytes_deinit(&input);
        return 0;
}

int main(int argc, char **argv)
{
        char path[4096];
        struct dirent **names;
        int passed = 0, failed = 0, count = scandir(BRIG_CORPUS_DIR, &names, NULL, alphasort);
        if (LLVMFuzzerInitialize)
                LLVMFuzzerInitialize(&argc, &argv);
        for (int n = 0; n < count; n++) {
                snprintf(path, sizeof path, "%s/%s", BRIG_CORPUS_DIR, names[n]->d_name);
                if (names[n]->d_name[0] != '.')
                        *(replay(path) == 0 ? &passed : &failed) += 1;
                free(names[n]);
        }
        if (count >= 0)
                free(names);
        printf("%d passed, %d failed\n", passed, failed);
        return failed || !passed;
}
