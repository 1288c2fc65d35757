/* Every operation of lib/compute against the plain loop that defines it, on odd sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "lib/compute/compute.h"
#include "lib/compute/cpu/small_product.h"
#include "lib/compute/cpu/vmath.h"

static syl_error err;
static syl_random rng = {.seed = 20};
static syl_ctx *ctx;

static int open_ctx(void **state)
{
    (void)state;
    return syl_ctx_create(&ctx, 1, &err) == SYL_OK ? 0 : -1;
}

static int close_ctx(void **state)
{
    (void)state;
    syl_ctx_free(ctx);
    return 0;
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static float uniform(void)
{
    return 2 * syl_random_uniform(&rng) - 1;
}

/* values [n] in [-scale, scale]; freed by the caller. */
static float *values(size_t n, float scale)
{
    float *v = malloc((n + 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = scale * uniform();
    return v;
}

static double at(syl_mat m, int64_t t, int64_t c)
{
    size_t i = (size_t)(t * m.stride + c);
    return m.dtype == SYL_F32 ? ((float *)m.data)[i] : syl_bf16_to_f32(((uint16_t *)m.data)[i]);
}

static float rounded(float v, syl_dtype dtype)
{
    return dtype == SYL_F32 ? v : syl_bf16_to_f32(syl_f32_to_bf16(v));
}

/* A view of a wider buffer, all of it random; free(m.data). */
static syl_mat random_mat(syl_dtype dtype, int64_t rows, int64_t cols, int64_t stride)
{
    size_t n = (size_t)((rows + 1) * stride);
    syl_mat m = syl_mat_of(calloc(n, sizeof(float)), dtype, rows, cols);
    assert_non_null(m.data);
    m.stride = stride;
    for (size_t i = 0; i < n; i++) {
        float v = uniform();
        if (dtype == SYL_F32)
            ((float *)m.data)[i] = v;
        else
            ((uint16_t *)m.data)[i] = syl_f32_to_bf16(v);
    }
    return m;
}

/* The whole buffer behind a view, to see later what was written outside it. */
static syl_mat copy_of(syl_mat m)
{
    size_t bytes = (size_t)((m.rows + 1) * m.stride) * syl_dtype_size(m.dtype);
    syl_mat copy = m;
    copy.data = malloc(bytes + 1);
    assert_non_null(copy.data);
    memcpy(copy.data, m.data, bytes);
    return copy;
}

static void assert_margin_kept(syl_mat m, syl_mat before)
{
    for (int64_t t = 0; t <= m.rows; t++)
        for (int64_t c = t < m.rows ? m.cols : 0; c < m.stride; c++)
            if (at(m, t, c) != at(before, t, c))
                fail_msg("wrote outside the view, at row %lld column %lld", (long long)t,
                         (long long)c);
}

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

/* Sums in float32 of values about 1, stored as `dtype`. */
static void assert_near(const char *what, double got, double want, syl_dtype dtype)
{
    double slack = dtype == SYL_F32 ? 2e-5 : 0.004 + 0.008 * fabs(want);
    if (!(fabs(got - want) <= slack)) fail_msg("%s: %.9g, expected %.9g", what, got, want);
}

/* ---- products ---------------------------------------------------------------------- */

typedef struct linear_case {
    syl_dtype dtype, out;
    int rows, n_in, n_out, gap; /* gap: elements between rows beyond their length */
    bool bias, accumulate;
    syl_act act;
} linear_case;

static void check_linear(linear_case k)
{
    size_t n_in = (size_t)k.n_in, n_out = (size_t)k.n_out;
    float *w = values(n_in * n_out, 1 / sqrtf((float)k.n_in)), *bias = values(n_out, 1);
    syl_mat x = random_mat(k.dtype, k.rows, k.n_in, k.n_in + k.gap);
    syl_mat y = random_mat(k.out, k.rows, k.n_out, k.n_out + k.gap), before = copy_of(y);
    syl_weight *weight;
    ok(syl_weight_linear(&weight, NULL, w, k.bias ? bias : NULL, k.n_out, k.n_in, k.dtype, &err));
    ok(syl_linear(ctx, weight, x, k.act, k.accumulate, y, &err));
    for (int64_t t = 0; t < k.rows; t++)
        for (size_t o = 0; o < n_out; o++) {
            double sum = k.bias ? bias[o] : 0;
            for (size_t i = 0; i < n_in; i++)
                sum += at(x, t, (int64_t)i) * rounded(w[o * n_in + i], k.dtype);
            if (k.act == SYL_ACT_GELU) sum = gelu(sum);
            if (k.accumulate) sum += at(before, t, (int64_t)o);
            assert_near("linear", at(y, t, (int64_t)o), sum, k.out);
        }
    assert_margin_kept(y, before);
    syl_weight_free(weight);
    free(w);
    free(bias);
    free(x.data);
    free(y.data);
    free(before.data);
}

static void test_linear(void **state)
{
    static const int sizes[][2] = {{1, 1}, {7, 3}, {31, 33}, {50, 130}, {77, 19}};
    static const int rows[] = {0, 1, 31, 33, 130};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
            for (int bits = 0; bits < 16; bits++) {
                linear_case k = {.dtype = bits & 1 ? SYL_BF16 : SYL_F32,
                                 .rows = rows[r],
                                 .n_in = sizes[i][0],
                                 .n_out = sizes[i][1],
                                 .gap = bits & 2 ? 5 : 0,
                                 .bias = bits & 4,
                                 .act = bits & 8 ? SYL_ACT_GELU : SYL_ACT_NONE};
                k.out = k.dtype;
                check_linear(k);
                k.act = SYL_ACT_NONE;
                k.accumulate = true;
                if (bits & 8) check_linear(k);
            }
}

/* The last layer of a bf16 model gives float32. */
static void test_linear_mixed(void **state)
{
    (void)state;
    check_linear((linear_case){.dtype = SYL_BF16,
                               .out = SYL_F32,
                               .rows = 33,
                               .n_in = 50,
                               .n_out = 31,
                               .gap = 3,
                               .bias = true});
}

/* ---- convolutions ------------------------------------------------------------------ */

static void check_conv(syl_dtype dtype, syl_conv_shape s, int rows, int fewer, int gap, bool biased,
                       syl_act act)
{
    int width = s.c_in / s.groups, per_group = s.c_out / s.groups;
    size_t count = (size_t)(s.c_out * width * s.kernel);
    int64_t out = (rows + 2 * s.pad - s.kernel) / s.stride + 1 - fewer;
    float *w = values(count, 1 / sqrtf((float)(width * s.kernel)));
    float *bias = values((size_t)s.c_out, 1);
    syl_mat x = random_mat(dtype, rows, s.c_in, s.c_in + gap);
    syl_mat y = random_mat(dtype, out, s.c_out, s.c_out + gap), before = copy_of(y);
    syl_weight *weight;
    ok(syl_weight_conv(&weight, NULL, w, biased ? bias : NULL, s, dtype, &err));
    ok(syl_conv1d(ctx, weight, x, act, y, &err));
    for (int64_t t = 0; t < out; t++)
        for (int o = 0; o < s.c_out; o++) {
            double sum = biased ? bias[o] : 0;
            for (int k = 0; k < s.kernel; k++) {
                int64_t from = t * s.stride + k - s.pad;
                for (int i = 0; from >= 0 && from < rows && i < width; i++)
                    sum += at(x, from, o / per_group * width + i) *
                           rounded(w[(o * width + i) * s.kernel + k], dtype);
            }
            assert_near("conv", at(y, t, o), act == SYL_ACT_GELU ? gelu(sum) : sum, dtype);
        }
    assert_margin_kept(y, before);
    syl_weight_free(weight);
    free(w);
    free(bias);
    free(x.data);
    free(y.data);
    free(before.data);
}

static void test_conv(void **state)
{
    static const struct {
        syl_conv_shape shape;
        int rows, fewer;
    } cases[] = {
        {{7, 5, 3, 1, 1, 1}, 1, 0},       {{7, 5, 3, 1, 1, 1}, 31, 0},
        {{16, 32, 3, 2, 0, 1}, 33, 0},    {{16, 32, 3, 2, 0, 1}, 34, 3},
        {{80, 24, 3, 2, 1, 1}, 9, 1},     {{3, 17, 2, 2, 0, 1}, 31, 0},
        {{16, 16, 4, 1, 2, 4}, 33, 1},    {{12, 6, 9, 1, 4, 3}, 30, 7},
        {{48, 48, 128, 1, 64, 4}, 31, 1}, {{48, 48, 128, 1, 64, 4}, 130, 1},
        {{16, 16, 4, 1, 2, 4}, 600, 1},   {{5, 7, 3, 2, 1, 1}, 1300, 0},
        {{6, 9, 2, 2, 0, 1}, 700, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int bits = 0; bits < 16; bits++)
            check_conv(bits & 1 ? SYL_BF16 : SYL_F32, cases[i].shape, cases[i].rows, cases[i].fewer,
                       bits & 8 ? 5 : 0, bits & 2, bits & 4 ? SYL_ACT_GELU : SYL_ACT_NONE);
    syl_weight *weight;
    syl_conv_shape strided = {4, 4, 2, 2, 0, 2};
    float w[16] = {0};
    assert_int_equal(syl_weight_conv(&weight, NULL, w, NULL, strided, SYL_F32, &err),
                     SYL_EUNSUPPORTED);
    assert_null(weight);
    assert_non_null(strstr(err.message, "stride 2"));
}

static void check_mono(int kernel, int stride, int channels, int rows, syl_act act, syl_dtype dtype)
{
    float *w = values((size_t)(kernel * channels), 1 / sqrtf((float)kernel));
    float *bias = values((size_t)channels, 1);
    float *x = values((size_t)((rows ? rows - 1 : 0) * stride + kernel), 1);
    syl_mat y = random_mat(dtype, rows, channels, channels + 3), before = copy_of(y);
    syl_conv1d_mono(ctx, w, bias, kernel, stride, x, act, y);
    for (int64_t t = 0; t < rows; t++)
        for (int c = 0; c < channels; c++) {
            double sum = bias[c];
            for (int k = 0; k < kernel; k++)
                sum += (double)w[k * channels + c] * x[t * stride + k];
            assert_near("mono conv", at(y, t, c), act == SYL_ACT_GELU ? gelu(sum) : sum, dtype);
        }
    assert_margin_kept(y, before);
    free(w);
    free(bias);
    free(x);
    free(y.data);
    free(before.data);
}

static void test_conv_mono(void **state)
{
    static const int rows[] = {0, 1, 31, 33, 130}, channels[] = {1, 32, 63, 64, 65, 130};
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t c = 0; c < sizeof channels / sizeof channels[0]; c++)
            for (int bits = 0; bits < 4; bits++) {
                syl_dtype dtype = bits & 1 ? SYL_BF16 : SYL_F32;
                syl_act act = bits & 2 ? SYL_ACT_GELU : SYL_ACT_NONE;
                check_mono(10, 5, channels[c], rows[r], act, dtype);
                check_mono(1, 1, channels[c], rows[r], act, dtype);
            }
    check_mono(SYL_MONO_MAX_KERNEL, 64, 33, 7, SYL_ACT_NONE, SYL_F32);
}

/* ---- normalisation and addition ----------------------------------------------------- */

static void check_norm(syl_dtype dtype, syl_dtype out, int rows, int cols, bool in_place,
                       syl_act act)
{
    const float eps = 1e-5f;
    float *gamma = values((size_t)cols, 1), *beta = values((size_t)cols, 1);
    syl_mat x = random_mat(dtype, rows, cols, cols + 2), first = copy_of(x);
    syl_mat y = in_place ? x : random_mat(out, rows, cols, cols + 5), before = copy_of(y);
    ok(syl_layer_norm(ctx, gamma, beta, eps, x, act, y, &err));
    for (int64_t t = 0; t < rows; t++) {
        double mean = 0, variance = 0;
        for (int c = 0; c < cols; c++)
            mean += at(first, t, c) / cols;
        for (int c = 0; c < cols; c++)
            variance += (at(first, t, c) - mean) * (at(first, t, c) - mean) / cols;
        for (int c = 0; c < cols; c++) {
            double v = (at(first, t, c) - mean) / sqrt(variance + (double)eps) * gamma[c] + beta[c];
            assert_near("norm", at(y, t, c), act == SYL_ACT_GELU ? gelu(v) : v, y.dtype);
        }
    }
    assert_margin_kept(y, before);
    if (!in_place) free(y.data);
    free(gamma);
    free(beta);
    free(x.data);
    free(first.data);
    free(before.data);
}

static void test_layer_norm(void **state)
{
    static const int rows[] = {0, 1, 31, 130}, cols[] = {1, 7, 33, 384};
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++)
            for (int bits = 0; bits < 16; bits++)
                check_norm(bits & 1 ? SYL_BF16 : SYL_F32, bits & 2 ? SYL_BF16 : SYL_F32, rows[r],
                           cols[c], bits & 4, bits & 8 ? SYL_ACT_GELU : SYL_ACT_NONE);
    syl_mat wide = syl_mat_of(NULL, SYL_F32, 1, 16385);
    assert_int_equal(syl_layer_norm(ctx, NULL, NULL, 0, wide, SYL_ACT_NONE, wide, &err),
                     SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "16385"));
}

