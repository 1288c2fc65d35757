/* Element by element: one kernel for all that reads each element once and writes one, dropout,
 * and transposition. Everything here is bound by memory, so what is asked of an element may be a
 * switch at run time: every thread takes the same way. */
#include "lib/compute/cuda/device.cuh"

typedef enum pointwise_op {
    OP_FILL,
    OP_SCALE,
    OP_SUM,
    OP_FUNCTION,
    OP_SLOPE,
    OP_GATED,
    OP_IDENTITY
} pointwise_op;

/* y (+)= op(a + bias, b). */
typedef struct pointwise {
    pointwise_op op;
    syl_function f;
    float by; /* value of a fill, factor of a scale */
    bool accumulate;
    const float *bias; /* [cols], or NULL */
    int64_t rows, cols, a_stride, b_stride, y_stride;
} pointwise;

SYL_DEVICE float pointwise_value(const pointwise &p, float a, float b)
{
    switch (p.op) {
    case OP_FILL:
        return p.by;
    case OP_SCALE:
        return p.by * a;
    case OP_SUM:
        return a + b;
    case OP_FUNCTION:
        return syl_function_value(p.f, a);
    case OP_SLOPE:
        return syl_function_slope(p.f, a) * b;
    case OP_GATED:
        return syl_function_value(p.f, a) * b;
    default:
        return a;
    }
}

template <typename X, typename Y, int V>
__global__ void pointwise_kernel(pointwise p, const X *a, const float *b, Y *y)
{
    SYL_COVER_ROWS (r, p.rows)
        SYL_COVER_COLS (i, p.cols / V) {
            int64_t c = i * V;
            float u[V] = {}, v[V] = {}, w[V] = {};
            if (a) syl_load_some<V>(a + r * p.a_stride + c, u);
            if (b) syl_load_some<V>(b + r * p.b_stride + c, v);
            if (p.accumulate) syl_load_some<V>(y + r * p.y_stride + c, w);
            for (int k = 0; k < V; k++) {
                if (p.bias) u[k] += p.bias[c + k];
                float value = pointwise_value(p, u[k], v[k]);
                w[k] = p.accumulate ? w[k] + value : value;
            }
            syl_store_some<V>(y + r * p.y_stride + c, w);
        }
}

template <typename X, typename Y>
static cudaError_t pointwise_typed(cudaStream_t stream, pointwise p, bool fours, const X *a,
                                   const float *b, Y *y)
{
    if (fours) {
        syl_launch_shape s = syl_cover(p.rows, p.cols / 4);
        return SYL_LAUNCH((pointwise_kernel<X, Y, 4>), s.grid, s.block, 0, stream, p, a, b, y);
    }
    syl_launch_shape s = syl_cover(p.rows, p.cols);
    return SYL_LAUNCH((pointwise_kernel<X, Y, 1>), s.grid, s.block, 0, stream, p, a, b, y);
}

/* a and b: of y's shape, or of data NULL; b is float32. */
static cudaError_t pointwise_launch(cudaStream_t stream, pointwise p, syl_mat a, syl_mat b,
                                    syl_mat y)
{
    if (syl_empty(y)) return cudaSuccess;
    if (!p.bias && syl_contiguous(y) && (!a.data || syl_contiguous(a)) &&
        (!b.data || syl_contiguous(b)))
        a = syl_flat(a), b = syl_flat(b), y = syl_flat(y);
    bool fours = syl_fours(y) && (!a.data || syl_fours(a)) && (!b.data || syl_fours(b));
    p.rows = y.rows, p.cols = y.cols;
    p.a_stride = a.stride, p.b_stride = b.stride, p.y_stride = y.stride;
    const float *second = (const float *)b.data;
    if (a.dtype == SYL_F32 && y.dtype == SYL_F32)
        return pointwise_typed(stream, p, fours, (const float *)a.data, second, (float *)y.data);
    if (a.dtype == SYL_F32)
        return pointwise_typed(stream, p, fours, (const float *)a.data, second, (uint16_t *)y.data);
    if (y.dtype == SYL_F32)
        return pointwise_typed(stream, p, fours, (const uint16_t *)a.data, second, (float *)y.data);
    return pointwise_typed(stream, p, fours, (const uint16_t *)a.data, second, (uint16_t *)y.data);
}

