/* What kernels share: floats and bf16, vectors of four, reductions over warps, blocks and teams,
 * Philox, activations; and on the host the shapes of launches. Only .cu files include it.
 *
 * Nothing here but plain C with a few templates, so that nvcc and the host's compiler
 * (tests/cudahost/) read the same source. Blocks always have whole warps. */
#ifndef SYL_COMPUTE_CUDA_DEVICE_CUH
#define SYL_COMPUTE_CUDA_DEVICE_CUH

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/compute/cuda/compat.h"
#include "lib/compute/cuda/kernels.h"

#ifdef __CUDACC__
#define SYL_DEVICE static __device__ __forceinline__
#define SYL_UNROLL _Pragma("unroll")
#define SYL_UNROLL_4 _Pragma("unroll 4")
#define SYL_NO_UNROLL _Pragma("unroll 1")
#else
#define SYL_DEVICE static inline __attribute__((always_inline, unused))
#define SYL_UNROLL
#define SYL_UNROLL_4
#define SYL_NO_UNROLL
#endif

#define SYL_ALL_LANES 0xffffffffu
#define SYL_WARP 32
#define SYL_BLOCK 256 /* threads of most blocks: eight of them fill an SM where registers allow */

/* ---- bf16, and loads and stores of either type --------------------------------------------- */

SYL_DEVICE uint32_t syl_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

SYL_DEVICE float syl_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

SYL_DEVICE float syl_widen(uint16_t b)
{
    return syl_from_bits((uint32_t)b << 16);
}

/* Round to nearest even, as syl_f32_to_bf16; a NaN stays one. */
SYL_DEVICE uint16_t syl_narrow(float f)
{
    uint32_t u = syl_bits(f);
    uint32_t rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16;
    uint32_t quiet = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
}

SYL_DEVICE float syl_load(const float *p)
{
    return *p;
}

SYL_DEVICE float syl_load(const uint16_t *p)
{
    return syl_widen(*p);
}

SYL_DEVICE void syl_store(float *p, float v)
{
    *p = v;
}

SYL_DEVICE void syl_store(uint16_t *p, float v)
{
    *p = syl_narrow(v);
}

/* Four at once; p aligned to four elements. */
SYL_DEVICE void syl_load4(const float *p, float v[4])
{
    float4 f = *(const float4 *)p;
    v[0] = f.x, v[1] = f.y, v[2] = f.z, v[3] = f.w;
}

SYL_DEVICE void syl_load4(const uint16_t *p, float v[4])
{
    int2 two = *(const int2 *)p;
    uint32_t low = (uint32_t)two.x, high = (uint32_t)two.y;
    v[0] = syl_from_bits(low << 16), v[1] = syl_from_bits(low & 0xFFFF0000u);
    v[2] = syl_from_bits(high << 16), v[3] = syl_from_bits(high & 0xFFFF0000u);
}

SYL_DEVICE void syl_store4(float *p, const float v[4])
{
    float4 f;
    f.x = v[0], f.y = v[1], f.z = v[2], f.w = v[3];
    *(float4 *)p = f;
}

SYL_DEVICE void syl_store4(uint16_t *p, const float v[4])
{
    int2 two;
    two.x = (int)((uint32_t)syl_narrow(v[0]) | (uint32_t)syl_narrow(v[1]) << 16);
    two.y = (int)((uint32_t)syl_narrow(v[2]) | (uint32_t)syl_narrow(v[3]) << 16);
    *(int2 *)p = two;
}

/* V (1 or 4) at once. */
template <int V, typename T> SYL_DEVICE void syl_load_some(const T *p, float v[V])
{
    if constexpr (V == 4)
        syl_load4(p, v);
    else
        v[0] = syl_load(p);
}

template <int V, typename T> SYL_DEVICE void syl_store_some(T *p, const float v[V])
{
    if constexpr (V == 4)
        syl_store4(p, v);
    else
        syl_store(p, v[0]);
}

/* For copies of bits, whatever they mean. */
SYL_DEVICE void syl_clear(float4 *u)
{
    u->x = u->y = u->z = u->w = 0;
}

SYL_DEVICE void syl_clear(float *u)
{
    *u = 0;
}