static void test_add(void **state)
{
    (void)state;
    for (int dtype = SYL_F32; dtype <= SYL_BF16; dtype++) {
        syl_mat x = random_mat((syl_dtype)dtype, 31, 33, 40);
        syl_mat y = random_mat((syl_dtype)dtype, 31, 33, 37), before = copy_of(y);
        syl_add(ctx, x, y);
        for (int64_t t = 0; t < 31; t++)
            for (int64_t c = 0; c < 33; c++) {
                float sum = (float)at(x, t, c) + (float)at(before, t, c);
                assert_true(at(y, t, c) == rounded(sum, (syl_dtype)dtype));
            }
        assert_margin_kept(y, before);
        free(x.data);
        free(y.data);
        free(before.data);
    }
}

/* ---- small products ------------------------------------------------------------------ */

static void check_small_product(int m, int n, int k, bool transposed, bool accumulate)
{
    int room = (n + SYL_SMALL_LANES - 1) / SYL_SMALL_LANES * SYL_SMALL_LANES;
    int rows = transposed ? k : m, cols = transposed ? m : k;
    syl_mat a = random_mat(SYL_F32, rows, cols, cols + 3);
    syl_mat b = random_mat(SYL_F32, k, n, room + 1);
    syl_mat c = random_mat(SYL_F32, m, n, n + 2), before = copy_of(c);
    syl_small_product(a, transposed, b, accumulate, c);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double want = accumulate ? at(before, i, j) : 0;
            for (int p = 0; p < k; p++)
                want += (transposed ? at(a, p, i) : at(a, i, p)) * at(b, p, j);
            assert_near("small product", at(c, i, j), want, SYL_F32);
        }
    assert_margin_kept(c, before);
    free(a.data);
    free(b.data);
    free(c.data);
    free(before.data);
}

