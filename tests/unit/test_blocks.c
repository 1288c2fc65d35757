/* Weights of few bits: every kernel that this processor runs against the values that the blocks
 * stand for, in double. */
#include "tests/golden/golden.h"

#include "lib/base/f16.h"
#include "lib/base/random.h"
#include "lib/compute/cpu/blocks.h"

static syl_ctx *ctx;
static syl_error err;
static syl_random dice = {11, 0, 0};
static const char *const names[] = {"Q4_0", "Q4_1", "Q8_0"};

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static int start(void **state)
{
    (void)state;
    return syl_ctx_create(&ctx, 2, &err) != SYL_OK;
}

static int stop(void **state)
{
    (void)state;
    syl_ctx_free(ctx);
    return 0;
}

static void *memory(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    assert_non_null(p);
    return p;
}

static void put_half(uint8_t *to, float value)
{
    uint16_t h = (uint16_t)(0x2000 + (int)(fabsf(value) * 0x1000)); /* 0.008 to some 0.13 */
    h |= value < 0 ? 0x8000 : 0;
    to[0] = (uint8_t)h;
    to[1] = (uint8_t)(h >> 8);
}

/* Random blocks [rows][cols / 32], all integers possible. */
static uint8_t *random_blocks(syl_block_kind kind, int rows, int cols)
{
    size_t row = syl_block_row_bytes(kind, cols), block = syl_block_row_bytes(kind, 32);
    uint8_t *all = memory((size_t)rows * row);
    for (size_t i = 0; i < (size_t)rows * row; i++)
        all[i] = (uint8_t)syl_random_u32(&dice);
    for (size_t at = 0; at < (size_t)rows * row; at += block) {
        put_half(all + at, 2 * syl_random_uniform(&dice) - 1);
        if (kind == SYL_BLOCKS_Q4_1) put_half(all + at + 2, 2 * syl_random_uniform(&dice) - 1);
    }
    return all;
}

static syl_mat random_mat(int64_t rows, int64_t cols, int64_t gap)
{
    float *data = memory((size_t)(rows * (cols + gap)) * sizeof *data);
    for (int64_t i = 0; i < rows * (cols + gap); i++)
        data[i] = syl_random_normal(&dice);
    syl_mat m = syl_mat_of(data, SYL_F32, rows, cols);
    m.stride = cols + gap;
    return m;
}

static float *row_of(syl_mat m, int64_t t)
{
    return (float *)m.data + t * m.stride;
}

/* What the blocks stand for, by their definition. */
static float *values_of(syl_block_kind kind, const uint8_t *blocks, int rows, int cols)
{
    float *w = memory((size_t)rows * (size_t)cols * sizeof *w);
    size_t bytes = syl_block_row_bytes(kind, 32);
    for (int i = 0; i < rows * cols; i++) {
        const uint8_t *b = blocks + (size_t)(i / 32) * bytes;
        float d = syl_f16_to_f32((uint16_t)(b[0] | b[1] << 8));
        float m = syl_f16_to_f32((uint16_t)(b[2] | b[3] << 8));
        int k = i % 32, nibble = (b[(kind == SYL_BLOCKS_Q4_1 ? 4 : 2) + k % 16] >> k / 16 * 4) & 15;
        if (kind == SYL_BLOCKS_Q8_0)
            w[i] = d * (float)(int8_t)b[2 + k];
        else
            w[i] = kind == SYL_BLOCKS_Q4_1 ? d * (float)nibble + m : d * (float)(nibble - 8);
    }
    return w;
}

static void test_values(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        uint8_t *blocks = random_blocks((syl_block_kind)kind, 5, 96);
        float *want = values_of((syl_block_kind)kind, blocks, 5, 96), got[96];
        for (int r = 0; r < 5; r++) {
            syl_block_values((syl_block_kind)kind,
                             blocks + (size_t)r * syl_block_row_bytes((syl_block_kind)kind, 96), 96,
                             got);
            assert_close(names[kind], got, want + r * 96, 96, 1e-6);
        }
        free(blocks);
        free(want);
    }
}

/* y (+)= x W^T in double, x as it is or rounded to bytes; slack: what the numbers that lie between
 * two bytes may change, as float32 rounds them to either. */
static double plain(const float *w, const float *x, int cols, bool rounded, double *slack)
{
    double sum = 0;
    *slack = 0;
    for (int b = 0; b < cols; b += 32) {
        double top = 0;
        for (int i = 0; i < 32; i++)
            top = fabs(x[b + i]) > top ? fabs(x[b + i]) : top;
        for (int i = 0; i < 32; i++) {
            double v = x[b + i];
            double bytes = rounded && top > 0 ? v * 127 / top : 0;
            if (rounded) v = round(bytes) * top / 127;
            if (fabs(fabs(bytes - trunc(bytes)) - 0.5) < 1e-4) *slack += top / 127 * fabs(w[b + i]);
            sum += v * w[b + i];
        }
    }
    return sum;
}

typedef enum way { KERNEL, BY_VALUES, BY_BF16, LINEAR_CALL } way;