SYL_DEVICE void syl_clear(uint16_t *u)
{
    *u = 0;
}

/* ---- reductions ----------------------------------------------------------------------------
 * Every lane gets the result, which does not depend on the order in which warps run. All threads
 * of the warp, block or team must come by. Block reductions are for one-dimensional blocks. */

template <typename T> SYL_DEVICE T syl_warp_sum(T v)
{
    for (int o = SYL_WARP / 2; o > 0; o /= 2)
        v += __shfl_xor_sync(SYL_ALL_LANES, v, o);
    return v;
}

SYL_DEVICE float syl_warp_max(float v)
{
    for (int o = SYL_WARP / 2; o > 0; o /= 2)
        v = fmaxf(v, __shfl_xor_sync(SYL_ALL_LANES, v, o));
    return v;
}

/* The barrier in front lets the shared array be used again by a second reduction. */
template <typename T> SYL_DEVICE T syl_block_sum(T v)
{
    __shared__ T part[SYL_WARP];
    int lane = threadIdx.x % SYL_WARP, warps = blockDim.x / SYL_WARP;
    v = syl_warp_sum(v);
    __syncthreads();
    if (lane == 0) part[threadIdx.x / SYL_WARP] = v;
    __syncthreads();
    return syl_warp_sum(lane < warps ? part[lane] : (T)0);
}

SYL_DEVICE float syl_block_max(float v)
{
    __shared__ float part[SYL_WARP];
    int lane = threadIdx.x % SYL_WARP, warps = blockDim.x / SYL_WARP;
    v = syl_warp_max(v);
    __syncthreads();
    if (lane == 0) part[threadIdx.x / SYL_WARP] = v;
    __syncthreads();
    return syl_warp_max(lane < warps ? part[lane] : -INFINITY);
}

/* A team works at one row: a warp where blockDim is (32, n), a whole block where it is (m, 1), so
 * that one kernel serves short rows and long ones. threadIdx.x counts inside of a team. */
template <typename T> SYL_DEVICE T syl_team_sum(T v)
{
    return blockDim.x == SYL_WARP ? syl_warp_sum(v) : syl_block_sum(v);
}

SYL_DEVICE float syl_team_max(float v)
{
    return blockDim.x == SYL_WARP ? syl_warp_max(v) : syl_block_max(v);
}

/* Row of this team and the number of teams; for (r = first; r < rows; r += step). */
#define SYL_TEAM_ROWS(r, rows)                                                   \
    SYL_NO_UNROLL                                                                \
    for (int64_t r = (int64_t)blockIdx.x * blockDim.y + threadIdx.y; r < (rows); \
         r += (int64_t)gridDim.x * blockDim.y)

/* ---- random numbers ------------------------------------------------------------------------ */

