/* The first convolution of a raw-wave encoder (one channel in), and the windows that make other
 * convolutions products. */
#include "lib/compute/cuda/device.cuh"

#define CHANNELS 64 /* of a block */
#define DOWN 4      /* threads of a block along time, each with ROWS outputs in registers */
#define ROWS 8

typedef struct mono {
    int kernel, stride;
    bool gelu;
    int64_t rows, cols, y_stride;
} mono;

/* Blocks of (CHANNELS, DOWN). Weights lie in shared memory; a sample is one address for the whole
 * warp, a broadcast from the L1 cache. So each step of a thread is one load of a weight, ROWS
 * broadcasts and ROWS multiplications, and the stores are what takes time. */
template <typename Y>
__global__ void conv_mono_kernel(mono p, const float *w, const float *bias, const float *x, Y *y)
{
    __shared__ float weight[SYL_MONO_MAX_KERNEL][CHANNELS];
    int64_t c0 = (int64_t)blockIdx.y * CHANNELS, c = c0 + threadIdx.x;
    for (int k = threadIdx.y; k < p.kernel; k += DOWN)
        weight[k][threadIdx.x] = c < p.cols ? w[k * p.cols + c] : 0;
    __syncthreads();
    if (c >= p.cols) return;
    float start = bias ? bias[c] : 0;
    int64_t step = (int64_t)gridDim.x * DOWN * ROWS;
    for (int64_t t = ((int64_t)blockIdx.x * DOWN + threadIdx.y) * ROWS; t < p.rows; t += step) {
        float sum[ROWS];
        int offset[ROWS]; /* rows beyond the end repeat the last one, and are not stored */
        const float *from = x + t * p.stride;
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++) {
            sum[i] = start;
            offset[i] = (t + i < p.rows ? i : (int)(p.rows - 1 - t)) * p.stride;
        }
        for (int k = 0; k < p.kernel; k++) {
            float by = weight[k][threadIdx.x];
            SYL_UNROLL
            for (int i = 0; i < ROWS; i++)
                sum[i] += by * from[offset[i] + k];
        }
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++)
            if (t + i < p.rows)
                syl_store(y + (t + i) * p.y_stride + c, p.gelu ? syl_gelu_exact(sum[i]) : sum[i]);
    }
}

cudaError_t syl_cuda_conv1d_mono(cudaStream_t stream, const float *w, const float *bias, int kernel,
                                 int stride, const float *x, syl_act act, syl_mat y)
{
    if (syl_empty(y)) return cudaSuccess;
    if (kernel > SYL_MONO_MAX_KERNEL) return cudaErrorInvalidValue;
    mono p = {kernel, stride, act == SYL_ACT_GELU, y.rows, y.cols, y.stride};
    int64_t strips = syl_ceil_div(y.cols, CHANNELS);
    if (strips > 65535) return cudaErrorInvalidValue;
    dim3 grid((unsigned)syl_at_most(syl_ceil_div(y.rows, DOWN * ROWS), SYL_MAX_BLOCKS),
              (unsigned)strips, 1);
    dim3 block(CHANNELS, DOWN, 1);
    if (y.dtype == SYL_F32)
        return SYL_LAUNCH(conv_mono_kernel<float>, grid, block, 0, stream, p, w, bias, x,
                          (float *)y.data);
    return SYL_LAUNCH(conv_mono_kernel<uint16_t>, grid, block, 0, stream, p, w, bias, x,
                      (uint16_t *)y.data);
}

/* ---- windows ------------------------------------------------------------------------------- */

typedef struct windows {
    int64_t x_rows, x_units, x_stride; /* in units of copying */
    int64_t y_rows, y_units, y_stride;
    int stride, pad;
} windows;

/* y_units, kernel times x_units, is below 2^31: a division of 32 bits finds the tap. */
template <typename U> __global__ void windows_kernel(windows p, const U *x, U *y)
{
    SYL_COVER_COLS (i, p.y_units) {
        uint32_t tap = (uint32_t)i / (uint32_t)p.x_units;
        uint32_t c = (uint32_t)i - tap * (uint32_t)p.x_units;
        SYL_COVER_ROWS (t, p.y_rows) {
            int64_t r = t * p.stride - p.pad + tap;
            U u;
            syl_clear(&u);
            if (r >= 0 && r < p.x_rows) u = x[r * p.x_stride + c];
            y[t * p.y_stride + i] = u;
        }
    }
}

template <typename U>
static cudaError_t windows_units(cudaStream_t stream, windows p, syl_mat x, syl_mat y)
{
    int64_t per = sizeof(U) / (x.dtype == SYL_F32 ? 4 : 2);
    p.x_units /= per, p.y_units /= per;
    p.x_stride /= per, p.y_stride /= per;
    syl_launch_shape s = syl_cover(p.y_rows, p.y_units);
    return SYL_LAUNCH(windows_kernel<U>, s.grid, s.block, 0, stream, p, (const U *)x.data,
                      (U *)y.data);
}

cudaError_t syl_cuda_gather_windows(cudaStream_t stream, int kernel, int stride, int pad, syl_mat x,
                                    syl_mat y)
{
    if (y.rows <= 0 || x.cols <= 0 || kernel <= 0) return cudaSuccess;
    windows p = {x.rows, x.cols, x.stride, y.rows, kernel * x.cols, y.stride, stride, pad};
    if (p.y_units > INT32_MAX) return cudaErrorInvalidValue;
    int64_t per = x.dtype == SYL_F32 ? 4 : 8;
    if (x.cols % per == 0 && x.stride % per == 0 && y.stride % per == 0 &&
        syl_aligned(x.data, 16) && syl_aligned(y.data, 16))
        return windows_units<float4>(stream, p, x, y);
    if (x.dtype == SYL_F32) return windows_units<float>(stream, p, x, y);
    return windows_units<uint16_t>(stream, p, x, y);
}
