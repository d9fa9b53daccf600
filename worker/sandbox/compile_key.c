#include "worker/sandbox/compile_key.h"

/* With its size before it, so that no two lists of parts look alike. */
static int append_part(struct bytes *text, struct span part)
{
        return bytes_append_format(text, "%zu:", part.size) < 0 ? -1 : bytes_append(text, part.data, part.size);
}

/* Ended by an empty part, which no word is. */
static int append_words(struct bytes *text, char *const *words)
{
        for (; *words; words++)
                if (append_part(text, span_of(*words)) < 0)
                        return -1;
        return append_part(text, (struct span){0});
}

static int append_files(struct bytes *text, const struct job *job, const struct language *language)
{
        if (job->has_code)
                return append_part(text, span_of(language->file)) < 0 ? -1 : append_part(text, bytes_span(&job->code));
        if (append_part(text, span_of(job->entrypoint)) < 0)
                return -1;
        for (size_t i = 0; i < job->file_count; i++)
                if (append_part(text, span_of(job->files[i].path)) < 0 || append_part(text, bytes_span(&job->files[i].content)) < 0)
                        return -1;
        return 0;
}

int compile_key(char ret_key[static SHA256_HEX_SIZE], const struct job *job, const struct language *language, const char *image_id)
{
        struct bytes text = {0};
        int result = append_part(&text, span_of(job->agent_id)) < 0 || append_part(&text, span_of(image_id)) < 0 ||
                                                     append_words(&text, language->compile) < 0 || append_words(&text, language->env) < 0 ||
                                                     append_files(&text, job, language) < 0
                                     ? -1
                                     : 0;
        if (result == 0)
                sha256_hex(bytes_span(&text), ret_key);
        bytes_deinit(&text);
        return result;
}
