/* .npy: every dtype and version, what is refused, and both ways of writing. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/io/npy.h"

static char folder[64];
static syl_error err;

static char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file in memory of the given version with the header's text and data. */
static uint8_t *build(int major, const char *header, const void *data, size_t bytes, size_t *size)
{
    size_t n = strlen(header), begin = major == 1 ? 10 : 12;
    uint8_t *file = calloc(1, begin + n + bytes + 1);

    assert_non_null(file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)major;
    for (size_t i = 0; i < begin - 8; i++)
        file[8 + i] = (uint8_t)(n >> (8 * i));
    memcpy(file + begin, header, n);
    if (bytes) memcpy(file + begin + n, data, bytes);
    *size = begin + n + bytes;
    return file;
}

static syl_status parse(syl_npy *npy, int major, const char *header, const void *data, size_t bytes)
{
    size_t size;
    uint8_t *file = build(major, header, data, bytes, &size);
    syl_status status = syl_npy_parse(npy, file, size, "test.npy", &err);

    free(file);
    return status;
}

static void check_dtype(const char *descr, const void *data, size_t bytes, const float *want)
{
    char header[128];
    syl_npy npy;

    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 3), }\n",
             descr);
    for (int major = 1; major <= 3; major++) {
        assert_int_equal(parse(&npy, major, header, data, bytes), SYL_OK);
        assert_int_equal(npy.ndim, 2);
        assert_int_equal(npy.shape[0], 1);
        assert_int_equal(npy.shape[1], 3);
        assert_int_equal(npy.count, 3);
        assert_memory_equal(npy.data, want, 3 * sizeof *want);
        syl_npy_free(&npy);
    }
}

static void test_dtypes(void **state)
{
    const float want[3] = {1, -2, 100}, bytes[3] = {1, 200, 100};

    (void)state;
    check_dtype("<f4", want, 12, want);
    check_dtype("<f8", (double[]){1, -2, 100}, 24, want);
    check_dtype("<f2", (uint16_t[]){0x3c00, 0xc000, 0x5640}, 6, want);
    check_dtype("<i4", (int32_t[]){1, -2, 100}, 12, want);
    check_dtype("<i8", (int64_t[]){1, -2, 100}, 24, want);
    check_dtype("|i1", (int8_t[]){1, -2, 100}, 3, want);
    check_dtype("|u1", (uint8_t[]){1, 200, 100}, 3, bytes);
}

static void test_shapes(void **state)
{
    float one = 5;
    syl_npy npy;

    (void)state;
    assert_int_equal(
        parse(&npy, 1, "{'shape': (), 'fortran_order': False, 'descr': '<f4'}", &one, 4), SYL_OK);
    assert_int_equal(npy.ndim, 0);
    assert_int_equal(npy.count, 1);
    syl_npy_free(&npy);
    assert_int_equal(
        parse(&npy, 1, "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(0,7)}", NULL, 0),
        SYL_OK);
    assert_int_equal(npy.count, 0);
    syl_npy_free(&npy);
    syl_npy_free(&npy);
    syl_npy_free(NULL);
}

static void test_refused(void **state)
{
    static const struct {
        const char *header;
        syl_status status;
        const char *word;
    } bad[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", SYL_EUNSUPPORTED, "endian"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", SYL_EUNSUPPORTED, "Fortran"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", SYL_EUNSUPPORTED, "|O"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", SYL_EUNSUPPORTED, "<c8"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", SYL_EUNSUPPORTED, "dtype"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", SYL_EFORMAT, "needs 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}x", SYL_EFORMAT, "header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", SYL_EFORMAT, "header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", SYL_EFORMAT, "header"},
        {"{'descr': '<f4', 'fortran_order': False}", SYL_EFORMAT, "header"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", SYL_EFORMAT,
         "header"},
        {"{'descr': '<f4', 'other': 1, 'fortran_order': False, 'shape': (1,)}", SYL_EFORMAT,
         "header"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", SYL_EFORMAT, "header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", SYL_EFORMAT,
         "8 dim"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", SYL_EFORMAT,
         "header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", SYL_EFORMAT,
         "needs"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", SYL_EFORMAT, "header"},
        {"", SYL_EFORMAT, "header"},
        {"{", SYL_EFORMAT, "header"},
    };
    float one = 1;
    syl_npy npy;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(&npy, 1, bad[i].header, &one, 4), bad[i].status);
        assert_non_null(strstr(err.message, bad[i].word));
        assert_non_null(strstr(err.message, "test.npy"));
        assert_null(npy.data);
    }
    assert_int_equal(
        parse(&npy, 4, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", &one, 4),
        SYL_EUNSUPPORTED);
}

