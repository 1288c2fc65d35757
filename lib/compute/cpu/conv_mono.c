/* The first convolution of a raw-wave encoder: one channel in, hundreds out. A matrix product
 * would have an inner length of ten; here the weights stay in registers and the activation is
 * applied before anything is stored. */
#include "lib/compute/cpu/context.h"
#include "lib/compute/cpu/vmath.h"

#define WIDTH 8   /* floats in a vector: GCC keeps one wider than a register in memory */
#define VECTORS 8 /* registers that sum */
#define LANES (VECTORS * WIDTH) /* output channels at a time */

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

#define LOAD(p) (*(const vec *)(p)) /* a function returning it would have an ABI to mind */

SYL_INLINE void store_block(float *v, int n, bool gelu, void *y, syl_dtype dtype)
{
    if (gelu)
        for (int c = 0; c < LANES; c++)
            v[c] = syl_gelu(v[c]);
    if (dtype == SYL_F32) {
        memcpy(y, v, (size_t)n * sizeof(float));
        return;
    }
    uint16_t b[LANES];
    for (int c = 0; c < LANES; c++)
        b[c] = syl_f32_to_bf16(v[c]);
    memcpy(y, b, (size_t)n * sizeof(uint16_t));
}

/* Channels [0, n) of one block for output rows [0, rows). w_pad is [kernel][LANES]. */
SYL_CLONES static void mono_block(const float *w_pad, const float *bias_pad, int kernel, int stride,
                                  const float *x, bool gelu, uint8_t *y, size_t row_bytes,
                                  int64_t rows, int n, syl_dtype dtype)
{
    for (int64_t t = 0; t < rows; t++) {
        vec sum[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++)
            sum[v] = LOAD(bias_pad + v * WIDTH);
        for (int k = 0; k < kernel; k++) {
            const float *w = w_pad + k * LANES;
            float s = x[t * stride + k];
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++)
                sum[v] += s * LOAD(w + v * WIDTH);
        }
        float sums[LANES];
        memcpy(sums, sum, sizeof sums);
        store_block(sums, n, gelu, y + (size_t)t * row_bytes, dtype);
    }
}

void syl_cpu_conv1d_mono(syl_ctx *ctx, const float *w, const float *bias, int kernel, int stride,
                         const float *x, syl_act act, syl_mat y)
{
    size_t element = syl_dtype_size(y.dtype);
    int64_t blocks = (y.cols + LANES - 1) / LANES;
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (y.rows * y.cols > 65536)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t c0 = b * LANES;
        int n = (int)(y.cols - c0 < LANES ? y.cols - c0 : LANES);
        float w_pad[SYL_MONO_MAX_KERNEL * LANES] = {0}, bias_pad[LANES] = {0};
        for (int k = 0; k < kernel; k++)
            memcpy(w_pad + k * LANES, w + k * y.cols + c0, (size_t)n * sizeof(float));
        memcpy(bias_pad, bias + c0, (size_t)n * sizeof(float));
        mono_block(w_pad, bias_pad, kernel, stride, x, act == SYL_ACT_GELU,
                   (uint8_t *)y.data + (size_t)c0 * element, (size_t)y.stride * element, y.rows, n,
                   y.dtype);
    }
}