static void check(way way, const syl_block_kernel *kernel, syl_block_kind kind, int n_out, int n_in,
                  int rows, bool accumulate)
{
    uint8_t *blocks = random_blocks(kind, n_out, n_in);
    float *w = values_of(kind, blocks, n_out, n_in);
    syl_mat x = random_mat(rows, n_in, 3), y = random_mat(rows, n_out, 2);
    syl_mat was = random_mat(rows, n_out, 0);
    syl_weight *weight;
    syl_mat_copy(y, was);
    if (rows > 1) memset(row_of(x, 1), 0, 32 * sizeof(float)); /* a block of zeros */
    ok(syl_weight_blocks(&weight, kind, blocks, n_out, n_in, &err));
    const block_weight *b = (const block_weight *)(const void *)weight;
    if (way == KERNEL)
        ok(syl_blocks_by_kernel(ctx, b, kernel, x, accumulate, y, &err));
    else if (way == LINEAR_CALL)
        ok(syl_linear(ctx, weight, x, SYL_ACT_NONE, accumulate, y, &err));
    else if (way == BY_VALUES)
        syl_blocks_by_values(ctx, b, x, accumulate, y);
    else
        ok(syl_blocks_by_bf16(ctx, b, x, accumulate, y, &err));
    double tolerance = way == BY_VALUES || way == KERNEL ? 2e-5 : 2e-2;
    for (int64_t t = 0; t < rows; t++)
        for (int c = 0; c < n_out; c++) {
            double slack, size = 1;
            double want = plain(w + c * n_in, row_of(x, t), n_in, way == KERNEL, &slack);
            for (int i = 0; i < n_in; i++)
                size += fabs(row_of(x, t)[i] * w[c * n_in + i]);
            if (accumulate) want += row_of(was, t)[c];
            if (!(fabs(row_of(y, t)[c] - want) <= tolerance * size + slack))
                fail_msg("%s, %s: %d x %d, row %d of %d, column %d is %g, not %g",
                         kernel ? kernel->name : "product", names[kind], n_out, n_in, (int)t, rows,
                         c, row_of(y, t)[c], want);
        }
    syl_weight_free(weight);
    free(blocks), free(w), free(x.data), free(y.data), free(was.data);
}

static void each_size(way way, const syl_block_kernel *kernel)
{
    static const int sizes[][2] = {{1, 32},   {15, 64},  {16, 32}, {17, 96},
                                   {50, 160}, {20, 544}, {700, 32}};
    static const int rows[] = {0, 1, 2, 3, 5, 8, 9, 31};
    for (int kind = 0; kind < 3; kind++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
                if (rows[r] || way == LINEAR_CALL)
                    check(way, kernel, (syl_block_kind)kind, sizes[s][0], sizes[s][1], rows[r],
                          r % 2);
}

static void test_kernels(void **state)
{
    const syl_block_kernel *all[4];
    int n = syl_block_kernels(all);
    (void)state;
    assert_string_equal(all[n - 1]->name, "plain");
    for (int i = 0; i < n; i++) {
        print_message("kernel %s\n", all[i]->name);
        each_size(KERNEL, all[i]);
    }
}

static void test_products(void **state)
{
    (void)state;
    each_size(BY_VALUES, NULL);
    each_size(BY_BF16, NULL);
}

static void test_linear(void **state)
{
    (void)state;
    each_size(LINEAR_CALL, NULL);
}

static void test_refused(void **state)
{
    syl_weight *weight;
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        uint8_t *blocks = random_blocks((syl_block_kind)kind, 3, 64);
        assert_int_equal(syl_weight_blocks(&weight, (syl_block_kind)kind, blocks, 3, 40, &err),
                         SYL_EINVAL);
        blocks[syl_block_row_bytes((syl_block_kind)kind, 32) + 1] |= 0x7C; /* infinity or NaN */
        assert_int_equal(syl_weight_blocks(&weight, (syl_block_kind)kind, blocks, 3, 64, &err),
                         SYL_EFORMAT);
        assert_non_null(strstr(err.message, "not finite"));
        assert_null(weight);
        free(blocks);
    }
}

/* Values that no integer stands for; and those whose scale would be no float. */
static void test_not_finite(void **state)
{
    enum { ROWS = 5 };
    static const float odd[ROWS] = {NAN, INFINITY, -INFINITY, 1e-40f, 0.5f};
    float x[ROWS * SYL_BLOCK_VALUES], scale[ROWS], sum[ROWS];
    int8_t q[ROWS * SYL_BLOCK_VALUES];
    syl_block_rows out = {.blocks = 1, .q = q, .scale = scale, .sum = sum};
    (void)state;
    for (int t = 0; t < ROWS; t++)
        for (int i = 0; i < SYL_BLOCK_VALUES; i++)
            x[t * SYL_BLOCK_VALUES + i] = i == 7 ? odd[t] : t == 3 ? 0 : 0.25f;
    syl_block_quantise(syl_mat_of(x, SYL_F32, ROWS, SYL_BLOCK_VALUES), 0, ROWS, &out);
    for (int t = 0; t < 3; t++)
        assert_true(isnan(scale[t]) && isnan(sum[t]));
    assert_true(isfinite(scale[3]) && sum[3] == 0);
    assert_true(q[4 * SYL_BLOCK_VALUES + 7] == 127 && fabsf(scale[4] - 0.5f / 127) < 1e-7f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_products), cmocka_unit_test(test_linear),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