/* No prefix of a good file, and no header length, is read beyond its end (the sanitizer looks). */
static void test_truncated(void **state)
{
    float one = 1;
    size_t size;
    uint8_t *file =
        build(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", &one, 4, &size);
    syl_npy npy;

    (void)state;
    for (size_t n = 0; n < size; n++) {
        uint8_t *part = malloc(n ? n : 1);
        memcpy(part, file, n);
        assert_int_equal(syl_npy_parse(&npy, part, n, "x", &err), SYL_EFORMAT);
        free(part);
    }
    memset(file + 8, 0xff, 4);
    assert_int_equal(syl_npy_parse(&npy, file, size, "x", &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "4294967295"));
    free(file);
    assert_int_equal(syl_npy_read(&npy, in_folder("missing"), &err), SYL_EIO);
}

static void test_write(void **state)
{
    int64_t shape[8] = {2, 3, 1, 1, 1, 1, 1, 1}, big[2] = {INT64_MAX, 4};
    int32_t ints[6] = {1, -2, 3, -4, 5, 6};
    float floats[6] = {0.5f, -1, 2, 3, 4, 1e30f};
    syl_npy npy;

    (void)state;
    for (int ndim = 2; ndim <= 8; ndim++) {
        assert_int_equal(syl_npy_write(in_folder("w"), floats, SYL_F32, ndim, shape, &err), SYL_OK);
        assert_int_equal(syl_npy_read(&npy, in_folder("w"), &err), SYL_OK);
        assert_int_equal(npy.ndim, ndim);
        assert_memory_equal(npy.shape, shape, (size_t)ndim * 8);
        assert_memory_equal(npy.data, floats, sizeof floats);
        syl_npy_free(&npy);
    }
    assert_int_equal(syl_npy_write(in_folder("w"), ints, SYL_I32, 2, shape, &err), SYL_OK);
    assert_int_equal(syl_npy_read(&npy, in_folder("w"), &err), SYL_OK);
    for (int i = 0; i < 6; i++)
        assert_true(npy.data[i] == (float)ints[i]);
    syl_npy_free(&npy);
    assert_int_equal(syl_npy_write(in_folder("w"), floats, SYL_F32, 0, NULL, &err), SYL_OK);
    assert_int_equal(syl_npy_read(&npy, in_folder("w"), &err), SYL_OK);
    assert_int_equal(npy.count, 1);
    syl_npy_free(&npy);
    assert_int_equal(syl_npy_write(in_folder("w"), ints, SYL_F16, 2, shape, &err), SYL_EINVAL);
    assert_int_equal(syl_npy_write(in_folder("w"), ints, SYL_F32, 9, shape, &err), SYL_EINVAL);
    assert_int_equal(syl_npy_write(in_folder("w"), ints, SYL_F32, 2, big, &err), SYL_EINVAL);
    shape[1] = -1;
    assert_int_equal(syl_npy_write(in_folder("w"), ints, SYL_F32, 2, shape, &err), SYL_EINVAL);
    unlink(in_folder("w"));
}

static void test_writer(void **state)
{
    float rows[3 * 5];
    syl_npy_writer w;
    syl_npy npy;

    (void)state;
    for (int i = 0; i < 15; i++)
        rows[i] = (float)i;
    assert_int_equal(syl_npy_writer_open(&w, in_folder("r"), 5, &err), SYL_OK);
    for (int i = 0; i < 33; i++)
        assert_int_equal(syl_npy_writer_append(&w, rows, i % 4, &err), SYL_OK);
    assert_int_equal(access(in_folder("r"), F_OK), -1);
    assert_int_equal(syl_npy_writer_commit(&w, &err), SYL_OK);
    assert_int_equal(syl_npy_read(&npy, in_folder("r"), &err), SYL_OK);
    assert_int_equal(npy.shape[0], 8 * 6);
    assert_int_equal(npy.shape[1], 5);
    assert_true(npy.data[5 * 5] == 10); /* rows: 0 | 0 1 | 0 1 2 */
    syl_npy_free(&npy);
    assert_int_equal(syl_npy_writer_append(&w, rows, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_npy_writer_commit(&w, &err), SYL_EINVAL);
    assert_int_equal(syl_npy_writer_open(&w, in_folder("r"), 5, &err), SYL_OK);
    assert_int_equal(syl_npy_writer_append(&w, rows, -1, &err), SYL_EINVAL);
    syl_npy_writer_discard(&w);
    assert_int_equal(syl_npy_writer_open(&w, in_folder("r"), 0, &err), SYL_EINVAL);
    syl_npy_writer_discard(&w);
    unlink(in_folder("r"));
}

static void test_writer_full_disk(void **state)
{
    struct rlimit old, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    static float rows[5000];
    syl_status status;
    syl_npy_writer w;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = syl_npy_writer_open(&w, in_folder("f"), 10, &err);
    for (int i = 0; i < 10 && !status; i++)
        status = syl_npy_writer_append(&w, rows, 500, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, SYL_EIO);
    syl_npy_writer_discard(&w);
    assert_int_equal(access(in_folder("f"), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_full_disk),
    };
    int failed;

    strcpy(folder, "/tmp/syl-npy-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
