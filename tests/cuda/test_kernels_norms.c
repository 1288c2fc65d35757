/* Kernels of norms against the CPU: a warp a row, and a block a row beyond 1024 columns. */
#include "tests/cuda/device.h"

#define EPS 1e-5f

/* Columns of gamma, beta, and two that gather gradients; on the host and on the device. */
typedef struct affine {
    float *gamma, *beta, *dgamma, *dbeta;
} affine;

static affine draw_affine(int64_t cols)
{
    return (affine){draw_array(cols), draw_array(cols), draw_array(cols), draw_array(cols)};
}

static affine device_affine(affine a, int64_t cols)
{
    return (affine){device_array(a.gamma, cols), device_array(a.beta, cols),
                    device_array(a.dgamma, cols), device_array(a.dbeta, cols)};
}

static void same_gradients(affine expected, affine on, int64_t cols)
{
    same_array(expected.dgamma, on.dgamma, cols, TOLERANCE);
    same_array(expected.dbeta, on.dbeta, cols, TOLERANCE);
}

/* ---- over rows ------------------------------------------------------------------------- */

static void check_norm_forward(int64_t rows, int64_t cols, int64_t gap)
{
    affine a = draw_affine(cols), on_a = device_affine(a, cols);
    syl_mat x = draw(SYL_F32, rows, cols, gap), y = draw(SYL_F32, rows, cols, gap);
    syl_mat on_x = device(x), on = device(y);
    float *stats = draw_array(2 * rows), *on_stats = device_array(stats, 2 * rows);
    LAUNCHED(syl_cuda_norm_forward(NULL, SYL_LAYER_NORM, on_a.gamma, on_a.beta, EPS, on_x,
                                   SYL_ACT_NONE, on, on_stats));
    syl_norm_forward(ctx, SYL_LAYER_NORM, a.gamma, a.beta, EPS, x, y, stats);
    same(y, on, TOLERANCE);
    LAUNCHED(syl_cuda_norm_forward(NULL, SYL_RMS_NORM, on_a.gamma, NULL, EPS, on_x, SYL_ACT_NONE,
                                   on_x, on_stats)); /* in place */
    syl_norm_forward(ctx, SYL_RMS_NORM, a.gamma, NULL, EPS, x, x, stats);
    same(x, on_x, TOLERANCE);
    same_array(stats, on_stats, 2 * rows, TOLERANCE);
}

static void test_norm_forward(void **state)
{
    (void)state;
    each_shape(check_norm_forward);
}

/* Any of f32 and bf16 to any, with and without GELU, in place too. */
static void check_norm_types(int64_t rows, int64_t cols, int64_t gap)
{
    affine a = draw_affine(cols), on_a = device_affine(a, cols);
    EACH (syl_dtype, from, SYL_F32, SYL_BF16)
        EACH (syl_dtype, to, SYL_F32, SYL_BF16) {
            syl_act act = *from == *to ? SYL_ACT_GELU : SYL_ACT_NONE;
            syl_mat x = draw(*from, rows, cols, gap), y = draw(*to, rows, cols, gap);
            syl_mat on_x = device(x), on = *from == *to && gap ? on_x : device(y);
            if (on.data == on_x.data) y = x;
            LAUNCHED(syl_cuda_norm_forward(NULL, SYL_LAYER_NORM, on_a.gamma, on_a.beta, EPS, on_x,
                                           act, on, NULL));
            assert_int_equal(syl_layer_norm(ctx, a.gamma, a.beta, EPS, x, act, y, NULL), SYL_OK);
            same(y, on, *to == SYL_F32 ? TOLERANCE : TOLERANCE_BF16);
        }
}

static void test_norm_types(void **state)
{
    (void)state;
    each_shape(check_norm_types);
    check_norm_types(5, 0, 4);
}