static void test_small_product(void **state)
{
    static const int sizes[] = {0, 1, 3, 7, 8, 9, 16, 17, 31, 33};
    int n = sizeof sizes / sizeof *sizes;
    (void)state;
    for (int i = 0; i < n * n * n; i++)
        for (int how = 0; how < 4; how++)
            check_small_product(sizes[i % n], sizes[i / n % n], sizes[i / n / n], how & 1, how & 2);
}

static void test_small_transpose(void **state)
{
    static const int sizes[][3] = {{0, 8, 8}, {1, 1, 8}, {31, 16, 40}, {33, 24, 48}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int *s = sizes[i];
        syl_mat x = random_mat(SYL_F32, s[0], s[1], s[1] + 5);
        syl_mat y = random_mat(SYL_F32, s[1], s[2], s[2] + 1), before = copy_of(y);
        syl_small_transpose(x, y);
        for (int t = 0; t < s[1]; t++)
            for (int j = 0; j < s[2]; j++)
                assert_true(at(y, t, j) == (j < s[0] ? at(x, j, t) : 0));
        assert_margin_kept(y, before);
        free(x.data);
        free(y.data);
        free(before.data);
    }
}

/* ---- attention --------------------------------------------------------------------- */

/* One query of one head, in double: out [d]. */
static void attend_plain(syl_attention_mask m, int h, int d, int64_t i, syl_mat q, syl_mat k,
                         syl_mat v, double *out)
{
    int64_t here = i + m.offset, width = m.left + m.right + 1;
    double sum = 0;
    for (int c = 0; c < d; c++)
        out[c] = 0;
    for (int64_t j = 0; j < k.rows; j++) {
        if (m.left >= 0 && (j < here - m.left || j > here + m.right)) continue;
        double score = 0;
        for (int c = 0; c < d; c++)
            score += at(q, i, h * d + c) * at(k, j, h * d + c) / sqrt(d);
        if (m.rel_bias) score += m.rel_bias[h * width + j - here + m.left];
        sum += exp(score);
        for (int c = 0; c < d; c++)
            out[c] += exp(score) * at(v, j, h * d + c);
    }
    for (int c = 0; c < d; c++)
        out[c] /= sum;
}