/* Philox4x32-10 (Salmon et al. 2011), bit by bit as syl_philox. */
SYL_DEVICE void syl_device_philox(uint64_t seed, uint64_t stream, uint64_t position,
                                  uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int i = 0; i < 10; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* An element is dropped where its word is below this. */
static inline uint32_t syl_dropout_limit(float p)
{
    return (uint32_t)(p * 4294967296.0);
}

/* ---- activations --------------------------------------------------------------------------- */

SYL_DEVICE float syl_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* Phi(x) to 6e-8, far on the left too, where it matters to no product. */
SYL_DEVICE float syl_normal_cdf(float x)
{
    return 0.5f + 0.5f * erff(0.707106781f * x);
}

SYL_DEVICE float syl_gelu_exact(float x)
{
    return x * syl_normal_cdf(x);
}

SYL_DEVICE float syl_gelu_exact_slope(float x)
{
    return syl_normal_cdf(x) + x * 0.398942280f * expf(-0.5f * x * x);
}

SYL_DEVICE float syl_function_value(syl_function f, float x)
{
    if (f == SYL_GELU_ERF) return syl_gelu_exact(x);
    if (f == SYL_GELU_TANH)
        return x * syl_sigmoid(2.0f * 0.797884561f * (x + 0.044715f * x * x * x));
    if (f == SYL_SILU) return x * syl_sigmoid(x);
    return x > 0 ? x : 0;
}

SYL_DEVICE float syl_function_slope(syl_function f, float x)
{
    if (f == SYL_GELU_ERF) return syl_gelu_exact_slope(x);
    if (f == SYL_GELU_TANH) { /* (1 + tanh(u)) / 2 = sigmoid(2 u), and its slope by x */
        float s = syl_sigmoid(2.0f * 0.797884561f * (x + 0.044715f * x * x * x));
        float inner = 0.797884561f * (1.0f + 3.0f * 0.044715f * x * x);
        return s + 2.0f * x * s * (1.0f - s) * inner;
    }
    if (f == SYL_SILU) {
        float s = syl_sigmoid(x);
        return s * (1.0f + x * (1.0f - s));
    }
    return x > 0 ? 1.0f : 0.0f;
}

/* ---- shapes of launches (host) ------------------------------------------------------------- */

typedef struct syl_launch_shape {
    dim3 grid, block;
} syl_launch_shape;

/* 8 waves of 8 blocks for each of an H100's 132 processors; loops over the grid do the rest. */
#define SYL_MAX_BLOCKS 8448

static inline int64_t syl_ceil_div(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static inline int64_t syl_at_most(int64_t n, int64_t most)
{
    return n < most ? n : most;
}

/* Blocks of SYL_BLOCK threads for n values. */
static inline unsigned syl_blocks_for(int64_t n)
{
    return (unsigned)syl_at_most(syl_ceil_div(n, SYL_BLOCK), SYL_MAX_BLOCKS);
}

/* Threads laid over a matrix, x along a row: blocks as wide as rows are, so that short rows leave
 * no threads idle. To be walked with SYL_COVER. */
static inline syl_launch_shape syl_cover(int64_t rows, int64_t cols)
{
    syl_launch_shape s;
    unsigned width = SYL_WARP;
    while (width < SYL_BLOCK && width < cols)
        width *= 2;
    s.block = dim3(width, SYL_BLOCK / width, 1);
    int64_t across = syl_at_most(syl_ceil_div(cols, width), SYL_MAX_BLOCKS);
    int64_t down = syl_at_most(syl_ceil_div(rows, s.block.y), SYL_MAX_BLOCKS / across);
    s.grid = dim3((unsigned)across, (unsigned)down, 1);
    return s;
}

/* Most threads go round once: unrolled, the loop would begin with a division of 64 bits. */
#define SYL_COVER_ROWS(r, rows)                                                  \
    SYL_NO_UNROLL                                                                \
    for (int64_t r = (int64_t)blockIdx.y * blockDim.y + threadIdx.y; r < (rows); \
         r += (int64_t)gridDim.y * blockDim.y)
#define SYL_COVER_COLS(c, cols)                                                  \
    SYL_NO_UNROLL                                                                \
    for (int64_t c = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; c < (cols); \
         c += (int64_t)gridDim.x * blockDim.x)

/* A warp a row up to 1024 columns, beyond it a block a row. */
static inline syl_launch_shape syl_teams(int64_t rows, int64_t cols)
{
    syl_launch_shape s;
    s.block = cols <= 1024 ? dim3(SYL_WARP, SYL_BLOCK / SYL_WARP, 1) : dim3(SYL_BLOCK, 1, 1);
    s.grid = dim3((unsigned)syl_at_most(syl_ceil_div(rows, s.block.y), 1 << 20), 1, 1);
    return s;
}

static inline bool syl_empty(syl_mat m)
{
    return m.rows <= 0 || m.cols <= 0;
}

/* Whether rows can be walked by vectors of four. */
static inline bool syl_fours(syl_mat m)
{
    size_t bytes = m.dtype == SYL_F32 ? 16 : 8;
    return m.cols % 4 == 0 && m.stride % 4 == 0 && (uintptr_t)m.data % bytes == 0;
}

static inline bool syl_contiguous(syl_mat m)
{
    return m.stride == m.cols || m.rows == 1;
}

/* A contiguous matrix as one row. */
static inline syl_mat syl_flat(syl_mat m)
{
    m.cols *= m.rows;
    m.stride = m.cols;
    m.rows = 1;
    return m;
}

static inline bool syl_aligned(const void *p, size_t bytes)
{
    return (uintptr_t)p % bytes == 0;
}

#endif