/* Rows far from zero: the variance must not be lost to cancellation. */
static void test_norm_offset(void **state)
{
    (void)state;
    affine a = draw_affine(129), on_a = device_affine(a, 129);
    syl_mat x = draw(SYL_F32, 3, 129, 0), y = draw(SYL_F32, 3, 129, 0), on = device(y);
    for (int i = 0; i < 3 * 129; i++)
        ((float *)x.data)[i] += 1000;
    float stats[6], *on_stats = device_room(sizeof stats);
    LAUNCHED(syl_cuda_norm_forward(NULL, SYL_LAYER_NORM, on_a.gamma, on_a.beta, EPS, device(x),
                                   SYL_ACT_NONE, on, on_stats));
    syl_norm_forward(ctx, SYL_LAYER_NORM, a.gamma, a.beta, EPS, x, y, stats);
    same(y, on, 1e-3); /* the mean itself has steps of 6e-5 */
}

static void check_norm_backward(int64_t rows, int64_t cols, int64_t gap)
{
    EACH (syl_norm_kind, kind, SYL_LAYER_NORM, SYL_RMS_NORM)
        for (int way = 0; way < 4; way++) {
            bool accumulate = way & 1, frozen = way & 2, centred = *kind == SYL_LAYER_NORM;
            affine a = draw_affine(cols), on_a = device_affine(a, cols);
            syl_mat x = draw(SYL_F32, rows, cols, gap), dy = draw(SYL_F32, rows, cols, gap);
            syl_mat dx = draw(SYL_F32, rows, cols, gap), on = device(dx);
            float *stats = draw_array(2 * rows);
            for (int64_t i = 0; i < rows; i++) /* as they are for normal values */
                stats[2 * i] = centred ? 0.1f * stats[2 * i] : 0,
                          stats[2 * i + 1] = 1 + 0.1f * stats[2 * i + 1];
            LAUNCHED(syl_cuda_norm_backward(
                NULL, *kind, on_a.gamma, device(x), device_array(stats, 2 * rows), device(dy),
                accumulate, on, frozen ? NULL : on_a.dgamma, frozen || !centred ? NULL : on_a.dbeta,
                device_room(syl_cuda_norm_work(rows, cols))));
            syl_norm_backward(ctx, *kind, a.gamma, x, stats, dy, accumulate, dx,
                              frozen ? NULL : a.dgamma, frozen || !centred ? NULL : a.dbeta);
            same(dx, on, TOLERANCE);
            same_gradients(a, on_a, cols);
        }
}

static void test_norm_backward(void **state)
{
    (void)state;
    each_shape(check_norm_backward);
    check_norm_backward(5, 0, 4);
    check_norm_backward(300, 5, 0); /* several chunks of rows */
}

/* ---- over groups ----------------------------------------------------------------------- */

static void check_groups(int groups, int64_t rows, int64_t cols, int64_t gap)
{
    affine a = draw_affine(cols), on_a = device_affine(a, cols);
    syl_mat x = draw(SYL_F32, rows, cols, gap), y = draw(SYL_F32, rows, cols, gap);
    syl_mat dy = draw(SYL_F32, rows, cols, gap), on_x = device(x), on = device(y);
    float *stats = draw_array(2 * cols), *on_stats = device_array(stats, 2 * cols);
    void *work = device_room(syl_cuda_group_norm_work(groups, rows, cols));
    LAUNCHED(syl_cuda_group_norm_forward(NULL, groups, on_a.gamma, on_a.beta, 0.01f, on_x, on,
                                         on_stats, work));
    if (rows)
        assert_int_equal(
            syl_group_norm_forward(ctx, groups, a.gamma, a.beta, 0.01f, x, y, stats, NULL), SYL_OK);
    same(y, on, TOLERANCE);
    same_array(stats, on_stats, 2 * cols, TOLERANCE);
    for (int way = 0; way < 3 && rows; way++) {
        bool accumulate = way & 1, frozen = way & 2;
        LAUNCHED(syl_cuda_group_norm_backward(
            NULL, groups, on_a.gamma, on_x, device_array(stats, 2 * cols), device(dy), accumulate,
            on, frozen ? NULL : on_a.dgamma, frozen ? NULL : on_a.dbeta, work));
        assert_int_equal(syl_group_norm_backward(ctx, groups, a.gamma, x, stats, dy, accumulate, y,
                                                 frozen ? NULL : a.dgamma, frozen ? NULL : a.dbeta,
                                                 NULL),
                         SYL_OK);
        same(y, on, TOLERANCE);
        same_gradients(a, on_a, cols);
    }
    let_go();
}

