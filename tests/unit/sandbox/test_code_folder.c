/* A job's files: what may be written where, and that nothing is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/sandbox/code_folder.h"

struct fixture {
        char path[64];
        int parent, folder;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct error e;
        strcpy(f->path, "/tmp/brig-code-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->parent = open(f->path, O_RDONLY | O_DIRECTORY);
        f->folder = code_folder_make(f->parent, "job", &e);
        assert_true(f->folder >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        struct error e;
        close(f->folder);
        assert_int_equal(code_folder_remove(f->parent, "job", &e), 0);
        assert_int_equal(faccessat(f->parent, "job", F_OK, 0), -1);
        close(f->parent);
        assert_int_equal(rmdir(f->path), 0);
        free(f);
        return 0;
}

static int write_text(const struct fixture *f, const char *path, struct error *e)
{
        return code_folder_write(f->folder, path, span_of("text"), e);
}

static void test_files_and_their_folders_are_readable_by_all_and_writable_by_none(void **state)
{
        struct fixture *f = *state;
        struct error e;
        struct stat s;
        mode_t before = umask(077);
        assert_int_equal(write_text(f, "a/b/c.py", &e), 0);
        umask(before);
        assert_int_equal(fstatat(f->folder, "a/b/c.py", &s, 0), 0);
        assert_int_equal(s.st_mode & 0777, 0555);
        assert_int_equal(s.st_size, 4);
        assert_int_equal(fstatat(f->folder, "a/b", &s, 0), 0);
        assert_int_equal(s.st_mode & 0777, 0755);
}

static void test_names_that_lead_out_are_refused(void **state)
{
        struct fixture *f = *state;
        static const char *const names[] = {"../out", "a/../../out", "/tmp/out", "..", "."};
        struct error e;
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(write_text(f, names[i], &e), -1);
        assert_int_equal(faccessat(f->parent, "out", F_OK, 0), -1);
}

static void test_links_are_not_followed(void **state)
{
        struct fixture *f = *state;
        struct error e;
        assert_int_equal(symlinkat("/tmp", f->folder, "link"), 0);
        assert_int_equal(write_text(f, "link/out", &e), -1);
        assert_int_equal(write_text(f, "link", &e), -1);
}

static void test_a_name_is_written_once(void **state)
{
        struct fixture *f = *state;
        struct error e;
        assert_int_equal(write_text(f, "one", &e), 0);
        assert_int_equal(write_text(f, "one", &e), -1);
        assert_int_equal(write_text(f, "one/two", &e), -1);
}

static void test_deep_folders_are_removed(void **state)
{
        struct fixture *f = *state;
        struct error e;
        char path[1024];
        for (size_t i = 0; i + 1 < sizeof(path); i++)
                path[i] = i % 2 ? '/' : 'd';
        path[sizeof(path) - 2] = 'd';
        path[sizeof(path) - 1] = 0;
        assert_int_equal(write_text(f, path, &e), 0);
}

static void test_removing_what_is_not_there_is_no_error(void **state)
{
        struct fixture *f = *state;
        struct error e;
        assert_int_equal(code_folder_remove(f->parent, "nothing", &e), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(test_files_and_their_folders_are_readable_by_all_and_writable_by_none, setup,
                                                        teardown),
                        cmocka_unit_test_setup_teardown(test_names_that_lead_out_are_refused, setup, teardown),
                        cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
                        cmocka_unit_test_setup_teardown(test_a_name_is_written_once, setup, teardown),
                        cmocka_unit_test_setup_teardown(test_deep_folders_are_removed, setup, teardown),
                        cmocka_unit_test_setup_teardown(test_removing_what_is_not_there_is_no_error, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
