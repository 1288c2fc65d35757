/* Kernels of elements, sums and rows against the CPU. */
#include "tests/cuda/device.h"

static void check_fill_and_sums(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat a = draw(SYL_F32, rows, cols, 0), b = draw(SYL_F32, rows, cols, gap);
    syl_mat y = draw(SYL_F32, rows, cols, gap), on = device(y), on_b = device(b);
    LAUNCHED(syl_cuda_sum(NULL, device(a), on_b, on));
    syl_sum(ctx, a, b, y);
    same(y, on, EXACT);
    LAUNCHED(syl_cuda_sum(NULL, on, on_b, on)); /* in place */
    syl_sum(ctx, y, b, y);
    LAUNCHED(syl_cuda_scale(NULL, -1.5f, on_b, true, on));
    syl_scale(ctx, -1.5f, b, true, y);
    LAUNCHED(syl_cuda_scale(NULL, 0.25f, on, false, on));
    syl_scale(ctx, 0.25f, y, false, y);
    same(y, on, TOLERANCE);
    LAUNCHED(syl_cuda_add_bias(NULL, device(a).data, on));
    if (rows) syl_add_bias(ctx, a.data, y);
    same(y, on, TOLERANCE);
    LAUNCHED(syl_cuda_fill(NULL, 3, on));
    syl_fill(ctx, 3, y);
    same(y, on, EXACT);
}

static void test_fill_and_sums(void **state)
{
    (void)state;
    each_shape(check_fill_and_sums);
}

static void check_add_and_convert(int64_t rows, int64_t cols, int64_t gap)
{
    EACH (syl_dtype, from, SYL_F32, SYL_BF16)
        EACH (syl_dtype, to, SYL_F32, SYL_BF16) {
            syl_mat x = draw(*from, rows, cols, gap), y = draw(*to, rows, cols, gap);
            syl_mat on = device(y), on_x = device(x);
            if (*from == *to) {
                LAUNCHED(syl_cuda_add(NULL, on_x, on));
                syl_add(ctx, x, y);
                same(y, on, EXACT);
            }
            LAUNCHED(syl_cuda_convert(NULL, on_x, on));
            syl_convert(ctx, x, y);
            same(y, on, EXACT);
        }
}

static void test_add_and_convert(void **state)
{
    (void)state;
    each_shape(check_add_and_convert);
}

/* Infinities, NaNs, halves between two bf16 values, the largest floats, denormal ones, -0. */
static void test_convert_corners(void **state)
{
    uint32_t bits[] = {0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x3F808000,
                       0x3F818000, 0x3F808001, 0x7F7FFFFF, 0x00000001, 0x80000000, 0x00008000};
    syl_mat x = syl_mat_of(bits, SYL_F32, 1, 12), y = draw(SYL_BF16, 1, 12, 0), on = device(y);
    (void)state;
    LAUNCHED(syl_cuda_convert(NULL, device(x), on));
    syl_convert(ctx, x, y);
    same(y, on, EXACT);
    syl_mat back = draw(SYL_F32, 1, 12, 0), on_back = device(back);
    LAUNCHED(syl_cuda_convert(NULL, on, on_back));
    syl_convert(ctx, y, back);
    same(back, on_back, EXACT);
}

/* Aligned and not, where only one of the matrices is off. */
static void test_alignment(void **state)
{
    (void)state;
    EACH (int, shift, 0, 1, 2, 4) {
        syl_mat x = draw(SYL_F32, 3, 64, 0), y = draw(SYL_F32, 3, 64, 0);
        syl_mat on = device_shifted(y, *shift), on_x = device_shifted(x, 4 - *shift);
        LAUNCHED(syl_cuda_add(NULL, on_x, on));
        syl_add(ctx, x, y);
        same(y, on, EXACT);
        float sums[64] = {0}, *on_sums = device_array(sums, 64);
        double square, *on_square = device_room(sizeof square);
        void *work = device_room(syl_cuda_sum_work(3, 64));
        LAUNCHED(syl_cuda_column_sums(NULL, on, on_sums, work));
        syl_column_sums(ctx, y, sums);
        same_array(sums, on_sums, 64, TOLERANCE);
        LAUNCHED(syl_cuda_sum_squares(NULL, on.data, 3 * 64, on_square, work));
        fetch(&square, on_square, sizeof square);
        same_value(syl_sum_squares(ctx, y.data, 3 * 64), square, TOLERANCE);
    }
}

