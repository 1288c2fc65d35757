/* Products of every orientation against the plain sum, on odd sizes; small whole numbers, so that
 * float32 and bf16 are both exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "lib/compute/training.h"

static syl_random dice = {.seed = 1};

/* [rows][cols] with `gap` floats between the rows. */
static syl_mat draw(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat m = {calloc((size_t)(rows * (cols + gap)), sizeof(float)), SYL_F32, rows, cols,
                 cols + gap};
    for (int64_t i = 0; i < rows * m.stride; i++)
        ((float *)m.data)[i] = (float)syl_random_below(&dice, 9) - 4;
    return m;
}

static float at(syl_mat m, bool transposed, int64_t row, int64_t col)
{
    return ((float *)m.data)[transposed ? col * m.stride + row : row * m.stride + col];
}

static syl_mat in_dtype(syl_ctx *ctx, syl_mat m, syl_dtype dtype)
{
    syl_mat copy;
    if (dtype == SYL_F32) return m;
    assert_int_equal(syl_ctx_mat(ctx, dtype, m.rows, m.stride, &copy, NULL), SYL_OK);
    syl_mat whole = m;
    whole.cols = m.stride;
    syl_mat_copy(whole, copy);
    copy.cols = m.cols;
    return copy;
}

/* How the factors lie, and whether to add. */
typedef struct way {
    syl_dtype dtype;
    bool ta, tb, add;
    int64_t gap;
} way;

static void check(syl_ctx *ctx, way w, int64_t m, int64_t n, int64_t k)
{
    syl_mat a = w.ta ? draw(k, m, w.gap) : draw(m, k, w.gap);
    syl_mat b = w.tb ? draw(n, k, w.gap) : draw(k, n, w.gap), c = draw(m, n, w.gap);
    syl_mat before = draw(m, n, w.gap);
    syl_mat_copy(c, before);
    size_t mark = syl_ctx_mark(ctx);
    assert_int_equal(syl_product(ctx, in_dtype(ctx, a, w.dtype), w.ta, in_dtype(ctx, b, w.dtype),
                                 w.tb, w.add, c, NULL),
                     SYL_OK);
    syl_ctx_release(ctx, mark);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = w.add ? at(before, false, i, j) : 0;
            for (int64_t l = 0; l < k; l++)
                sum += at(a, w.ta, i, l) * at(b, w.tb, l, j);
            assert_true(at(c, false, i, j) == sum);
        }
    free(a.data);
    free(b.data);
    free(c.data);
    free(before.data);
}

static void products(void **state)
{
    static const int64_t sizes[] = {1, 3, 8, 13, 31, 33, 65};
    enum { N = sizeof sizes / sizeof *sizes };
    syl_ctx *ctx;
    (void)state;
    assert_int_equal(syl_ctx_create(&ctx, 2, NULL), SYL_OK);
    for (int bits = 0; bits < 16; bits++)
        for (int i = 0; i < N * N * N; i++)
            check(ctx,
                  (way){bits & 1 ? SYL_BF16 : SYL_F32, bits & 2, bits & 4, bits & 8, i % 3 ? 0 : 5},
                  sizes[i % N], sizes[i / N % N], sizes[i / N / N]);
    syl_ctx_free(ctx);
}

/* Nothing in, nothing out; an empty sum is 0. */
static void empty(void **state)
{
    syl_ctx *ctx;
    float c[6] = {1, 2, 3, 4, 5, 6}, none = 0;
    syl_mat y = syl_mat_of(c, SYL_F32, 2, 3);
    (void)state;
    assert_int_equal(syl_ctx_create(&ctx, 1, NULL), SYL_OK);
    syl_mat a = syl_mat_of(&none, SYL_F32, 2, 0), b = syl_mat_of(&none, SYL_F32, 0, 3);
    assert_int_equal(syl_product(ctx, a, false, b, false, true, y, NULL), SYL_OK);
    assert_true(c[5] == 6);
    assert_int_equal(syl_product(ctx, a, false, b, false, false, y, NULL), SYL_OK);
    assert_true(c[0] == 0 && c[5] == 0);
    y.rows = 0;
    assert_int_equal(syl_product(ctx, a, false, b, false, false, y, NULL), SYL_OK);
    syl_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
