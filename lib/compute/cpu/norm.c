/* Layer normalisation and addition. */
#include "lib/compute/cpu/context.h"
#include "lib/compute/cpu/vmath.h"

#define MAX_COLS 16384 /* rows are normalised in a buffer on the stack */

SYL_INLINE void load_row(const void *src, syl_dtype dtype, float *dst, int64_t n)
{
    if (dtype == SYL_F32) {
        memcpy(dst, src, (size_t)n * sizeof(float));
        return;
    }
    const uint16_t *b = src;
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_bf16_to_f32(b[i]);
}

SYL_INLINE void store_row(const float *src, syl_dtype dtype, void *dst, int64_t n)
{
    if (dtype == SYL_F32) {
        memcpy(dst, src, (size_t)n * sizeof(float));
        return;
    }
    uint16_t *b = dst;
    for (int64_t i = 0; i < n; i++)
        b[i] = syl_f32_to_bf16(src[i]);
}

SYL_CLONES static void norm_row(const float *gamma, const float *beta, float eps, bool gelu,
                                const void *x, syl_dtype x_type, void *y, syl_dtype y_type,
                                int64_t n)
{
    float v[MAX_COLS];
    load_row(x, x_type, v, n);
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    float mean = sum / (float)n;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    float scale = 1.0f / sqrtf(squares / (float)n + eps);
    for (int64_t i = 0; i < n; i++)
        v[i] = (v[i] - mean) * scale * gamma[i] + beta[i];
    if (gelu)
        for (int64_t i = 0; i < n; i++)
            v[i] = syl_gelu(v[i]);
    store_row(v, y_type, y, n);
}

syl_status syl_cpu_layer_norm(syl_ctx *ctx, const float *gamma, const float *beta, float eps,
                              syl_mat x, syl_act act, syl_mat y, syl_error *err)
{
    if (x.cols > MAX_COLS)
        return syl_fail(err, SYL_EUNSUPPORTED, "layer norm over %lld columns; at most %d",
                        (long long)x.cols, MAX_COLS);
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (x.rows * x.cols > 65536)
    for (int64_t t = 0; t < x.rows; t++)
        norm_row(gamma, beta, eps, act == SYL_ACT_GELU, syl_mat_rows(x, t, 1).data, x.dtype,
                 syl_mat_rows(y, t, 1).data, y.dtype, x.cols);
    return SYL_OK;
}

SYL_CLONES static void add_f32(const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

SYL_CLONES static void add_bf16(const uint16_t *x, uint16_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = syl_f32_to_bf16(syl_bf16_to_f32(x[i]) + syl_bf16_to_f32(y[i]));
}

void syl_cpu_add(syl_ctx *ctx, syl_mat x, syl_mat y)
{
    (void)ctx;
    for (int64_t t = 0; t < x.rows; t++) {
        void *from = syl_mat_rows(x, t, 1).data, *to = syl_mat_rows(y, t, 1).data;
        if (x.dtype == SYL_F32)
            add_f32(from, to, x.cols);
        else
            add_bf16(from, to, x.cols);
    }
}