static void check_activations(int64_t rows, int64_t cols, int64_t gap)
{
    EACH (syl_function, f, SYL_GELU_ERF, SYL_GELU_TANH, SYL_SILU, SYL_RELU) {
        syl_mat x = draw(SYL_F32, rows, cols, gap), dy = draw(SYL_F32, rows, cols, gap);
        syl_scale(ctx, 3, x, false, x); /* far enough for the tails */
        syl_mat y = draw(SYL_F32, rows, cols, gap), on = device(y);
        syl_mat on_x = device(x), on_dy = device(dy);
        LAUNCHED(syl_cuda_activation(NULL, *f, on_x, on));
        syl_activation(ctx, *f, x, y);
        same(y, on, TOLERANCE);
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            LAUNCHED(syl_cuda_activation_backward(NULL, *f, on_x, on_dy, accumulate, on));
            syl_activation_backward(ctx, *f, x, dy, accumulate, y);
            same(y, on, TOLERANCE);
        }
        LAUNCHED(syl_cuda_activation_backward(NULL, *f, on_x, on_dy, false, on_dy));
        syl_activation_backward(ctx, *f, x, dy, false, dy);
        same(dy, on_dy, TOLERANCE);
    }
}

static void test_activations(void **state)
{
    (void)state;
    each_shape(check_activations);
}

static void check_gated(int64_t rows, int64_t cols, int64_t gap)
{
    EACH (syl_function, f, SYL_GELU_ERF, SYL_GELU_TANH, SYL_SILU, SYL_RELU) {
        syl_mat a = draw(SYL_F32, rows, cols, gap), b = draw(SYL_F32, rows, cols, gap);
        syl_mat dy = draw(SYL_F32, rows, cols, 0), y = draw(SYL_F32, rows, cols, gap);
        syl_mat da = draw(SYL_F32, rows, cols, gap), db = draw(SYL_F32, rows, cols, gap);
        syl_mat on_a = device(a), on_b = device(b), on_dy = device(dy), on = device(y);
        syl_mat on_da = device(da), on_db = device(db);
        LAUNCHED(syl_cuda_gated(NULL, *f, on_a, on_b, on));
        syl_gated(ctx, *f, a, b, y);
        same(y, on, TOLERANCE);
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            LAUNCHED(
                syl_cuda_gated_backward(NULL, *f, on_a, on_b, on_dy, accumulate, on_da, on_db));
            syl_gated_backward(ctx, *f, a, b, dy, accumulate, da, db);
            same(da, on_da, TOLERANCE);
            same(db, on_db, TOLERANCE);
        }
    }
}

static void test_gated(void **state)
{
    (void)state;
    each_shape(check_gated);
}

static void check_bias_activation(int64_t rows, int64_t cols, int64_t gap)
{
    float *bias = draw_array(cols), *on_bias = device_array(bias, cols);
    EACH (syl_dtype, dtype, SYL_F32, SYL_BF16)
        for (int with = 0; with < 2; with++) {
            syl_mat y = draw(*dtype, rows, cols, gap), on = device(y), plain = in_f32(y);
            LAUNCHED(syl_cuda_bias_activation(NULL, SYL_GELU_ERF, with ? on_bias : NULL, on));
            if (with) syl_add_bias(ctx, bias, plain);
            syl_activation(ctx, SYL_GELU_ERF, plain, plain);
            syl_mat_copy(plain, y);
            same(y, on, *dtype == SYL_F32 ? TOLERANCE : TOLERANCE_BF16);
        }
}

static void test_bias_activation(void **state)
{
    (void)state;
    each_shape(check_bias_activation);
}

/* Bit by bit: the same elements are kept. */
static void check_dropout(int64_t rows, int64_t cols, int64_t gap)
{
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        syl_mat x = draw(SYL_F32, rows, cols, gap), y = draw(SYL_F32, rows, cols, gap);
        syl_mat on = device(y), on_x = device(x);
        uint64_t seed = 0x123456789abcdefull, stream = 0xfedcba987654321ull;
        LAUNCHED(syl_cuda_dropout(NULL, seed, stream, 0.3f, on_x, accumulate, on));
        syl_dropout(ctx, seed, stream, 0.3f, x, accumulate, y);
        same(y, on, accumulate ? TOLERANCE : EXACT);
        LAUNCHED(syl_cuda_dropout(NULL, seed, 1, 0.5f, on_x, false, on_x));
        syl_dropout(ctx, seed, 1, 0.5f, x, false, x);
        same(x, on_x, EXACT);
    }
}

