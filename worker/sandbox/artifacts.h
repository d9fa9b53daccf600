/* Files that a job leaves behind, kept by their content: LOG_DIR/artifacts/sha256/AB/CDEF…
 *
 * A file appears under its name whole or not at all, and one content lies there once, whoever made it; its time is that of the last job
 * that left it. Names that the job chose stand in its result only, never in a path of the host. */
#ifndef BRIG_SANDBOX_ARTIFACTS_H
#define BRIG_SANDBOX_ARTIFACTS_H

#include <openssl/evp.h>

#include "common/encoding.h"
#include "common/error.h"

/* Of one job. */
enum {
        ARTIFACT_FILES_MAX = 64,
        ARTIFACT_BYTES_MAX = 16 << 20,
        ARTIFACTS_BYTES_MAX = 32 << 20,
};

/* Descriptors of LOG_DIR/artifacts, and of a folder beneath `at`; made when missing. -1 with errno. */
int artifacts_open_root(const char *log_directory);
int artifacts_open_folder(int at, const char *path);

/* One artifact being received. Zeroed it is closed. */
struct artifact_file {
        int directory; /* of LOG_DIR/artifacts */
        int file;
        uint64_t bytes;
        EVP_MD_CTX *digest;
        bool open;
};

int artifact_file_open(struct artifact_file *a, const char *log_directory, struct error *e);
int artifact_file_write(struct artifact_file *a, struct span data, struct error *e);

/* Gives the file its name; closes also when it fails. */
int artifact_file_finish(struct artifact_file *a, char ret_sha256[static SHA256_HEX_SIZE], struct error *e);

/* Drops what was received. Closed: nothing. */
void artifact_file_discard(struct artifact_file *a);

#endif
