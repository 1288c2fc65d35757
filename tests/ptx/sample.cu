/* What kernels are like, for the interpreter's tests. sample.ptx is kept beside it, so that they
 * run without nvcc too; made by `make regenerate-ptx`. */
#include "tests/ptx/sample.h"

#include "lib/compute/cuda/compat.h"

/* Double sums of floats: shuffles of a warp, then shared memory. */
__global__ void vector_sum(const float *x, int n, double *sums)
{
    __shared__ double part[32];
    double sum = 0;

    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        sum += x[i];
    for (int offset = 16; offset > 0; offset /= 2)
        sum += __shfl_down_sync(0xffffffffu, sum, offset);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < blockDim.x / 32; w++)
            sum += part[w];
        sums[blockIdx.x] = sum;
    }
}

#define TILE 16
__global__ void tiled_gemm(const float *a, const float *b, float *c, int m, int n, int k)
{
    __shared__ float as[TILE][TILE], bs[TILE][TILE + 1];
    int row = blockIdx.y * TILE + threadIdx.y, col = blockIdx.x * TILE + threadIdx.x;
    float sum = 0;

    for (int k0 = 0; k0 < k; k0 += TILE) {
        int ka = k0 + threadIdx.x, kb = k0 + threadIdx.y;

        as[threadIdx.y][threadIdx.x] = row < m && ka < k ? a[row * k + ka] : 0;
        bs[threadIdx.y][threadIdx.x] = kb < k && col < n ? b[kb * n + col] : 0;
        __syncthreads();
        for (int i = 0; i < TILE; i++)
            sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
        __syncthreads();
    }
    if (row < m && col < n) c[row * n + col] = sum;
}

/* A block a row; a reduction through dynamic shared memory. */
static __device__ float reduce(float *part, float v, bool maximum)
{
    part[threadIdx.x] = v;
    __syncthreads();
    for (unsigned s = blockDim.x / 2; s > 0; s /= 2) {
        if (threadIdx.x < s) {
            float other = part[threadIdx.x + s];

            part[threadIdx.x] =
                maximum ? fmaxf(part[threadIdx.x], other) : part[threadIdx.x] + other;
        }
        __syncthreads();
    }
    v = part[0];
    __syncthreads();
    return v;
}

__global__ void softmax_loss(const float *x, const int *label, float *dx, float *loss, int cols)
{
    SYL_DYNAMIC_SHARED(float, part);
    const float *row = x + (long)blockIdx.x * cols;
    float top = -INFINITY, sum = 0;

    for (int i = threadIdx.x; i < cols; i += blockDim.x)
        top = fmaxf(top, row[i]);
    top = reduce(part, top, true);
    for (int i = threadIdx.x; i < cols; i += blockDim.x)
        sum += expf(row[i] - top);
    sum = reduce(part, sum, false);
    for (int i = threadIdx.x; i < cols; i += blockDim.x)
        dx[(long)blockIdx.x * cols + i] = expf(row[i] - top) / sum - (i == label[blockIdx.x]);
    if (threadIdx.x == 0) loss[blockIdx.x] = logf(sum) + top - row[label[blockIdx.x]];
}

__global__ void histogram(const unsigned char *x, int n, unsigned *bins)
{
    __shared__ unsigned own[256];

    for (int i = threadIdx.x; i < 256; i += blockDim.x)
        own[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&own[x[i]], 1u);
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x)
        atomicAdd(&bins[i], own[i]);
}

__global__ void box_apply(sample_box box)
{
    int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x;

    if (i < box.n) box.y[i] = (float)(box.x[i] * box.scale[i % 4] + box.shift);
}

template <typename T> __global__ void fill_with(T *x, T value, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) x[i] = value;
}

/* One row of 32 results for each kind of collective. */
__global__ void warp_kinds(const float *x, unsigned *out)
{
    const unsigned all = 0xffffffffu;
    unsigned lane = threadIdx.x, v = __float_as_uint(x[lane]);

    out[lane] = __shfl_xor_sync(all, v, 5);
    out[32 + lane] = __shfl_down_sync(all, v, 3, 16);
    out[64 + lane] = __shfl_up_sync(all, v, 2, 8);
    out[96 + lane] = __shfl_sync(all, v, 9, 8);
    out[128 + lane] = __ballot_sync(all, x[lane] > 4);
    out[160 + lane] = __any_sync(all, x[lane] > 30) + 2 * __all_sync(all, x[lane] > 0);
    if (lane < 12) out[192 + lane] = __shfl_sync(0xfffu, v, lane + 1 < 12 ? lane + 1 : 0);
    out[224 + lane] = __syncthreads_count(lane % 3 == 0);
}