static pointwise pointwise_of(pointwise_op op, bool accumulate)
{
    pointwise p;
    memset(&p, 0, sizeof p);
    p.op = op;
    p.accumulate = accumulate;
    return p;
}

static syl_mat no_matrix(syl_mat like)
{
    like.data = NULL;
    return like;
}

cudaError_t syl_cuda_fill(cudaStream_t stream, float value, syl_mat y)
{
    pointwise p = pointwise_of(OP_FILL, false);
    p.by = value;
    return pointwise_launch(stream, p, no_matrix(y), no_matrix(y), y);
}

cudaError_t syl_cuda_scale(cudaStream_t stream, float scale, syl_mat x, bool accumulate, syl_mat y)
{
    pointwise p = pointwise_of(OP_SCALE, accumulate);
    p.by = scale;
    return pointwise_launch(stream, p, x, no_matrix(y), y);
}

cudaError_t syl_cuda_sum(cudaStream_t stream, syl_mat a, syl_mat b, syl_mat y)
{
    return pointwise_launch(stream, pointwise_of(OP_SUM, false), a, b, y);
}

cudaError_t syl_cuda_add(cudaStream_t stream, syl_mat x, syl_mat y)
{
    return pointwise_launch(stream, pointwise_of(OP_IDENTITY, true), x, no_matrix(y), y);
}

cudaError_t syl_cuda_convert(cudaStream_t stream, syl_mat x, syl_mat y)
{
    return pointwise_launch(stream, pointwise_of(OP_IDENTITY, false), x, no_matrix(y), y);
}

cudaError_t syl_cuda_add_bias(cudaStream_t stream, const float *bias, syl_mat y)
{
    pointwise p = pointwise_of(OP_IDENTITY, false);
    p.bias = bias;
    return pointwise_launch(stream, p, y, no_matrix(y), y);
}

cudaError_t syl_cuda_activation(cudaStream_t stream, syl_function f, syl_mat x, syl_mat y)
{
    pointwise p = pointwise_of(OP_FUNCTION, false);
    p.f = f;
    return pointwise_launch(stream, p, x, no_matrix(y), y);
}

cudaError_t syl_cuda_activation_backward(cudaStream_t stream, syl_function f, syl_mat x, syl_mat dy,
                                         bool accumulate, syl_mat dx)
{
    pointwise p = pointwise_of(OP_SLOPE, accumulate);
    p.f = f;
    return pointwise_launch(stream, p, x, dy, dx);
}

cudaError_t syl_cuda_gated(cudaStream_t stream, syl_function f, syl_mat a, syl_mat b, syl_mat y)
{
    pointwise p = pointwise_of(OP_GATED, false);
    p.f = f;
    return pointwise_launch(stream, p, a, b, y);
}

cudaError_t syl_cuda_bias_activation(cudaStream_t stream, syl_function f, const float *bias,
                                     syl_mat y)
{
    pointwise p = pointwise_of(OP_FUNCTION, false);
    p.f = f;
    p.bias = bias;
    return pointwise_launch(stream, p, y, no_matrix(y), y);
}

/* ---- dropout ------------------------------------------------------------------------------- */

typedef struct dropout {
    uint64_t seed, stream;
    uint32_t limit;
    float scale;
    bool accumulate;
    int64_t rows, cols, x_stride, y_stride;
} dropout;

/* A thread takes the elements of one Philox block, which has four words: whole blocks of the
 * numbering 0 .. rows cols - 1, cut at the ends of rows. */
