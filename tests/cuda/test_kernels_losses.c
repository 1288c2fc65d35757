/* Kernels of losses against the CPU. */
#include "tests/cuda/device.h"

/* The sum of the device's losses of rows. */
static void same_loss(double expected, const double *row_loss, int64_t rows)
{
    double sum, *on = device_room(sizeof sum);
    LAUNCHED(syl_cuda_sum_doubles(NULL, row_loss, rows, on));
    fetch(&sum, on, sizeof sum);
    same_value(expected, sum, TOLERANCE);
}

static void check_squared_error(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat x = draw(SYL_F32, rows, cols, gap), target = draw(SYL_F32, rows, cols, gap);
    syl_mat dx = draw(SYL_F32, rows, cols, gap), on_x = device(x), on = device(dx);
    syl_mat on_target = device(target);
    double *row_loss = device_room((size_t)rows * sizeof(double));
    LAUNCHED(syl_cuda_squared_error(NULL, on_x, on_target, 0.3f, on, row_loss));
    same_loss(syl_squared_error(ctx, x, target, 0.3f, dx), row_loss, rows);
    same(dx, on, TOLERANCE);
    LAUNCHED(syl_cuda_squared_error(NULL, on_x, on_target, 2, on_x, row_loss)); /* in place */
    same_loss(syl_squared_error(ctx, x, target, 2, x), row_loss, rows);
    same(x, on_x, TOLERANCE);
}

static void test_squared_error(void **state)
{
    (void)state;
    each_shape(check_squared_error);
}

/* Logits spread over hundreds, too, where all but the largest vanish. */
static void check_cross_entropy(int64_t rows, int64_t cols, int64_t gap)
{
    int32_t *target = host_room((size_t)rows * sizeof *target);
    double *row_loss = device_room((size_t)rows * sizeof(double));
    for (int64_t i = 0; i < rows; i++)
        target[i] = i % 5 == 1 ? -1 : (int32_t)syl_random_below(&dice, (uint32_t)cols);
    int32_t *on_target = device_bytes(target, (size_t)rows * sizeof *target);
    EACH (float, spread, 1, 100) {
        syl_mat x = draw(SYL_F32, rows, cols, gap), dx = draw(SYL_F32, rows, cols, gap);
        syl_scale(ctx, *spread, x, false, x);
        syl_mat on_x = device(x), on = device(dx);
        LAUNCHED(syl_cuda_cross_entropy(NULL, on_x, on_target, 0.3f, on, row_loss));
        same_loss(syl_cross_entropy(ctx, x, target, 0.3f, dx), row_loss, rows);
        same(dx, on, TOLERANCE);
        LAUNCHED(syl_cuda_cross_entropy(NULL, on_x, on_target, 2, on_x, row_loss)); /* in place */
        same_loss(syl_cross_entropy(ctx, x, target, 2, x), row_loss, rows);
        same(x, on_x, TOLERANCE);
    }
}

static void test_cross_entropy(void **state)
{
    (void)state;
    each_shape(check_cross_entropy);
}

/* With rows of zeros, whose norms are below eps. */
static void check_cosine_error(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat x = draw(SYL_F32, rows, cols, gap), target = draw(SYL_F32, rows, cols, gap);
    if (rows > 2) syl_zero(ctx, syl_mat_rows(x, 1, 1)), syl_zero(ctx, syl_mat_rows(target, 2, 1));
    syl_mat dx = draw(SYL_F32, rows, cols, gap), dtarget = draw(SYL_F32, rows, cols, gap);
    syl_mat on = device(dx), on_dtarget = device(dtarget);
    double *row_loss = device_room((size_t)rows * sizeof(double));
    LAUNCHED(syl_cuda_cosine_error(NULL, device(x), device(target), 0.01f, 0.3f, on, on_dtarget,
                                   row_loss));
    same_loss(syl_cosine_error(ctx, x, target, 0.01f, 0.3f, dx, dtarget), row_loss, rows);
    same(dx, on, TOLERANCE);
    same(dtarget, on_dtarget, TOLERANCE);
}

static void test_cosine_error(void **state)
{
    (void)state;
    each_shape(check_cosine_error);
}

static void check_correction(int64_t rows, int64_t cols, int64_t gap)
{
    int32_t *ids = host_room((size_t)(rows + cols) * sizeof *ids), *sampled = ids + rows;
    for (int64_t i = 0; i < rows + cols; i++)
        ids[i] = (int32_t)syl_random_below(&dice, 9);
    float *log_q = draw_array(rows + cols), *on_log_q = device_array(log_q, rows + cols);
    int32_t *on_ids = device_bytes(ids, (size_t)(rows + cols) * sizeof *ids);
    for (int way = 0; way < 4; way++) {
        syl_mat x = draw(SYL_F32, rows, cols, gap), on = device(x);
        syl_sample sample = {.target = ids,
                             .sampled = sampled,
                             .num_sampled = cols - 1,
                             .log_q_target = way & 1 ? log_q : NULL,
                             .log_q_sampled = way & 2 ? log_q + rows : NULL};
        LAUNCHED(syl_cuda_sampled_correction(NULL, on_ids, on_ids + rows, way & 1 ? on_log_q : NULL,
                                             way & 2 ? on_log_q + rows : NULL, on));
        syl_sampled_correction(ctx, &sample, x);
        same(x, on, EXACT);
    }
}

static void test_correction(void **state)
{
    (void)state;
    each_shape(check_correction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_squared_error, after_each),
        cmocka_unit_test_teardown(test_cross_entropy, after_each),
        cmocka_unit_test_teardown(test_cosine_error, after_each),
        cmocka_unit_test_teardown(test_correction, after_each),
    };
    return run_device_tests("kernels_losses", tests, sizeof tests / sizeof *tests);
}