static void check_attention(syl_dtype dtype, int heads, int d, int queries, int keys,
                            syl_attention_mask mask)
{
    int dim = heads * d;
    double want[64];
    syl_mat qs = random_mat(dtype, queries, dim, dim + 3);
    syl_mat kv = random_mat(dtype, keys, 2 * dim, 2 * dim + 1);
    syl_mat y = random_mat(dtype, queries, dim, dim + 2), before = copy_of(y);
    syl_mat k = syl_mat_cols(kv, 0, dim), v = syl_mat_cols(kv, dim, dim);
    size_t mark = syl_ctx_mark(ctx);
    ok(syl_attention(ctx, heads, mask, qs, k, v, y, &err));
    assert_int_equal(syl_ctx_mark(ctx), mark);
    for (int64_t i = 0; i < queries; i++)
        for (int h = 0; h < heads; h++) {
            attend_plain(mask, h, d, i, qs, k, v, want);
            for (int c = 0; c < d; c++)
                assert_near("attention", at(y, i, h * d + c), want[c], dtype);
        }
    assert_margin_kept(y, before);
    free(qs.data);
    free(kv.data);
    free(y.data);
    free(before.data);
}

static void test_attention_full(void **state)
{
    static const int rows[][2] = {{0, 5}, {1, 1}, {1, 33}, {31, 31}, {33, 130}, {300, 300}};
    syl_attention_mask all = {.left = -1, .right = -1};
    (void)state;
    for (int dtype = SYL_F32; dtype <= SYL_BF16; dtype++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            check_attention((syl_dtype)dtype, 3, 7, rows[i][0], rows[i][1], all);
            check_attention((syl_dtype)dtype, 2, 64, rows[i][0], rows[i][1], all);
        }
}

