/* status, memory, file and random. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

static char folder[64];

static char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int count_files(void)
{
    DIR *dir = opendir(folder);
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(dir);
    return n;
}

static void write_text(const char *path, const char *text)
{
    syl_atomic file;
    syl_error err;

    assert_int_equal(syl_atomic_open(&file, path, &err), SYL_OK);
    fputs(text, file.stream);
    assert_int_equal(syl_atomic_commit(&file, &err), SYL_OK);
}

static void assert_content(const char *path, const char *text)
{
    syl_map map;

    assert_int_equal(syl_map_open(&map, path, NULL), SYL_OK);
    assert_int_equal(map.size, strlen(text));
    if (map.size) assert_memory_equal(map.data, text, map.size);
    syl_map_close(&map);
}

static void test_status(void **state)
{
    char name[2000];
    syl_error err;

    (void)state;
    assert_int_equal(syl_fail(NULL, SYL_EIO, "x"), SYL_EIO);
    assert_int_equal(syl_fail(&err, SYL_EFORMAT, "a\nb\033[1m %d", 7), SYL_EFORMAT);
    assert_int_equal(err.status, SYL_EFORMAT);
    assert_string_equal(err.message, "a?b?[1m 7");
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    syl_fail(&err, SYL_EIO, "%s", name);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_int_equal(syl_fail_memory(&err, 100, "a test"), SYL_ENOMEM);
    assert_non_null(strstr(err.message, "100"));
    for (int s = SYL_OK; s <= SYL_ECANCELLED; s++)
        assert_string_not_equal(syl_status_name((syl_status)s), "unknown status");
    assert_string_equal(syl_status_name((syl_status)99), "unknown status");
    assert_true(strlen(syl_version()) >= 5);
}

static void test_memory(void **state)
{
    size_t capacity = 0;
    int *data = NULL;
    char *zero;

    (void)state;
    assert_int_equal(syl_mul_size(3, 5), 15);
    assert_int_equal(syl_mul_size(SIZE_MAX, 0), 0);
    assert_int_equal(syl_mul_size(0, SIZE_MAX), 0);
    assert_true(syl_mul_size(SIZE_MAX / 2, 3) == SIZE_MAX);
    assert_null(syl_calloc(SIZE_MAX / 2, 3));
    assert_null(syl_calloc(SIZE_MAX, 1));
    zero = syl_calloc(0, 8);
    assert_non_null(zero);
    free(zero);
    zero = syl_calloc(33, 3);
    assert_int_equal((uintptr_t)zero % 64, 0);
    for (int i = 0; i < 99; i++)
        assert_int_equal(zero[i], 0);
    free(zero);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(syl_grow((void **)&data, &capacity, (size_t)i + 1, sizeof *data, NULL), 0);
        data[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(data[i], i);
    assert_true(capacity >= 1000 && capacity <= 2000);
    assert_int_equal(syl_grow((void **)&data, &capacity, SIZE_MAX - 1, sizeof *data, NULL),
                     SYL_ENOMEM);
    assert_int_equal(data[999], 999);
    free(data);
}

static void test_map(void **state)
{
    syl_error err;
    syl_map map;

    (void)state;
    write_text(in_folder("map"), "hello");
    assert_content(in_folder("map"), "hello");
    write_text(in_folder("map"), "");
    assert_int_equal(syl_map_open(&map, in_folder("map"), &err), SYL_OK);
    assert_null(map.data);
    syl_map_close(&map);
    assert_int_equal(syl_map_open(&map, folder, &err), SYL_EIO);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(syl_map_open(&map, in_folder("missing"), &err), SYL_EIO);
    assert_non_null(strstr(err.message, "missing"));
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(syl_map_open(&map, in_folder("fifo"), &err), SYL_EIO);
    unlink(in_folder("fifo"));
    unlink(in_folder("map"));
}

static void test_atomic(void **state)
{
    struct stat st;
    syl_atomic file;
    syl_error err;
    char link[256];

    (void)state;
    write_text(in_folder("a"), "old");
    assert_int_equal(chmod(in_folder("a"), 0640), 0);
    assert_int_equal(syl_atomic_open(&file, in_folder("a"), &err), SYL_OK);
    fputs("new", file.stream);
    fflush(file.stream);
    assert_content(in_folder("a"), "old");
    syl_atomic_discard(&file);
    syl_atomic_discard(&file);
    assert_content(in_folder("a"), "old");
    assert_int_equal(count_files(), 1);
    strcpy(link, in_folder("link"));
    assert_int_equal(symlink("a", link), 0);
    write_text(link, "through the link");
    assert_content(in_folder("a"), "through the link");
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_folder("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    unlink(link);
    unlink(in_folder("a"));
    assert_int_equal(syl_atomic_open(&file, folder, &err), SYL_EIO);
    assert_int_equal(syl_atomic_open(&file, "", &err), SYL_EINVAL);
    assert_int_equal(syl_atomic_open(&file, in_folder("no/such"), &err), SYL_EIO);
    assert_non_null(strstr(err.message, "no/such"));
    assert_int_equal(syl_atomic_open(&file, "/dev/null", &err), SYL_EIO);
    assert_int_equal(syl_atomic_commit(&file, &err), SYL_EINVAL);
    assert_int_equal(count_files(), 0);
}

/* A limit on the size of files stands in for a full disk: write fails in the same way. */
static void test_full_disk(void **state)
{
    struct rlimit old, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    syl_atomic file;
    syl_error err;
    syl_status status;

    (void)state;
    write_text(in_folder("full"), "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int size = 1001; size < 200000; size *= 8) {
        status = syl_atomic_open(&file, in_folder("full"), &err);
        for (int i = 0; !status && i < size; i++)
            putc('x', file.stream);
        if (!status) status = syl_atomic_commit(&file, &err);
        if (status != SYL_EIO) break;
    }
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, SYL_EIO);
    assert_non_null(strstr(err.message, "full"));
    assert_content(in_folder("full"), "old");
    assert_int_equal(count_files(), 1);
    unlink(in_folder("full"));
}

