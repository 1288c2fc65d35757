/* Layer norm (Ba et al. 2016) and RMS norm (Zhang & Sennrich 2019) over rows. A team works at a
 * row and passes over it again for each of mean, variance and result: the first pass brings the
 * row into the L1 cache, and two passes keep the variance of rows far from zero exact. */
#include "lib/compute/cuda/columns.cuh"

typedef struct norm_plan {
    bool centred, accumulate;
    syl_act act;
    float eps;
    const float *gamma, *beta;
    int64_t rows, cols, x_stride, y_stride, dy_stride;
} norm_plan;

template <typename X, int V>
SYL_DEVICE float deviation_sum(const X *row, int64_t cols, float mean, bool squared)
{
    float sum = 0;
    for (int64_t i = threadIdx.x; i < cols / V; i += blockDim.x) {
        float v[V];
        syl_load_some<V>(row + i * V, v);
        for (int k = 0; k < V; k++) {
            float d = v[k] - mean;
            sum += squared ? d * d : d;
        }
    }
    return syl_team_sum(sum);
}

template <typename X, typename Y, int V>
__global__ void norm_kernel(norm_plan p, const X *x, Y *y, float *stats)
{
    SYL_TEAM_ROWS (r, p.rows) {
        const X *row = x + r * p.x_stride;
        float n = (float)p.cols;
        float mean = p.centred ? deviation_sum<X, V>(row, p.cols, 0, false) / n : 0;
        float scale = 1.0f / sqrtf(deviation_sum<X, V>(row, p.cols, mean, true) / n + p.eps);
        for (int64_t i = threadIdx.x; i < p.cols / V; i += blockDim.x) {
            float v[V], gamma[V], beta[V] = {};
            syl_load_some<V>(row + i * V, v);
            syl_load_some<V>(p.gamma + i * V, gamma);
            if (p.beta) syl_load_some<V>(p.beta + i * V, beta);
            for (int k = 0; k < V; k++) {
                v[k] = (v[k] - mean) * scale * gamma[k] + beta[k];
                if (p.act == SYL_ACT_GELU) v[k] = syl_gelu_exact(v[k]);
            }
            syl_store_some<V>(y + r * p.y_stride + i * V, v);
        }
        if (stats && threadIdx.x == 0) {
            stats[2 * r] = mean;
            stats[2 * r + 1] = scale;
        }
    }
}

template <typename X, typename Y>
static cudaError_t norm_typed(cudaStream_t stream, norm_plan p, bool fours, const X *x, Y *y,
                              float *stats)
{
    syl_launch_shape s = syl_teams(p.rows, p.cols);
    if (fours)
        return SYL_LAUNCH((norm_kernel<X, Y, 4>), s.grid, s.block, 0, stream, p, x, y, stats);
    return SYL_LAUNCH((norm_kernel<X, Y, 1>), s.grid, s.block, 0, stream, p, x, y, stats);
}

cudaError_t syl_cuda_norm_forward(cudaStream_t stream, syl_norm_kind kind, const float *gamma,
                                  const float *beta, float eps, syl_mat x, syl_act act, syl_mat y,
                                  float *stats)
{
    if (syl_empty(x)) return cudaSuccess;
    norm_plan p;
    memset(&p, 0, sizeof p);
    p.centred = kind == SYL_LAYER_NORM;
    p.act = act;
    p.eps = eps;
    p.gamma = gamma, p.beta = beta;
    p.rows = x.rows, p.cols = x.cols, p.x_stride = x.stride, p.y_stride = y.stride;
    bool fours = syl_fours(x) && syl_fours(y) && syl_aligned(gamma, 16) && syl_aligned(beta, 16);
    if (x.dtype == SYL_F32 && y.dtype == SYL_F32)
        return norm_typed(stream, p, fours, (const float *)x.data, (float *)y.data, stats);
    if (x.dtype == SYL_F32)
        return norm_typed(stream, p, fours, (const float *)x.data, (uint16_t *)y.data, stats);
    if (y.dtype == SYL_F32)
        return norm_typed(stream, p, fours, (const uint16_t *)x.data, (float *)y.data, stats);
    return norm_typed(stream, p, fours, (const uint16_t *)x.data, (uint16_t *)y.data, stats);
}

/* ---- backward ------------------------------------------------------------------------------ */

/* With u = dy gamma and z = (x - mean) scale: dx = scale (u - mean(u) - z mean(u z)). y_stride is
 * of dx. */
