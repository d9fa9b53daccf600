#include "worker/sandbox/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0400 };

int artifacts_open_folder(int at, const char *path)
{
        if (mkdirat(at, path, FOLDER_MODE) < 0 && errno != EEXIST)
                return -1;
        return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int artifacts_open_root(const char *log_directory)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/artifacts", log_directory);
        (void)mkdir(log_directory, 0755); /* usually there; if not, the next call says why */
        return artifacts_open_folder(AT_FDCWD, path);
}

int artifact_file_open(struct artifact_file *a, const char *log_directory, struct error *e)
{
        memset(a, 0, sizeof(*a));
        a->file = a->directory = -1;
        a->open = true;
        a->directory = artifacts_open_root(log_directory);
        if (a->directory >= 0)
                a->file = openat(a->directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, FILE_MODE);
        a->digest = EVP_MD_CTX_new();
        if (a->file < 0 || !a->digest || EVP_DigestInit_ex(a->digest, EVP_sha256(), NULL) != 1) {
                error_set_sys(e, ERROR_SYSTEM, errno, "keep an artifact in %s/artifacts", log_directory);
                artifact_file_discard(a);
                return -1;
        }
        return 0;
}

int artifact_file_write(struct artifact_file *a, struct span data, struct error *e)
{
        EVP_DigestUpdate(a->digest, data.data, data.size);
        a->bytes += data.size;
        while (data.size > 0) {
                ssize_t written = write(a->file, data.data, data.size);
                if (written < 0)
                        return error_set_sys(e, ERROR_SYSTEM, errno, "write an artifact");
                data = (struct span){data.data + written, data.size - (size_t)written};
        }
        return 0;
}

static void digest_hex(EVP_MD_CTX *digest, char ret_hex[static SHA256_HEX_SIZE])
{
        unsigned char value[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_DigestFinal_ex(digest, value, &size);
        for (unsigned i = 0; i < size && 2 * i + 2 < SHA256_HEX_SIZE; i++)
                snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", value[i]);
}

/* Links the nameless file to artifacts/sha256/AB/CDEF…; content that is there already is the same content. */
static int give_name(const struct artifact_file *a, const char *hex)
{
        char source[40];
        char folder[16];
        snprintf(source, sizeof(source), "/proc/self/fd/%d", a->file);
        snprintf(folder, sizeof(folder), "sha256/%.2s", hex);
        int sums = artifacts_open_folder(a->directory, "sha256");
        int target = sums < 0 ? -1 : artifacts_open_folder(a->directory, folder);
        int result = target < 0 ? -1 : linkat(AT_FDCWD, source, target, hex + 2, AT_SYMLINK_FOLLOW);
        if (result < 0 && target >= 0 && errno == EEXIST)
                result = utimensat(target, hex + 2, NULL, AT_SYMLINK_NOFOLLOW); /* as young as this job */
        int kept = errno;
        if (target >= 0)
                close(target);
        if (sums >= 0)
                close(sums);
        errno = kept;
        return result;
}

int artifact_file_finish(struct artifact_file *a, char ret_sha256[static SHA256_HEX_SIZE], struct error *e)
{
        digest_hex(a->digest, ret_sha256);
        int result = fsync(a->file);
        flock(a->directory, LOCK_SH); /* against the sweep, which may be about to remove the same content; until it is closed */
        if (result == 0)
                result = give_name(a, ret_sha256);
        if (result < 0)
                error_set_sys(e, ERROR_SYSTEM, errno, "keep an artifact");
        artifact_file_discard(a);
        return result;
}

void artifact_file_discard(struct artifact_file *a)
{
        if (!a->open)
                return;
        if (a->file >= 0)
                close(a->file);
        if (a->directory >= 0)
                close(a->directory);
        EVP_MD_CTX_free(a->digest);
        memset(a, 0, sizeof(*a));
}