static void test_dropout(void **state)
{
    (void)state;
    each_shape(check_dropout);
}

static void check_transpose(int64_t rows, int64_t cols, int64_t gap)
{
    EACH (syl_dtype, dtype, SYL_F32, SYL_BF16) {
        syl_mat x = draw(*dtype, rows, cols, gap), y = draw(*dtype, cols, rows, gap);
        syl_mat on = device(y);
        LAUNCHED(syl_cuda_transpose(NULL, device(x), on));
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                syl_mat_copy(syl_mat_cols(syl_mat_rows(x, i, 1), j, 1),
                             syl_mat_cols(syl_mat_rows(y, j, 1), i, 1));
        same(y, on, EXACT);
    }
}

static void test_transpose(void **state)
{
    (void)state;
    each_shape(check_transpose);
}

static void check_column_sums(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat x = draw(SYL_F32, rows, cols, gap);
    float *sums = draw_array(cols), *on = device_array(sums, cols);
    LAUNCHED(syl_cuda_column_sums(NULL, device(x), on, device_room(syl_cuda_sum_work(rows, cols))));
    syl_column_sums(ctx, x, sums);
    same_array(sums, on, cols, TOLERANCE);
}

static void test_column_sums(void **state)
{
    (void)state;
    each_shape(check_column_sums);
    check_column_sums(700, 33, 1); /* several chunks of rows */
    check_column_sums(2, 3000, 0);
}

static void test_sum_squares(void **state)
{
    (void)state;
    EACH (int, n, 0, 1, 2, 3, 5, 31, 1023, 1024, 5003)
        for (int shift = 0; shift < 4; shift++) {
            syl_mat x = draw(SYL_F32, 1, *n, 0);
            double sum, *on = device_room(sizeof sum);
            LAUNCHED(syl_cuda_sum_squares(NULL, device_shifted(x, shift).data, *n, on,
                                          device_room(syl_cuda_sum_work(*n, 1))));
            fetch(&sum, on, sizeof sum);
            same_value(syl_sum_squares(ctx, x.data, *n), sum, TOLERANCE);
        }
}

static void test_sum_doubles(void **state)
{
    (void)state;
    EACH (int, n, 0, 1, 2, 33, 257, 5000) {
        double expected = 0, sum, *x = host_room((size_t)*n * sizeof *x);
        for (int i = 0; i < *n; i++)
            expected += x[i] = syl_random_normal(&dice);
        double *on = device_room(sizeof sum);
        LAUNCHED(syl_cuda_sum_doubles(NULL, device_bytes(x, (size_t)*n * sizeof *x), *n, on));
        fetch(&sum, on, sizeof sum);
        same_value(expected, sum, 1e-12);
    }
}

static int32_t *draw_ids(int64_t n, int lowest, int below)
{
    int32_t *ids = host_room((size_t)n * sizeof *ids);
    for (int64_t i = 0; i < n; i++)
        ids[i] = lowest + (int)syl_random_below(&dice, (uint32_t)(below - lowest));
    return ids;
}

static void check_gather(int64_t rows, int64_t cols, int64_t gap)
{
    int32_t *ids = draw_ids(rows, -1, 7), *on_ids = device_bytes(ids, (size_t)rows * sizeof *ids);
    EACH (syl_dtype, dtype, SYL_F32, SYL_BF16) {
        syl_mat table = draw(*dtype, 7, cols, gap), y = draw(*dtype, rows, cols, gap);
        syl_mat on = device(y);
        LAUNCHED(syl_cuda_gather(NULL, device(table), on_ids, on));
        for (int64_t i = 0; i < rows; i++)
            if (ids[i] < 0)
                syl_zero(ctx, syl_mat_rows(y, i, 1));
            else
                syl_mat_copy(syl_mat_rows(table, ids[i], 1), syl_mat_rows(y, i, 1));
        same(y, on, EXACT);
    }
}

static void test_gather(void **state)
{
    (void)state;
    each_shape(check_gather);
}

