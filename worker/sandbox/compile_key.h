/* What a compiled program depends on, as one name: two jobs share a program only when nothing of it differs. Pure. */
#ifndef BRIG_SANDBOX_COMPILE_KEY_H
#define BRIG_SANDBOX_COMPILE_KEY_H

#include "common/job.h"
#include "common/language.h"

/* SHA-256 over agent, compiler's image, its command and environment, and all files with their names. 0 or -1: no memory. */
int compile_key(char ret_key[static SHA256_HEX_SIZE], const struct job *job, const struct language *language, const char *image_id);

#endif
