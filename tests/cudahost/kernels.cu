/* Small kernels, right ones and ones with a bug each (test_cudahost.cc). */
#include "tests/cudahost/kernels.h"

#include "lib/compute/cuda/compat.h"

__device__ float warp_sum(float v)
{
    for (int o = 16; o > 0; o >>= 1)
        v += __shfl_xor_sync(0xFFFFFFFFu, v, o);
    return v;
}

static __device__ __forceinline__ float block_sum(float v)
{
    __shared__ float part[32];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    v = warp_sum(v);
    __syncthreads();
    if (lane == 0) part[warp] = v;
    __syncthreads();
    return warp_sum(lane < warps ? part[lane] : 0.0f);
}

__global__ void __launch_bounds__(128)
    block_sums_kernel(const float *__restrict__ x, int n, float *sums)
{
    float v = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        v += __ldg(&x[i]);
    v = block_sum(v);
    if (threadIdx.x == 0) sums[blockIdx.x] = v;
}

#define TILE 16
__global__ void gemm_kernel(const float *a, const float *b, float *c, int m, int n, int k)
{
    __shared__ float at[TILE][TILE], bt[TILE][TILE];
    int tx = threadIdx.x, ty = threadIdx.y;
    int row = blockIdx.y * TILE + ty, col = blockIdx.x * TILE + tx;
    float sum = 0;
    for (int t = 0; t < k; t += TILE) {
        at[ty][tx] = row < m && t + tx < k ? a[row * k + t + tx] : 0;
        bt[ty][tx] = col < n && t + ty < k ? b[(t + ty) * n + col] : 0;
        __syncthreads();
        for (int i = 0; i < TILE; i++)
            sum = fmaf(at[ty][i], bt[i][tx], sum);
        __syncthreads();
    }
    if (row < m && col < n) c[row * n + col] = sum;
}

__global__ void shuffles_kernel(int *out)
{
    int lane = threadIdx.x;
    out[lane] = __shfl_sync(0xFFFFFFFFu, lane, lane + 1, 8);
    out[32 + lane] = __shfl_up_sync(0xFFFFFFFFu, lane, 3);
    out[64 + lane] = __shfl_down_sync(0xFFFFFFFFu, lane, 3, 16);
    double wide = __shfl_xor_sync(0xFFFFFFFFu, lane + 0.5, 5);
    out[96 + lane] = (int)(2 * wide);
    if (lane < 16) /* a part of a warp on its own */
        out[lane] += 100 * __shfl_xor_sync(0xFFFFu, lane, 1);
}

__global__ void votes_kernel(unsigned *out)
{
    unsigned ballot = __ballot_sync(0xFFFFFFFFu, threadIdx.x % 3 == 0);
    int any = __any_sync(0xFFFFFFFFu, threadIdx.x == 40), all = __all_sync(0xFFFFFFFFu, 1);
    if (threadIdx.x == 0) {
        out[0] = ballot;
        out[1] = any;
        out[2] = all;
    }
}

__global__ void histogram_kernel(const int *x, int n, int *bins, int num_bins)
{
    SYL_DYNAMIC_SHARED(int, local);
    for (int i = threadIdx.x; i < num_bins; i += blockDim.x)
        local[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&local[x[i]], 1);
    __syncthreads();
    for (int i = threadIdx.x; i < num_bins; i += blockDim.x)
        atomicAdd(&bins[i], local[i]);
}

__global__ void scale_kernel(float *x, int n, float by)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] *= by;
}

__global__ void positions_kernel(unsigned *out)
{
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    atomicAdd(&out[block * blockDim.x * blockDim.y * blockDim.z + thread], 1u);
}

__global__ void nothing_kernel()
{
}

template <class T, int n> __global__ void converted_kernel(double *out)
{
    __shared__ T v[n];
    v[threadIdx.x] = (T)threadIdx.x / 3;
    __syncthreads();
    out[threadIdx.x] = v[n - 1 - threadIdx.x];
}

/* ---- bugs ----------------------------------------------------------------------------- */

__global__ void missing_barrier_kernel(float *out)
{
    __shared__ float v[64];
    v[threadIdx.x] = threadIdx.x;
    out[threadIdx.x] = v[63 - threadIdx.x];
}

__global__ void unwritten_static_kernel(float *out)
{
    __shared__ float v[4];
    if (threadIdx.x == 1) v[1] = 1;
    __syncthreads();
    out[threadIdx.x] = v[threadIdx.x];
}

__global__ void unwritten_dynamic_kernel(float *out)
{
    SYL_DYNAMIC_SHARED(float, v);
    if (threadIdx.x == 1) v[1] = 1;
    __syncthreads();
    out[threadIdx.x] = v[threadIdx.x];
}

__global__ void past_global_kernel(float *x, int at)
{
    x[at] = 1;
}

__global__ void past_shared_kernel(int floats)
{
    SYL_DYNAMIC_SHARED(float, v);
    v[floats] = 1;
}