/* Vectors of the authors' Random123 library (kat_vectors, philox4x32 10). */
static void test_philox(void **state)
{
    static const struct {
        uint64_t seed, stream, position;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t out[4];

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        syl_philox(known[i].seed, known[i].stream, known[i].position, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void test_random(void **state)
{
    syl_random r = {.seed = 5, .stream = 3}, again = {.seed = 5, .stream = 3, .position = 6};
    uint32_t block[4], words[8];
    int seen[7] = {0};
    double sum = 0, square = 0, fourth = 0, mean = 0;
    int n = 200000;

    (void)state;
    for (int i = 0; i < 8; i++)
        words[i] = syl_random_u32(&r);
    syl_philox(5, 3, 1, block);
    assert_memory_equal(words + 4, block, sizeof block);
    assert_int_equal(syl_random_u32(&again), words[6]);
    for (int i = 0; i < 70000; i++)
        seen[syl_random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_true(abs(seen[i] - 10000) < 500);
    assert_int_equal(syl_random_below(&r, 1), 0);
    for (int i = 0; i < n; i++) {
        float u = syl_random_uniform(&r), x = syl_random_normal(&r);
        assert_true(u >= 0 && u < 1 && isfinite(x));
        mean += u / n;
        sum += x;
        square += (double)x * x;
        fourth += (double)x * x * x * x;
    }
    assert_true(fabs(mean - 0.5) < 0.005);
    assert_true(fabs(sum / n) < 0.01);
    assert_true(fabs(square / n - 1) < 0.02);
    assert_true(fabs(fourth / n - 3) < 0.1);
}

/* ---- vectors ------------------------------------------------------------------------- */

static void test_vectors(void **state)
{
    static const int sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 48, 63, 100, 385};
    float a[400], b[400];
    syl_random rng = {.seed = 12};
    (void)state;
    for (int i = 0; i < 400; i++) {
        a[i] = syl_random_normal(&rng);
        b[i] = syl_random_normal(&rng);
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        double product = 0, distance = 0;
        float most = -INFINITY;
        for (int i = 0; i < sizes[s]; i++) {
            product += (double)a[i + 1] * b[i];
            distance += ((double)a[i + 1] - b[i]) * ((double)a[i + 1] - b[i]);
            most = fmaxf(most, a[i + 1]);
        }
        assert_true(fabs(syl_dot(a + 1, b, sizes[s]) - product) < 1e-4);
        assert_true(fabs(syl_distance2(a + 1, b, sizes[s]) - distance) <= 1e-6 * distance);
        assert_true(syl_distance2(a, a, sizes[s]) == 0);
        assert_true(syl_maximum(a + 1, sizes[s]) == most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_status),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_map),
        cmocka_unit_test(test_atomic),  cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_philox),  cmocka_unit_test(test_random),
    };
    int failed;

    strcpy(folder, "/tmp/syl-base-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
