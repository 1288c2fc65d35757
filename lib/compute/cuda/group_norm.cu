/* Group norm (Wu & He 2018) of one sequence [time][channels]. Sums run down the channels
 * (columns.cuh), a block a group joins them, and a last pass is element by element. Mean first,
 * then variance: recordings with an offset would lose it to cancellation otherwise. */
#include "lib/compute/cuda/columns.cuh"

/* work: partial [2][chunks][cols] doubles, then mean [2][cols] floats. */
size_t syl_cuda_group_norm_work(int groups, int64_t rows, int64_t cols)
{
    (void)groups;
    return (size_t)(2 * syl_column_room(rows, cols) + cols) * sizeof(double);
}

static syl_columns columns_of(syl_columns_kind kind, syl_mat x, const float *stats)
{
    syl_columns s;
    memset(&s, 0, sizeof s);
    s.kind = kind;
    s.rows = x.rows, s.cols = x.cols;
    s.x = (const float *)x.data, s.x_stride = x.stride;
    s.stats = stats;
    return s;
}

/* The sum of all partial sums of channels [c0, c0 + size), each times its channel's weight. */
SYL_DEVICE double group_total(const double *partial, int64_t chunks, int64_t cols, int64_t c0,
                              int64_t size, const float *weight)
{
    double sum = 0;
    for (int64_t i = threadIdx.x; i < size * chunks; i += blockDim.x) {
        int64_t c = c0 + i % size;
        double v = partial[i / size * cols + c];
        sum += weight ? v * weight[c] : v;
    }
    return syl_block_sum(sum);
}

/* A block a group: `which` 0 writes the mean, 1 the inverse deviation from the mean square. */
__global__ void group_stats_kernel(const double *partial, int64_t chunks, int64_t rows,
                                   int64_t cols, int64_t size, int which, float eps, float *stats)
{
    int64_t c0 = blockIdx.x * size;
    float mean =
        (float)(group_total(partial, chunks, cols, c0, size, NULL) / (double)(size * rows));
    float value = which ? 1.0f / sqrtf(mean + eps) : mean;
    for (int64_t c = threadIdx.x; c < size; c += blockDim.x)
        stats[2 * (c0 + c) + which] = value;
}

__global__ void group_norm_kernel(const float *gamma, const float *beta, const float *stats,
                                  int64_t rows, int64_t cols, const float *x, int64_t x_stride,
                                  float *y, int64_t y_stride)
{
    SYL_COVER_COLS (c, cols) {
        float mean = stats[2 * c], scale = stats[2 * c + 1] * gamma[c], shift = beta[c];
        SYL_COVER_ROWS (r, rows)
            y[r * y_stride + c] = (x[r * x_stride + c] - mean) * scale + shift;
    }
}

/* One of the two statistics of every group. */
static cudaError_t group_moment(cudaStream_t stream, int groups, syl_mat x, int which, float eps,
                                float *stats, double *partial)
{
    syl_columns s = columns_of(which ? SYL_COLUMNS_SQUARES : SYL_COLUMNS_PLAIN, x, stats);
    cudaError_t e = syl_cuda_columns(stream, &s, partial);
    if (e != cudaSuccess) return e;
    return SYL_LAUNCH(group_stats_kernel, (unsigned)groups, SYL_BLOCK, 0, stream, partial,
                      syl_column_chunks(x.rows, x.cols), x.rows, x.cols, x.cols / groups, which,
                      eps, stats);
}

cudaError_t syl_cuda_group_norm_forward(cudaStream_t stream, int groups, const float *gamma,
                                        const float *beta, float eps, syl_mat x, syl_mat y,
                                        float *stats, void *work)
{
    if (syl_empty(x)) return cudaSuccess;
    for (int which = 0; which < 2; which++) {
        cudaError_t e = group_moment(stream, groups, x, which, eps, stats, (double *)work);
        if (e != cudaSuccess) return e;
    }
    syl_launch_shape s = syl_cover(x.rows, x.cols);
    return SYL_LAUNCH(group_norm_kernel, s.grid, s.block, 0, stream, gamma, beta,
                      (const float *)stats, x.rows, x.cols, (const float *)x.data, x.stride,
                      (float *)y.data, y.stride);
}

/* ---- backward ------------------------------------------------------------------------------ */

/* A block a group. partial: of dy, then of dy z; means [2][cols]: of dy gamma and dy gamma z. */
__global__ void group_slopes_kernel(const double *partial, int64_t chunks, int64_t rows,
                                    int64_t cols, int64_t size, const float *gamma, float *means,
                                    float *dgamma, float *dbeta)
{
    int64_t c0 = blockIdx.x * size;
    double n = (double)(size * rows);
    for (int which = 0; which < 2; which++) {
        const double *sums = partial + which * chunks * cols;
        float *gradient = which ? dgamma : dbeta;
        float mean = (float)(group_total(sums, chunks, cols, c0, size, gamma) / n);
        for (int64_t c = c0 + threadIdx.x; c < c0 + size; c += blockDim.x) {
            means[which * cols + c] = mean;
            if (gradient) gradient[c] += (float)syl_column_total(sums, chunks, cols, c);
        }
    }
}

/* dx = scale (dy gamma - mean(dy gamma) - z mean(dy gamma z)). */
__global__ void group_backward_kernel(const float *gamma, const float *stats, const float *means,
                                      int64_t rows, int64_t cols, const float *x, int64_t x_stride,
                                      const float *dy, int64_t dy_stride, bool accumulate,
                                      float *dx, int64_t dx_stride)
{
    SYL_COVER_COLS (c, cols) {
        float mean = stats[2 * c], scale = stats[2 * c + 1], g = gamma[c];
        float across = means[c], along = means[cols + c];
        SYL_COVER_ROWS (r, rows) {
            float z = (x[r * x_stride + c] - mean) * scale, *to = dx + r * dx_stride + c;
            float d = scale * (dy[r * dy_stride + c] * g - across - z * along);
            *to = accumulate ? *to + d : d;
        }
    }
}

cudaError_t syl_cuda_group_norm_backward(cudaStream_t stream, int groups, const float *gamma,
                                         syl_mat x, const float *stats, syl_mat dy, bool accumulate,
                                         syl_mat dx, float *dgamma, float *dbeta, void *work)
{
    if (syl_empty(x)) return cudaSuccess;
    double *partial = (double *)work;
    float *means = (float *)(partial + 2 * syl_column_room(x.rows, x.cols));
    syl_columns sums = columns_of(SYL_COLUMNS_GRADIENTS, x, stats);
    sums.y = (const float *)dy.data, sums.y_stride = dy.stride;
    cudaError_t e = syl_cuda_columns(stream, &sums, partial);
    if (e != cudaSuccess) return e;
    e = SYL_LAUNCH(group_slopes_kernel, (unsigned)groups, SYL_BLOCK, 0, stream, partial,
                   syl_column_chunks(x.rows, x.cols), x.rows, x.cols, x.cols / groups, gamma, means,
                   dgamma, dbeta);
    if (e != cudaSuccess) return e;
    syl_launch_shape s = syl_cover(x.rows, x.cols);
    return SYL_LAUNCH(group_backward_kernel, s.grid, s.block, 0, stream, gamma, stats, means,
                      x.rows, x.cols, (const float *)x.data, x.stride, (const float *)dy.data,
                      dy.stride, accumulate, (float *)dx.data, dx.stride);
}