__global__ void past_static_shared_kernel(int at)
{
    __shared__ int v[5];
    volatile int *p = v;
    p[at] = 1;
}

__global__ void divergent_barrier_kernel()
{
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
}

__global__ void early_return_kernel()
{
    if (threadIdx.x == 7) return;
    __syncthreads();
}

__global__ void divergent_shuffle_kernel()
{
    if (threadIdx.x % 2)
        __shfl_sync(0xFFFFFFFFu, 1, 0);
    else
        __shfl_sync(0xFFFFFFFFu, 2, 0);
}

__global__ void inactive_shuffle_kernel(int *out)
{
    if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xFFFFu, 1, 20);
}

__global__ void foreign_mask_kernel()
{
    __syncwarp(0xFFFFu);
}

__device__ int deeper(int depth)
{
    volatile int room[512];
    room[0] = depth;
    return depth > 0 ? deeper(depth - 1) + room[0] : 0;
}

__global__ void endless_stack_kernel(int depth)
{
    if (deeper(depth) == 1) __syncthreads();
}

/* ---- launchers ------------------------------------------------------------------------ */

cudaError_t block_sums(const float *x, int n, float *sums, int blocks)
{
    return SYL_LAUNCH(block_sums_kernel, blocks, 128, 0, 0, x, n, sums);
}

cudaError_t tiled_gemm(const float *a, const float *b, float *c, int m, int n, int k)
{
    dim3 grid((n + TILE - 1) / TILE, (m + TILE - 1) / TILE), block(TILE, TILE);
    return SYL_LAUNCH(gemm_kernel, grid, block, 0, 0, a, b, c, m, n, k);
}

cudaError_t shuffles(int *out)
{
    return SYL_LAUNCH(shuffles_kernel, 1, 32, 0, 0, out);
}

cudaError_t votes(unsigned *out)
{
    return SYL_LAUNCH(votes_kernel, 1, 32, 0, 0, out);
}

cudaError_t histogram(const int *x, int n, int *bins, int num_bins)
{
    return SYL_LAUNCH(histogram_kernel, 3, 96, num_bins * sizeof(int), 0, x, n, bins, num_bins);
}

cudaError_t scale(cudaStream_t s, float *x, int n, float by)
{
    return SYL_LAUNCH(scale_kernel, (n + 63) / 64, 64, 0, s, x, n, by);
}

cudaError_t positions(unsigned *out, dim3 grid, dim3 block)
{
    return SYL_LAUNCH(positions_kernel, grid, block, 0, 0, out);
}

cudaError_t launch_with(dim3 grid, dim3 block, size_t shared_bytes)
{
    return SYL_LAUNCH(nothing_kernel, grid, block, shared_bytes, 0);
}

cudaError_t raise_shared(int bytes)
{
    return cudaFuncSetAttribute(nothing_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

cudaError_t converted(double *out, int f32)
{
    return f32 ? SYL_LAUNCH((converted_kernel<float, 64>), 1, 64, 0, 0, out)
               : SYL_LAUNCH((converted_kernel<int, 64>), 1, 64, 0, 0, out);
}

cudaError_t missing_barrier(float *out)
{
    return SYL_LAUNCH(missing_barrier_kernel, 1, 64, 0, 0, out);
}

cudaError_t unwritten_shared(float *out, int is_static)
{
    return is_static ? SYL_LAUNCH(unwritten_static_kernel, 1, 2, 0, 0, out)
                     : SYL_LAUNCH(unwritten_dynamic_kernel, 1, 2, 8, 0, out);
}

cudaError_t past_global(float *x, int at)
{
    return SYL_LAUNCH(past_global_kernel, 1, 1, 0, 0, x, at);
}

cudaError_t past_shared(int floats)
{
    return SYL_LAUNCH(past_shared_kernel, 1, 1, floats * sizeof(float), 0, floats);
}

cudaError_t past_static_shared(int at)
{
    return SYL_LAUNCH(past_static_shared_kernel, 1, 1, 0, 0, at);
}

cudaError_t divergent_barrier(void)
{
    return SYL_LAUNCH(divergent_barrier_kernel, 1, 64, 0, 0);
}

cudaError_t early_return(void)
{
    return SYL_LAUNCH(early_return_kernel, 1, 64, 0, 0);
}

cudaError_t divergent_shuffle(void)
{
    return SYL_LAUNCH(divergent_shuffle_kernel, 1, 32, 0, 0);
}

cudaError_t inactive_shuffle(int *out)
{
    return SYL_LAUNCH(inactive_shuffle_kernel, 1, 32, 0, 0, out);
}

cudaError_t foreign_mask(void)
{
    return SYL_LAUNCH(foreign_mask_kernel, 1, 32, 0, 0);
}

cudaError_t endless_stack(int depth)
{
    return SYL_LAUNCH(endless_stack_kernel, 1, 1, 0, 0, depth);
}
