/* sample.cu's launchers, compiled by g++, on what nvcc makes of its kernels now (argument or
 * PTX_FOLDER: where that is); skipped where there is no nvcc. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "tests/ptx/launch.h"
#include "tests/ptx/sample.h"

static void worked(cudaError_t e)
{
    if (e != cudaSuccess) fail_msg("error %d: %s", (int)e, ptx_last_error());
}

static void test_launchers(void **state)
{
    enum { M = 33, N = 20, K = 17 };
    float *a = ptx_alloc(M * K * sizeof *a, "a"), *b = ptx_alloc(K * N * sizeof *b, "b");
    float *c = ptx_alloc(M * N * sizeof *c, "c");

    (void)state;
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i % 7 - 3);
    for (int i = 0; i < K * N; i++)
        b[i] = (float)(i % 5 - 2);
    for (uint64_t seed = 0; seed < 3; seed++) {
        ptx_set_seed(seed);
        worked(sample_gemm(NULL, a, b, c, M, N, K));
        for (int i = 0; i < M * N; i++) {
            float want = 0;

            for (int k = 0; k < K; k++)
                want += a[i / N * K + k] * b[k * N + i % N];
            assert_true(c[i] == want);
        }
    }
    ptx_set_seed(0);
    /* c is too small for one row more, and that is said. */
    assert_int_equal(sample_gemm(NULL, a, b, c, M + 1, N, K), cudaErrorLaunchFailure);
    assert_non_null(strstr(ptx_last_error(), "of buffer `a`"));
    assert_string_equal(ptx_last_error(), "");
    assert_int_equal(sample_gemm(NULL, a, b, c, 0, N, K), cudaErrorInvalidConfiguration);
    assert_non_null(strstr(ptx_last_error(), "cannot be launched"));
    ptx_dealloc(a), ptx_dealloc(b), ptx_dealloc(c);
}

static void test_values(void **state)
{
    float *x = ptx_alloc(100 * sizeof *x, "x"), *y = ptx_alloc(100 * sizeof *y, "y");
    double *d = ptx_alloc(100 * sizeof *d, "d");
    sample_box box = {x, y, 100, {1, 2, 3, 4}, 0.5};
    unsigned threads;
    size_t shared;

    (void)state;
    for (int i = 0; i < 100; i++)
        x[i] = (float)i;
    worked(sample_box_apply(NULL, box));
    for (int i = 0; i < 100; i++)
        assert_true(y[i] == x[i] * box.scale[i % 4] + 0.5f);
    worked(sample_fill(NULL, x, d, 100));
    for (int i = 0; i < 100; i++)
        assert_true(x[i] == 2 && d[i] == 3);
    assert_true(ptx_was_launched("_Z9fill_withIdEvPT_S0_i", &threads, &shared));
    assert_false(ptx_was_launched("_Z10vector_sumPKfiPd", &threads, &shared));
    worked(sample_sum(NULL, x, 100, d, 1));
    assert_true(d[0] == 200);
    ptx_dealloc(x), ptx_dealloc(y), ptx_dealloc(d);
}

static void test_kernels_of_file(void **state)
{
    size_t count = 0;

    (void)state;
    while (ptx_file_kernel("sample.cu", count))
        count++;
    assert_int_equal(count, 13);
    assert_true(ptx_launches() > 0 && ptx_instructions() > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launchers),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_kernels_of_file),
    };
    const char *folder = getenv("PTX_FOLDER");
    char path[512];
    int failures;

    snprintf(path, sizeof path, "%s/sample.ptx", folder ? folder : "tests/ptx/nvcc");
    if (access(path, R_OK) != 0) {
        puts("SKIP: no nvcc made sample.ptx");
        return 77;
    }
    ptx_set_folder(folder ? folder : "tests/ptx/nvcc");
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    ptx_finish();
    return failures;
}