template <bool FOURS> __global__ void dropout_kernel(dropout d, const float *x, float *y)
{
    SYL_COVER_ROWS (r, d.rows) {
        int64_t begin = r * d.cols, end = begin + d.cols;
        SYL_COVER_COLS (i, (end - 1) / 4 - begin / 4 + 1) {
            uint32_t word[4];
            int64_t block = begin / 4 + i, c = block * 4 - begin;
            const float *from = x + r * d.x_stride + c;
            float *to = y + r * d.y_stride + c;
            float v[4] = {}, w[4] = {};
            syl_device_philox(d.seed, d.stream, (uint64_t)block, word);
            if (FOURS) {
                syl_load4(from, v);
                if (d.accumulate) syl_load4(to, w);
            }
            for (int k = 0; k < 4; k++) {
                bool inside = FOURS || (c + k >= 0 && c + k < d.cols);
                if (!FOURS && inside) v[k] = from[k];
                if (!FOURS && inside && d.accumulate) w[k] = to[k];
                float kept = word[k] >= d.limit ? v[k] * d.scale : 0;
                w[k] = d.accumulate ? w[k] + kept : kept;
                if (!FOURS && inside) to[k] = w[k];
            }
            if (FOURS) syl_store4(to, w);
        }
    }
}

cudaError_t syl_cuda_dropout(cudaStream_t stream, uint64_t seed, uint64_t s, float p, syl_mat x,
                             bool accumulate, syl_mat y)
{
    if (syl_empty(x)) return cudaSuccess;
    if (syl_contiguous(x) && syl_contiguous(y)) x = syl_flat(x), y = syl_flat(y);
    float scale = 1.0f / (1.0f - p);
    dropout d = {seed,     s,       syl_dropout_limit(p), scale, accumulate, x.rows, x.cols,
                 x.stride, y.stride};
    const float *from = (const float *)x.data;
    float *to = (float *)y.data;
    if (syl_fours(x) && syl_fours(y)) {
        syl_launch_shape shape = syl_cover(x.rows, x.cols / 4);
        return SYL_LAUNCH(dropout_kernel<true>, shape.grid, shape.block, 0, stream, d, from, to);
    }
    syl_launch_shape shape = syl_cover(x.rows, x.cols / 4 + 2);
    return SYL_LAUNCH(dropout_kernel<false>, shape.grid, shape.block, 0, stream, d, from, to);
}

/* ---- transposition ------------------------------------------------------------------------- */

#define TILE 32
#define TILE_ROWS 8

/* Blocks of (TILE, TILE_ROWS). Reads and writes go along rows; the turn is made in shared memory,
 * whose rows have one element more so that a column lies in 32 banks. */
template <typename T>
__global__ void transpose_kernel(int64_t rows, int64_t cols, const T *x, int64_t x_stride, T *y,
                                 int64_t y_stride)
{
    __shared__ T tile[TILE][TILE + 1];
    int64_t r0 = (int64_t)blockIdx.x * TILE;
    for (int64_t c0 = (int64_t)blockIdx.y * TILE; c0 < cols; c0 += (int64_t)gridDim.y * TILE) {
        int64_t c = c0 + threadIdx.x, r = r0 + threadIdx.x;
        for (int k = threadIdx.y; k < TILE; k += TILE_ROWS)
            if (r0 + k < rows && c < cols) tile[k][threadIdx.x] = x[(r0 + k) * x_stride + c];
        __syncthreads();
        for (int k = threadIdx.y; k < TILE; k += TILE_ROWS)
            if (c0 + k < cols && r < rows) y[(c0 + k) * y_stride + r] = tile[threadIdx.x][k];
        __syncthreads();
    }
}

cudaError_t syl_cuda_transpose(cudaStream_t stream, syl_mat x, syl_mat y)
{
    if (syl_empty(x)) return cudaSuccess;
    dim3 grid((unsigned)syl_ceil_div(x.rows, TILE),
              (unsigned)syl_at_most(syl_ceil_div(x.cols, TILE), 65535), 1);
    dim3 block(TILE, TILE_ROWS, 1);
    if (x.dtype == SYL_F32)
        return SYL_LAUNCH(transpose_kernel<float>, grid, block, 0, stream, x.rows, x.cols,
                          (const float *)x.data, x.stride, (float *)y.data, y.stride);
    return SYL_LAUNCH(transpose_kernel<uint16_t>, grid, block, 0, stream, x.rows, x.cols,
                      (const uint16_t *)x.data, x.stride, (uint16_t *)y.data, y.stride);
}