/* Philox's rounds, 64-bit division, bits. */
__global__ void integers(const uint64_t *a, const uint64_t *b, uint64_t *out)
{
    int i = threadIdx.x;
    uint32_t x0 = (uint32_t)a[i], x1 = (uint32_t)b[i], key = 7;

    for (int round = 0; round < 10; round++, key += 0x9E3779B9u) {
        uint32_t hi = __umulhi(x0, 0xD2511F53u), lo = x0 * 0xD2511F53u;

        x0 = hi ^ key ^ x1;
        x1 = lo;
    }
    out[8 * i] = (uint64_t)x0 << 32 | x1;
    out[8 * i + 1] = a[i] / b[i];
    out[8 * i + 2] = (uint64_t)((int64_t)a[i] % (int64_t)(b[i] | 1));
    out[8 * i + 3] = __umul64hi(a[i], b[i]);
    out[8 * i + 4] = __popcll(a[i]) + 100 * __clzll(b[i]) + 10000 * __ffsll((long long)a[i]);
    out[8 * i + 5] = __brev((uint32_t)a[i]) + __byte_perm((uint32_t)a[i], (uint32_t)b[i], 0x5410);
    out[8 * i + 6] = __funnelshift_l((uint32_t)a[i], (uint32_t)b[i], 7);
    out[8 * i + 7] = (uint64_t)((int64_t)a[i] >> 3) + (uint64_t)(int64_t)(int32_t)b[i];
}

__global__ void math_functions(const float *x, float *out)
{
    int i = threadIdx.x;
    float v = x[i];

    out[8 * i] = erff(v);
    out[8 * i + 1] = tanhf(v);
    out[8 * i + 2] = expf(v);
    out[8 * i + 3] = logf(fabsf(v) + 0.5f);
    out[8 * i + 4] = rsqrtf(fabsf(v) + 1) + sqrtf(fabsf(v));
    out[8 * i + 5] = (float)exp((double)v);
    out[8 * i + 6] = rintf(v * 3) + floorf(v) + truncf(v * 2);
    out[8 * i + 7] = sinf(v * 10) + __saturatef(v);
}

__global__ void vector_loads(const int4 *x, int4 *y, const short *s, long long *sum)
{
    int i = threadIdx.x;
    int4 v = x[i];

    y[i] = make_int4(v.w, v.z, v.y, v.x);
    sum[i] = (long long)s[i] * v.x;
}

static __device__ __noinline__ int helper(const int *table, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++)
        sum += table[i] * (i + 1);
    return sum;
}

/* An array of local memory, indexed at run time, its address given to a function that is called. */
__global__ void local_array(const int *x, int *out, int n)
{
    int table[16];

    for (int i = 0; i < 16; i++)
        table[i] = i * x[threadIdx.x];
    for (int i = 0; i < n; i++)
        table[(i * 7 + x[i]) & 15] += i;
    out[threadIdx.x] = helper(table, n & 15);
}

__global__ void grid_places(unsigned *out)
{
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;

    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

cudaError_t sample_sum(cudaStream_t stream, const float *x, int n, double *sums, int blocks)
{
    return SYL_LAUNCH(vector_sum, blocks, 128, 0, stream, x, n, sums);
}

cudaError_t sample_gemm(cudaStream_t stream, const float *a, const float *b, float *c, int m, int n,
                        int k)
{
    dim3 grid((n + TILE - 1) / TILE, (m + TILE - 1) / TILE), block(TILE, TILE);

    return SYL_LAUNCH(tiled_gemm, grid, block, 0, stream, a, b, c, m, n, k);
}

cudaError_t sample_softmax(cudaStream_t stream, const float *x, const int *label, float *dx,
                           float *loss, int rows, int cols)
{
    return SYL_LAUNCH(softmax_loss, rows, 128, 128 * sizeof(float), stream, x, label, dx, loss,
                      cols);
}

cudaError_t sample_histogram(cudaStream_t stream, const unsigned char *x, int n, unsigned *bins)
{
    return SYL_LAUNCH(histogram, 3, 96, 0, stream, x, n, bins);
}

cudaError_t sample_box_apply(cudaStream_t stream, sample_box box)
{
    return SYL_LAUNCH(box_apply, (unsigned)((box.n + 63) / 64), 64, 0, stream, box);
}

cudaError_t sample_fill(cudaStream_t stream, float *f, double *d, int n)
{
    cudaError_t e = SYL_LAUNCH(fill_with<float>, (n + 31) / 32, 32, 0, stream, f, 2, n);

    return e != cudaSuccess ? e
                            : SYL_LAUNCH(fill_with<double>, (n + 31) / 32, 32, 0, stream, d, 3, n);
}