/* Windows that the first key, the last key, or both cut off. */
static void test_attention_window(void **state)
{
    static const int cases[][4] = {/* queries, keys, left, right */
                                   {1, 1, 0, 0},   {31, 31, 7, 3},  {33, 33, 50, 50},
                                   {20, 40, 7, 3}, {5, 130, 31, 0}, {5, 130, 0, 33}};
    (void)state;
    for (int dtype = SYL_F32; dtype <= SYL_BF16; dtype++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const int *c = cases[i];
            float *bias = values((size_t)(3 * (c[2] + c[3] + 1)), 2);
            int last = c[1] - c[0];
            for (int at_ = 0; at_ < 3; at_++) {
                syl_attention_mask m = {.left = c[2], .right = c[3], .offset = at_ * last / 2};
                check_attention((syl_dtype)dtype, 3, 5, c[0], c[1], m);
                m.rel_bias = bias;
                check_attention((syl_dtype)dtype, 3, 5, c[0], c[1], m);
            }
            free(bias);
        }
}

/* ---- element functions -------------------------------------------------------------- */

static void test_expf(void **state)
{
    double worst = 0;
    (void)state;
    for (int i = -600000; i <= 880000; i++) {
        float x = (float)i * 1e-4f;
        double e = exp((double)x);
        worst = fmax(worst, fabs(syl_expf(x) / e - 1));
    }
    print_message("expf: largest relative error %.3g\n", worst);
    assert_true(worst < 0x1p-23);
    assert_true(syl_expf(0) == 1);
    assert_true(syl_expf(-60.1f) == 0 && syl_expf(-1000) == 0 && syl_expf(-INFINITY) == 0);
    assert_true(syl_expf(1000) == syl_expf(88) && isfinite(syl_expf(INFINITY)));
}

static void test_gelu(void **state)
{
    double worst = 0;
    (void)state;
    for (int i = -120000; i <= 120000; i++) {
        float x = (float)i * 1e-4f;
        worst = fmax(worst, fabs((double)syl_gelu(x) - gelu((double)x)) / fmax(1, fabs((double)x)));
    }
    print_message("gelu: largest error %.3g of max(1, |x|)\n", worst);
    assert_true(worst < 3e-7);
    assert_true(syl_gelu(0) == 0 && syl_gelu(1e4f) == 1e4f && fabsf(syl_gelu(-1e4f)) < 1e-30f);
}