static void test_groups(void **state)
{
    (void)state;
    EACH (int, rows, 0, 1, 3, 65) {
        check_groups(1, *rows, 5, 0);
        check_groups(3, *rows, 33, 3);
        check_groups(33, *rows, 33, 0); /* HuBERT's: one channel a group */
        check_groups(2, *rows, 64, 1);
    }
    check_groups(2, 300, 6, 1); /* several chunks of rows */
}

/* ---- unit vectors ---------------------------------------------------------------------- */

static void check_unit_rows(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat x = draw(SYL_F32, rows, cols, gap), y = draw(SYL_F32, rows, cols, gap);
    if (rows > 1) syl_zero(ctx, syl_mat_rows(x, 1, 1)); /* a row of zeros stays one */
    syl_mat on_x = device(x), on = device(y), dy = draw(SYL_F32, rows, cols, gap);
    float *norms = draw_array(rows), *on_norms = device_array(norms, rows);
    LAUNCHED(syl_cuda_unit_rows(NULL, on_x, on, on_norms));
    syl_unit_rows(ctx, x, y, norms);
    same(y, on, TOLERANCE);
    same_array(norms, on_norms, rows, TOLERANCE);
    on = device(y); /* small norms make large gradients: the same start for both */
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        LAUNCHED(syl_cuda_unit_rows_backward(NULL, on, device_array(norms, rows), device(dy),
                                             accumulate, on_x));
        syl_unit_rows_backward(ctx, y, norms, dy, accumulate, x);
        same(x, on_x, cols > 3 ? TOLERANCE : 1e-3);
    }
}

static void test_unit_rows(void **state)
{
    (void)state;
    each_shape(check_unit_rows);
}

static void check_weight_norm(int64_t rows, int64_t taps, int64_t gap)
{
    syl_mat v = draw(SYL_F32, rows, taps, gap), w = draw(SYL_F32, rows, taps, gap);
    if (taps > 1 && rows) syl_zero(ctx, syl_mat_cols(v, 1, 1)); /* a tap of zeros */
    syl_mat dw = draw(SYL_F32, rows, taps, gap), dv = draw(SYL_F32, rows, taps, gap);
    syl_mat on_v = device(v), on_w = device(w), on_dv = device(dv);
    float *g = draw_array(taps), *on_g = device_array(g, taps);
    float *dg = draw_array(taps), *on_dg = device_array(dg, taps);
    float *norms = draw_array(taps), *on_norms = device_array(norms, taps);
    void *work = device_room(syl_cuda_sum_work(rows, taps));
    LAUNCHED(syl_cuda_weight_norm(NULL, on_g, on_v, on_w, on_norms, work));
    if (rows) syl_weight_norm(ctx, g, v, w, norms);
    same(w, on_w, TOLERANCE);
    same_array(norms, on_norms, taps, TOLERANCE);
    LAUNCHED(syl_cuda_weight_norm_backward(NULL, on_g, on_v, device_array(norms, taps), device(dw),
                                           on_dg, on_dv, work));
    if (rows) syl_weight_norm_backward(ctx, g, v, norms, dw, dg, dv);
    same_array(dg, on_dg, taps, TOLERANCE);
    same(dv, on_dv, rows > 2 ? TOLERANCE : 1e-3);
}

static void test_weight_norm(void **state)
{
    (void)state;
    each_shape(check_weight_norm);
    check_weight_norm(5, 0, 4);
    check_weight_norm(300, 5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_norm_forward, after_each),
        cmocka_unit_test_teardown(test_norm_types, after_each),
        cmocka_unit_test_teardown(test_norm_offset, after_each),
        cmocka_unit_test_teardown(test_norm_backward, after_each),
        cmocka_unit_test_teardown(test_groups, after_each),
        cmocka_unit_test_teardown(test_unit_rows, after_each),
        cmocka_unit_test_teardown(test_weight_norm, after_each),
    };
    return run_device_tests("kernels_norms", tests, sizeof tests / sizeof *tests);
}