/* cols pairs in each of two heads. */
static void check_rotate(int64_t rows, int64_t cols, int64_t gap)
{
    int32_t *position = draw_ids(rows, 0, 7);
    int32_t *on_position = device_bytes(position, (size_t)rows * sizeof *position);
    syl_mat turns = draw(SYL_F32, 7, 2 * cols, gap), x = draw(SYL_F32, rows, 4 * cols, gap);
    syl_mat on = device(x), on_turns = device(turns);
    for (int bits = 0; bits < 4; bits++) {
        LAUNCHED(syl_cuda_rotate(NULL, on_turns, on_position, bits & 1, bits & 2, on));
        if (cols) syl_rotate(ctx, turns, position, bits & 1, bits & 2, x);
        same(x, on, TOLERANCE);
    }
}

static void test_rotate(void **state)
{
    (void)state;
    each_shape(check_rotate);
}

/* Segments made as the backend makes them: by row, each in the order of the ids. */
static void check_scatter(int64_t rows, int64_t cols, int64_t gap)
{
    int32_t *ids = draw_ids(rows, -1, 7), *order = draw_ids(rows, 0, 1);
    int32_t segment_row[7], segment_begin[8] = {0}, segments = 0, n = 0;
    for (int32_t id = 0; id < 7; id++) {
        int32_t begin = n;
        for (int32_t i = 0; i < rows; i++)
            if (ids[i] == id) order[n++] = i;
        if (n == begin) continue;
        segment_row[segments++] = id;
        segment_begin[segments] = n;
    }
    syl_mat dy = draw(SYL_F32, rows, cols, gap), dtable = draw(SYL_F32, 7, cols, gap);
    syl_mat on = device(dtable);
    LAUNCHED(syl_cuda_scatter_segments(NULL, device_bytes(order, (size_t)rows * sizeof *order),
                                       device_bytes(segment_row, sizeof segment_row),
                                       device_bytes(segment_begin, sizeof segment_begin), segments,
                                       device(dy), on));
    syl_scatter_add(ctx, ids, dy, dtable);
    same(dtable, on, EXACT);
}

static void test_scatter(void **state)
{
    (void)state;
    each_shape(check_scatter);
}

static void check_rows_and_scalars(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat x = draw(SYL_F32, rows, cols, gap), w = draw(SYL_F32, rows, cols, gap);
    syl_mat by = draw(SYL_F32, rows, 1, gap), on_by = device(by), on_x = device(x);
    syl_mat on_w = device(w);
    LAUNCHED(syl_cuda_row_dots(NULL, on_x, on_w, on_by));
    syl_row_dots(ctx, x, w, by);
    same(by, on_by, TOLERANCE);
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        LAUNCHED(syl_cuda_add_scaled_rows(NULL, on_by, on_x, accumulate, on_w));
        syl_add_scaled_rows(ctx, by, x, accumulate, w);
        same(w, on_w, TOLERANCE);
    }
}

static void test_rows_and_scalars(void **state)
{
    (void)state;
    each_shape(check_rows_and_scalars);
}

static void check_optimizer(int n, int shift, int64_t step)
{
    syl_adamw by = {.lr = 0.01f,
                    .beta1 = 0.9f,
                    .beta2 = 0.98f,
                    .eps = 1e-8f,
                    .weight_decay = 0.1f,
                    .step = step};
    syl_mat m[4], on[4];
    for (int i = 0; i < 4; i++)
        m[i] = draw(SYL_F32, 1, n, 0);
    for (int i = 0; i < n; i++)
        ((float *)m[2].data)[i] = fabsf(value_at(m[2], i));
    for (int i = 0; i < 4; i++)
        on[i] = device_shifted(m[i], i == 3 ? shift : 0);
    LAUNCHED(syl_cuda_adamw(NULL, &by, 0.7f, on[0].data, on[1].data, on[2].data, on[3].data, n));
    syl_adamw_update(ctx, &by, 0.7f, m[0].data, m[1].data, m[2].data, m[3].data, n);
    LAUNCHED(syl_cuda_moving_average(NULL, 0.99f, on[0].data, on[3].data, n));
    syl_moving_average(ctx, 0.99f, m[0].data, m[3].data, n);
    for (int i = 0; i < 4; i++)
        same(m[i], on[i], TOLERANCE);
}

static void test_optimizer(void **state)
{
    (void)state;
    EACH (int, n, 0, 1, 3, 4, 33, 1029) {
        check_optimizer(*n, 0, 1);
        check_optimizer(*n, 1, 1000);
    }
}