static void test_bf16(void **state)
{
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {
        {0x00000000, 0x0000}, {0x80000000, 0x8000}, {0x3F800000, 0x3F80}, /* 0, -0, 1 */
        {0x3F808000, 0x3F80}, {0x3F818000, 0x3F82},                       /* ties go to even */
        {0x3F808001, 0x3F81}, {0x3F807FFF, 0x3F80},                       /* beside the tie */
        {0x7F7FFFFF, 0x7F80}, {0xFF7FFFFF, 0xFF80},                       /* rounds to infinity */
        {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80},                       /* infinity stays */
        {0x00000001, 0x0000}, {0x00018000, 0x0002},                       /* denormals */
    };
    static const uint32_t nans[] = {0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(syl_f32_to_bf16(syl_bits_to_float(cases[i].from)), cases[i].to);
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++) {
        uint16_t b = syl_f32_to_bf16(syl_bits_to_float(nans[i]));
        assert_true(isnan(syl_bf16_to_f32(b)));
        assert_int_equal(b >> 15, nans[i] >> 31);
    }
    for (uint32_t b = 0; b < 0x7F80; b++)
        assert_int_equal(syl_f32_to_bf16(syl_bf16_to_f32((uint16_t)b)), b);
}

static void test_copy(void **state)
{
    (void)state;
    for (int from = SYL_F32; from <= SYL_BF16; from++)
        for (int to = SYL_F32; to <= SYL_BF16; to++) {
            syl_mat x = random_mat((syl_dtype)from, 31, 33, 40);
            syl_mat y = random_mat((syl_dtype)to, 31, 33, 35), before = copy_of(y);
            syl_mat_copy(x, y);
            for (int64_t t = 0; t < 31; t++)
                for (int64_t c = 0; c < 33; c++)
                    assert_true(at(y, t, c) == rounded((float)at(x, t, c), (syl_dtype)to));
            assert_margin_kept(y, before);
            free(x.data);
            free(y.data);
            free(before.data);
        }
}

/* ---- threads ------------------------------------------------------------------------ */

static void compare_threads(syl_mat one, syl_mat two)
{
    double worst = 0;
    for (int64_t t = 0; t < one.rows; t++)
        for (int64_t c = 0; c < one.cols; c++)
            worst = fmax(worst, fabs(at(one, t, c) - at(two, t, c)));
    assert_true(worst <= 1e-6);
}

static void test_threads(void **state)
{
    enum { ROWS = 300, DIM = 260 };
    syl_ctx *both[2];
    syl_mat y[2], x = random_mat(SYL_F32, ROWS, DIM, DIM);
    float *w = values(DIM * DIM, 1 / sqrtf(DIM)), *v = values(DIM, 1), *bias = values(4 * 16, 1);
    syl_attention_mask masks[] = {{.left = -1, .right = -1},
                                  {.left = 10, .right = 5, .rel_bias = bias}};
    syl_conv_shape shape = {DIM, DIM, 1, 1, 0, 4};
    syl_weight *linear, *conv;
    (void)state;
    ok(syl_weight_linear(&linear, NULL, w, v, DIM, DIM, SYL_F32, &err));
    ok(syl_weight_conv(&conv, NULL, w, v, shape, SYL_F32, &err));
    for (int i = 0; i < 2; i++) {
        ok(syl_ctx_create(&both[i], i + 1, &err));
        ok(syl_ctx_mat(both[i], SYL_F32, ROWS, DIM, &y[i], &err));
    }
    for (int op = 0; op < 6; op++) {
        for (int i = 0; i < 2; i++) {
            if (op == 0)
                ok(syl_linear(both[i], linear, x, SYL_ACT_GELU, false, y[i], &err));
            else if (op == 1)
                ok(syl_conv1d(both[i], conv, x, SYL_ACT_GELU, y[i], &err));
            else if (op == 2)
                ok(syl_layer_norm(both[i], v, v, 1e-5f, x, SYL_ACT_NONE, y[i], &err));
            else if (op == 3)
                syl_conv1d_mono(both[i], w, v, 10, 5, x.data, SYL_ACT_GELU, y[i]);
            else
                ok(syl_attention(both[i], 4, masks[op - 4], x, x, x, y[i], &err));
        }
        compare_threads(y[0], y[1]);
    }
    for (int i = 0; i < 2; i++)
        syl_ctx_free(both[i]);
    syl_weight_free(linear);
    syl_weight_free(conv);
    free(x.data);
    free(w);
    free(v);
    free(bias);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_linear_mixed),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_mono),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_small_product),
        cmocka_unit_test(test_small_transpose),
        cmocka_unit_test(test_attention_full),
        cmocka_unit_test(test_attention_window),
        cmocka_unit_test(test_expf),
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
