/* syl_segment_frames against segment_reference.py on its random cases: identical segments.
 * The cases' file is argv[1] or $SEGMENT_CASES; without either it is made by $PYTHON (python3)
 * from $srcdir/tests/golden. Exits 77 (skipped) where Python or numpy is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/sylkit.h"

enum { MAGIC = 0x53454731, MAX_T = 100000, MAX_D = 4096, MAX_CASES = 1000000 };

static const char *cases_path;

static void read_exactly(FILE *f, void *dst, size_t size)
{
    assert_int_equal(fread(dst, 1, size, f), size);
}

static void print_ranges(const char *who, const int64_t (*ranges)[2], int64_t n)
{
    fprintf(stderr, "  %s:", who);
    for (int64_t i = 0; i < n; i++)
        fprintf(stderr, " [%lld,%lld)", (long long)ranges[i][0], (long long)ranges[i][1]);
    fprintf(stderr, "\n");
}

/* One case; 1 when the segments are identical. */
static int check_case(FILE *f, int number, int64_t *total)
{
    int32_t size[3]; /* T, D, M */
    float threshold[2];
    read_exactly(f, size, sizeof size);
    read_exactly(f, threshold, sizeof threshold);
    int32_t T = size[0], D = size[1], M = size[2];
    assert_in_range(T, 0, MAX_T);
    assert_in_range(D, 1, MAX_D);
    assert_in_range(M, 0, T);

    size_t count = (size_t)T * (size_t)D;
    float *x = malloc((count + 1) * sizeof *x); /* [T][D] */
    int64_t(*want)[2] = malloc(((size_t)M + 1) * sizeof *want);
    int64_t(*got)[2] = malloc(((size_t)T + 1) * sizeof *got);
    assert_non_null(x);
    assert_non_null(want);
    assert_non_null(got);
    read_exactly(f, x, count * sizeof *x);
    for (int32_t i = 0; i < M; i++) {
        int32_t range[2];
        read_exactly(f, range, sizeof range);
        want[i][0] = range[0];
        want[i][1] = range[1];
    }
    got[T][0] = got[T][1] = -7; /* one past the last allowed: must stay */

    syl_error err = {SYL_OK, ""};
    int64_t n = -1;
    syl_status status = syl_segment_frames(x, T, D, threshold[0], threshold[1], got, &n, &err);
    int same = status == SYL_OK && n == M && got[T][0] == -7 && got[T][1] == -7 &&
               memcmp(got, want, (size_t)M * sizeof *want) == 0;
    if (!same) {
        fprintf(stderr, "case %d (T %d, D %d, norm %g, merge %g): %s %s\n", number, (int)T, (int)D,
                threshold[0], threshold[1], syl_status_name(status), err.message);
        print_ranges("reference", (const int64_t(*)[2])want, M);
        if (status == SYL_OK && n >= 0 && n <= T)
            print_ranges("sylkit   ", (const int64_t(*)[2])got, n);
    }
    *total += M;
    free(x);
    free(want);
    free(got);
    return same;
}

static void test_identical_to_reference(void **state)
{
    (void)state;
    FILE *f = fopen(cases_path, "rb");
    assert_non_null(f);
    int32_t head[2];
    read_exactly(f, head, sizeof head);
    assert_int_equal(head[0], MAGIC);
    assert_in_range(head[1], 1, MAX_CASES);
    int wrong = 0;
    int64_t total = 0;
    for (int i = 0; i < head[1]; i++)
        wrong += !check_case(f, i, &total);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
    printf("# %d cases, %lld segments, %d differ\n", (int)head[1], (long long)total, wrong);
    assert_int_equal(wrong, 0);
}

static const char *env_or(const char *name, const char *other)
{
    const char *value = getenv(name);
    return value && *value ? value : other;
}

/* Runs the reference into a new temporary file; 0, 77 without numpy, or 1. */
static int make_cases(char *path, size_t size)
{
    char command[4096];
    const char *python = env_or("PYTHON", "python3");
    snprintf(command, sizeof command, "'%s' -c 'import numpy' >/dev/null 2>&1", python);
    if (system(command) != 0) {
        fprintf(stderr, "skipped: %s cannot import numpy (Debian: python3-numpy)\n", python);
        return 77;
    }
    snprintf(path, size, "%s/sylkit-segments-XXXXXX", env_or("TMPDIR", "/tmp"));
    int fd = mkstemp(path);
    if (fd < 0) {
        perror(path);
        return 1;
    }
    close(fd);
    snprintf(command, sizeof command, "'%s' '%s/tests/golden/segment_reference.py' '%s'", python,
             env_or("srcdir", "."), path);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        unlink(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    char made[1024] = "";
    cases_path = argc > 1 ? argv[1] : env_or("SEGMENT_CASES", NULL);
    if (!cases_path) {
        int status = make_cases(made, sizeof made);
        if (status) return status;
        cases_path = made;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_identical_to_reference)};
    int failed = cmocka_run_group_tests_name("segmenter", tests, NULL, NULL);
    if (*made) unlink(made);
    return failed != 0;
}