static void check_mono(int64_t rows, int64_t cols, int64_t gap)
{
    int kernel = 1 + (int)(cols % 11), stride = 1 + (int)(rows % 5);
    int64_t samples = rows ? (rows - 1) * stride + kernel : 0;
    float *w = draw_array(kernel * cols), *bias = draw_array(cols), *x = draw_array(samples);
    float *on_w = device_array(w, kernel * cols), *on_bias = device_array(bias, cols);
    float *on_x = device_array(x, samples), *zeros = host_room((size_t)cols * sizeof(float));
    EACH (syl_dtype, dtype, SYL_F32, SYL_BF16)
        for (int gelu = 0; gelu < 2; gelu++) {
            syl_act act = gelu ? SYL_ACT_GELU : SYL_ACT_NONE;
            syl_mat y = draw(*dtype, rows, cols, gap), on = device(y);
            LAUNCHED(syl_cuda_conv1d_mono(NULL, on_w, gelu ? on_bias : NULL, kernel, stride, on_x,
                                          act, on));
            syl_conv1d_mono(ctx, w, gelu ? bias : zeros, kernel, stride, x, act, y);
            same(y, on, *dtype == SYL_F32 ? TOLERANCE : TOLERANCE_BF16);
        }
}

static void test_mono(void **state)
{
    (void)state;
    each_shape(check_mono);
}

static void check_windows(int64_t rows, int64_t cols, int64_t gap)
{
    int kernel = 1 + (int)(cols % 4), stride = 1 + (int)(rows % 3), pad = (int)(gap % 3);
    int64_t in = rows ? (rows - 1) * stride + kernel - 2 * pad : 2;
    if (in < 1) in = 1;
    EACH (syl_dtype, dtype, SYL_F32, SYL_BF16) {
        syl_mat x = draw(*dtype, in, cols, gap), y = draw(*dtype, rows, kernel * cols, gap);
        syl_mat on = device(y);
        LAUNCHED(syl_cuda_gather_windows(NULL, kernel, stride, pad, device(x), on));
        for (int64_t t = 0; t < rows; t++)
            for (int k = 0; k < kernel; k++) {
                int64_t r = t * stride - pad + k;
                syl_mat to = syl_mat_cols(syl_mat_rows(y, t, 1), k * cols, cols);
                if (r < 0 || r >= in)
                    syl_zero(ctx, to);
                else
                    syl_mat_copy(syl_mat_rows(x, r, 1), to);
            }
        same(y, on, EXACT);
    }
}

static void test_windows(void **state)
{
    (void)state;
    each_shape(check_windows);
}

static void test_no_columns(void **state)
{
    void (*check[])(int64_t rows, int64_t cols, int64_t gap) = {
        check_fill_and_sums, check_add_and_convert,  check_activations, check_bias_activation,
        check_dropout,       check_transpose,        check_column_sums, check_gather,
        check_scatter,       check_rows_and_scalars, check_mono,        check_windows,
    };
    (void)state;
    for (size_t i = 0; i < sizeof check / sizeof *check; i++)
        check[i](5, 0, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_fill_and_sums, after_each),
        cmocka_unit_test_teardown(test_add_and_convert, after_each),
        cmocka_unit_test_teardown(test_convert_corners, after_each),
        cmocka_unit_test_teardown(test_alignment, after_each),
        cmocka_unit_test_teardown(test_activations, after_each),
        cmocka_unit_test_teardown(test_gated, after_each),
        cmocka_unit_test_teardown(test_rotate, after_each),
        cmocka_unit_test_teardown(test_bias_activation, after_each),
        cmocka_unit_test_teardown(test_dropout, after_each),
        cmocka_unit_test_teardown(test_transpose, after_each),
        cmocka_unit_test_teardown(test_column_sums, after_each),
        cmocka_unit_test_teardown(test_sum_squares, after_each),
        cmocka_unit_test_teardown(test_sum_doubles, after_each),
        cmocka_unit_test_teardown(test_gather, after_each),
        cmocka_unit_test_teardown(test_scatter, after_each),
        cmocka_unit_test_teardown(test_rows_and_scalars, after_each),
        cmocka_unit_test_teardown(test_optimizer, after_each),
        cmocka_unit_test_teardown(test_mono, after_each),
        cmocka_unit_test_teardown(test_windows, after_each),
        cmocka_unit_test_teardown(test_no_columns, after_each),
    };
    return run_device_tests("kernels_elements", tests, sizeof tests / sizeof *tests);
}