template <int V>
__global__ void norm_backward_kernel(norm_plan p, const float *x, const float *stats,
                                     const float *dy, float *dx)
{
    SYL_TEAM_ROWS (r, p.rows) {
        const float *row = x + r * p.x_stride, *slope = dy + r * p.dy_stride;
        float mean = stats[2 * r], scale = stats[2 * r + 1], across = 0, along = 0;
        float v[V], d[V], gamma[V];
        for (int64_t i = threadIdx.x; i < p.cols / V; i += blockDim.x) {
            syl_load_some<V>(row + i * V, v);
            syl_load_some<V>(slope + i * V, d);
            syl_load_some<V>(p.gamma + i * V, gamma);
            for (int k = 0; k < V; k++) {
                across += d[k] * gamma[k];
                along += d[k] * gamma[k] * (v[k] - mean) * scale;
            }
        }
        along = syl_team_sum(along) / (float)p.cols;
        across = p.centred ? syl_team_sum(across) / (float)p.cols : 0;
        for (int64_t i = threadIdx.x; i < p.cols / V; i += blockDim.x) {
            float *to = dx + r * p.y_stride + i * V, old[V] = {};
            syl_load_some<V>(row + i * V, v);
            syl_load_some<V>(slope + i * V, d);
            syl_load_some<V>(p.gamma + i * V, gamma);
            if (p.accumulate) syl_load_some<V>(to, old);
            for (int k = 0; k < V; k++)
                old[k] += scale * (d[k] * gamma[k] - across - (v[k] - mean) * scale * along);
            syl_store_some<V>(to, old);
        }
    }
}

/* partial [2][chunks][cols]: of dy, then of dy z. Either gradient may be NULL. */
__global__ void norm_affine_kernel(const double *partial, int64_t chunks, int64_t cols,
                                   float *dgamma, float *dbeta)
{
    SYL_COVER_COLS (c, cols) {
        if (dbeta) dbeta[c] += (float)syl_column_total(partial, chunks, cols, c);
        if (dgamma) dgamma[c] += (float)syl_column_total(partial + chunks * cols, chunks, cols, c);
    }
}

size_t syl_cuda_norm_work(int64_t rows, int64_t cols)
{
    return (size_t)(2 * syl_column_room(rows, cols)) * sizeof(double);
}

static cudaError_t affine_backward(cudaStream_t stream, syl_mat x, const float *stats, syl_mat dy,
                                   float *dgamma, float *dbeta, double *partial)
{
    syl_columns s;
    memset(&s, 0, sizeof s);
    s.kind = SYL_COLUMNS_GRADIENTS;
    s.rows = x.rows, s.cols = x.cols;
    s.x = (const float *)x.data, s.x_stride = x.stride;
    s.y = (const float *)dy.data, s.y_stride = dy.stride;
    s.stats = stats;
    s.stats_of_rows = true;
    cudaError_t e = syl_cuda_columns(stream, &s, partial);
    if (e != cudaSuccess) return e;
    return SYL_LAUNCH(norm_affine_kernel, syl_blocks_for(x.cols), SYL_BLOCK, 0, stream, partial,
                      syl_column_chunks(x.rows, x.cols), x.cols, dgamma, dbeta);
}

/* The parameters first: dx may then be dy. */
cudaError_t syl_cuda_norm_backward(cudaStream_t stream, syl_norm_kind kind, const float *gamma,
                                   syl_mat x, const float *stats, syl_mat dy, bool accumulate,
                                   syl_mat dx, float *dgamma, float *dbeta, void *work)
{
    if (syl_empty(x)) return cudaSuccess;
    if (dgamma || dbeta) {
        cudaError_t e = affine_backward(stream, x, stats, dy, dgamma, dbeta, (double *)work);
        if (e != cudaSuccess) return e;
    }
    norm_plan p;
    memset(&p, 0, sizeof p);
    p.centred = kind == SYL_LAYER_NORM;
    p.accumulate = accumulate;
    p.gamma = gamma;
    p.rows = x.rows, p.cols = x.cols;
    p.x_stride = x.stride, p.dy_stride = dy.stride, p.y_stride = dx.stride;
    const float *from = (const float *)x.data, *slope = (const float *)dy.data;
    float *to = (float *)dx.data;
    syl_launch_shape s = syl_teams(p.rows, p.cols);
    if (syl_fours(x) && syl_fours(dy) && syl_fours(dx) && syl_aligned(gamma, 16))
        return SYL_LAUNCH(norm_backward_kernel<4>, s.grid, s.block, 0, stream, p, from, stats,
                          slope, to);
    return SYL_LAUNCH(norm_backward_kernel<1>, s.grid, s.block, 0, stream, p, from, stats, slope,
                      to);
}
