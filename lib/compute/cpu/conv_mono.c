/* The first convolution of a raw-wave encoder: one channel in, hundreds out. A matrix product
 * would have an inner length of ten; here the weights stay in registers and the activation is
 * applied before anything is stored. */
#include "lib/compute/cpu/context.h"
#include "lib/compute/cpu/vmath.h"

#define LANES 64 /* output channels at a time */

SYL_INLINE void store_block(const float *acc, int n, bool gelu, void *y, syl_dtype dtype)
{
    float v[LANES];
    for (int c = 0; c < LANES; c++)
        v[c] = gelu ? syl_gelu(acc[c]) : acc[c];
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
        float acc[LANES];
        for (int c = 0; c < LANES; c++)
            acc[c] = bias_pad[c];
        for (int k = 0; k < kernel; k++) {
            float s = x[t * stride + k];
            for (int c = 0; c < LANES; c++)
                acc[c] += s * w_pad[k * LANES + c];
        }
        store_block(acc, n, gelu, y + (size_t)t * row_bytes, dtype);
    }
}

void syl_conv1d_mono(syl_ctx *ctx, const float *w, const float *bias, int kernel, int stride,
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
