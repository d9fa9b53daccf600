#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/init/collect.h"

enum { SINK_BYTES = 1 << 20 };

/* A folder below the test's, and what the collector put out of it. */
struct fixture {
        char folder[64];
        int root;
        uint8_t bytes[SINK_BYTES];
        size_t size;
        size_t reserves_left; /* then the port gives up */
};

static uint8_t *sink_reserve(void *data, size_t size)
{
        struct fixture *f = data;
        if (!f->reserves_left || size > sizeof f->bytes - f->size)
                return NULL;
        f->reserves_left--;
        return f->bytes + f->size;
}

static void sink_commit(void *data, size_t size)
{
        struct fixture *f = data;
        f->size += size;
}

static int setup(void **state)
{
        static struct fixture f;
        memset(&f, 0, sizeof f);
        snprintf(f.folder, sizeof f.folder, "/tmp/brig-collect-XXXXXX");
        assert_non_null(mkdtemp(f.folder));
        f.root = open(f.folder, O_RDONLY | O_DIRECTORY);
        f.reserves_left = SIZE_MAX;
        *state = &f;
        return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
        (void)status, (void)kind, (void)where;
        return remove(path);
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        close(f->root);
        return nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void file_make(const struct fixture *f, const char *path, size_t size)
{
        int file = openat(f->root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(file >= 0);
        for (size_t i = 0; i < size; i++)
                assert_int_equal(write(file, "x", 1), 1);
        close(file);
}

static bool collect(struct fixture *f, const char *glob, struct frame_artifacts bounds, struct frame_report *ret_report)
{
        struct collect_request request = {.globs = &glob, .glob_count = 1, .bounds = bounds};
        struct collect_port port = {.reserve = sink_reserve, .commit = sink_commit, .data = f};
        return collect_artifacts(f->root, &request, &port, ret_report);
}

static const struct frame_artifacts ample = {.files_max = 64, .file_bytes_max = 1 << 20, .total_bytes_max = 1 << 20};

/* How many frames of a type came out, and the bytes in them. */
static size_t frames_of(const struct fixture *f, enum frame_type type, size_t *ret_bytes)
{
        static uint8_t payload[FRAME_PAYLOAD_MAX];
        struct frame_parser parser;
        struct frame frame;
        const uint8_t *data = f->bytes;
        size_t left = f->size, count = 0;
        *ret_bytes = 0;
        frame_parser_init(&parser, payload, sizeof payload);
        while (frame_parser_take(&parser, &data, &left, &frame) == FRAME_WHOLE) {
                count += frame.type == type;
                *ret_bytes += frame.type == type ? frame.size : 0;
        }
        return count;
}

static void test_a_large_file_goes_in_bounded_pieces(void **state)
{
        struct fixture *f = *state;
        struct frame_report report;
        size_t bytes;
        file_make(f, "large", 100000);
        assert_true(collect(f, "*", ample, &report));
        assert_int_equal(report.artifacts, 1);
        assert_int_equal(frames_of(f, FRAME_ARTIFACT_DATA, &bytes), 4);
        assert_int_equal(bytes, 100000);
}

static void test_bounds_hold_before_anything_is_read(void **state)
{
        struct fixture *f = *state;
        struct frame_report report;
        size_t bytes;
        file_make(f, "a", 10);
        file_make(f, "b", 10);
        file_make(f, "c", 11);
        assert_true(collect(f, "*", (struct frame_artifacts){.files_max = 9, .file_bytes_max = 10, .total_bytes_max = 19}, &report));
        assert_int_equal(report.artifacts, 1);
        assert_int_equal(report.omitted, 2);
        frames_of(f, FRAME_ARTIFACT_DATA, &bytes);
        assert_int_equal(bytes, 10);
        f->size = 0;
        assert_true(collect(f, "[ab]", (struct frame_artifacts){.file_bytes_max = 10, .total_bytes_max = 20}, &report));
        assert_int_equal(report.artifacts, 0);
        assert_int_equal(report.omitted, 2);
}

static void test_links_are_neither_followed_nor_read(void **state)
{
        struct fixture *f = *state;
        struct frame_report report;
        size_t bytes;
        mkdirat(f->root, "d", 0700);
        file_make(f, "d/x", 1);
        assert_int_equal(symlinkat("d", f->root, "up"), 0);
        assert_int_equal(symlinkat("/", f->root, "d/all"), 0);
        assert_true(collect(f, "**", ample, &report));
        assert_int_equal(report.artifacts, 1);
        assert_int_equal(report.omitted, 2);
        assert_int_equal(frames_of(f, FRAME_ARTIFACT_OMITTED, &bytes), 2);
}

static void test_depth_and_path_length_are_bounded(void **state)
{
        struct fixture *f = *state;
        struct frame_report report;
        char name[251] = "";
        size_t bytes;
        int folder = dup(f->root);
        memset(name, 'n', sizeof name - 1);
        for (size_t i = 0; i < 6; i++) {
                mkdirat(folder, name, 0700);
                int next = openat(folder, name, O_RDONLY | O_DIRECTORY);
                close(folder);
                folder = next;
        }
        close(folder);
        assert_true(collect(f, "**", ample, &report));
        assert_int_equal(report.omitted, 1);
        assert_int_equal(frames_of(f, FRAME_ARTIFACT_OMITTED, &bytes), 1);
        assert_true(bytes <= FRAME_PATH_MAX + 32);
}

static void test_a_port_that_gives_up_ends_it(void **state)
{
        struct fixture *f = *state;
        struct frame_report report;
        file_make(f, "a", 10);
        file_make(f, "b", 10);
        for (size_t allowed = 0; allowed < 4; allowed++) {
                f->reserves_left = allowed;
                assert_false(collect(f, "*", ample, &report));
        }
        f->reserves_left = 4;
        assert_true(collect(f, "*", ample, &report));
}

static void test_the_largest_file_is_found_below(void **state)
{
        struct fixture *f = *state;
        uint64_t largest = 5;
        mkdirat(f->root, "d", 0700);
        file_make(f, "a", 4);
        collect_largest(f->root, &largest);
        assert_int_equal(largest, 5);
        file_make(f, "d/b", 6);
        collect_largest(f->root, &largest);
        assert_int_equal(largest, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_large_file_goes_in_bounded_pieces), TEST(test_bounds_hold_before_anything_is_read),
                        TEST(test_links_are_neither_followed_nor_read), TEST(test_depth_and_path_length_are_bounded),
                        TEST(test_a_port_that_gives_up_ends_it),        TEST(test_the_largest_file_is_found_below),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
