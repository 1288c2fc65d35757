/* Rows of length one, and weight norm, whose unit vectors are the columns (taps). */
#include "lib/compute/cuda/columns.cuh"

__global__ void unit_rows_kernel(int64_t rows, int64_t cols, const float *x, int64_t x_stride,
                                 float *y, int64_t y_stride, float *norms)
{
    SYL_TEAM_ROWS (r, rows) {
        const float *from = x + r * x_stride;
        float sum = 0;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            sum += from[c] * from[c];
        float norm = sqrtf(syl_team_sum(sum)), scale = norm > 0 ? 1.0f / norm : 0;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            y[r * y_stride + c] = from[c] * scale;
        if (threadIdx.x == 0) norms[r] = norm;
    }
}

cudaError_t syl_cuda_unit_rows(cudaStream_t stream, syl_mat x, syl_mat y, float *norms)
{
    if (x.rows <= 0) return cudaSuccess;
    syl_launch_shape s = syl_teams(x.rows, x.cols);
    return SYL_LAUNCH(unit_rows_kernel, s.grid, s.block, 0, stream, x.rows, x.cols,
                      (const float *)x.data, x.stride, (float *)y.data, y.stride, norms);
}

/* dx = (dy - y (y . dy)) / |x|. */
__global__ void unit_rows_backward_kernel(int64_t rows, int64_t cols, const float *y,
                                          int64_t y_stride, const float *norms, const float *dy,
                                          int64_t dy_stride, bool accumulate, float *dx,
                                          int64_t dx_stride)
{
    SYL_TEAM_ROWS (r, rows) {
        const float *v = y + r * y_stride, *d = dy + r * dy_stride;
        float *to = dx + r * dx_stride, along = 0, scale = norms[r] > 0 ? 1.0f / norms[r] : 0;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            along += v[c] * d[c];
        along = syl_team_sum(along);
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            to[c] = (accumulate ? to[c] : 0) + scale * (d[c] - v[c] * along);
    }
}

cudaError_t syl_cuda_unit_rows_backward(cudaStream_t stream, syl_mat y, const float *norms,
                                        syl_mat dy, bool accumulate, syl_mat dx)
{
    if (syl_empty(y)) return cudaSuccess;
    syl_launch_shape s = syl_teams(y.rows, y.cols);
    return SYL_LAUNCH(unit_rows_backward_kernel, s.grid, s.block, 0, stream, y.rows, y.cols,
                      (const float *)y.data, y.stride, norms, (const float *)dy.data, dy.stride,
                      accumulate, (float *)dx.data, dx.stride);
}

/* ---- weight norm (Salimans & Kingma 2016) -------------------------------------------------- */

__global__ void tap_norms_kernel(const double *partial, int64_t chunks, int64_t taps, float *norms)
{
    SYL_COVER_COLS (c, taps)
        norms[c] = (float)sqrt(syl_column_total(partial, chunks, taps, c));
}

__global__ void scale_taps_kernel(const float *g, const float *norms, int64_t rows, int64_t taps,
                                  const float *v, int64_t v_stride, float *w, int64_t w_stride)
{
    SYL_COVER_COLS (c, taps) {
        float by = norms[c] > 0 ? g[c] / norms[c] : 0;
        SYL_COVER_ROWS (r, rows)
            w[r * w_stride + c] = by * v[r * v_stride + c];
    }
}

/* Partial sums over rows of a b. */
static cudaError_t tap_products(cudaStream_t stream, syl_mat a, syl_mat b, double *partial)
{
    syl_columns s;
    memset(&s, 0, sizeof s);
    s.kind = SYL_COLUMNS_PRODUCTS;
    s.rows = a.rows, s.cols = a.cols;
    s.x = (const float *)a.data, s.x_stride = a.stride;
    s.y = (const float *)b.data, s.y_stride = b.stride;
    return syl_cuda_columns(stream, &s, partial);
}

cudaError_t syl_cuda_weight_norm(cudaStream_t stream, const float *g, syl_mat v, syl_mat w,
                                 float *norms, void *work)
{
    if (syl_empty(v)) return cudaSuccess;
    const double *partial = (const double *)work;
    cudaError_t e = tap_products(stream, v, v, (double *)work);
    if (e != cudaSuccess) return e;
    e = SYL_LAUNCH(tap_norms_kernel, syl_blocks_for(v.cols), SYL_BLOCK, 0, stream, partial,
                   syl_column_chunks(v.rows, v.cols), v.cols, norms);
    if (e != cudaSuccess) return e;
    syl_launch_shape s = syl_cover(v.rows, v.cols);
    return SYL_LAUNCH(scale_taps_kernel, s.grid, s.block, 0, stream, g, (const float *)norms,
                      v.rows, v.cols, (const float *)v.data, v.stride, (float *)w.data, w.stride);
}

/* slope [taps] = sum(dw v) / |v|, which dg gains. */
__global__ void tap_slopes_kernel(const double *partial, int64_t chunks, int64_t taps,
                                  const float *norms, float *slope, float *dg)
{
    SYL_COVER_COLS (c, taps) {
        float inverse = norms[c] > 0 ? 1.0f / norms[c] : 0;
        slope[c] = (float)syl_column_total(partial, chunks, taps, c) * inverse;
        dg[c] += slope[c];
    }
}

/* With u = v / |v|: dv += g / |v| (dw - u slope). */
__global__ void taps_backward_kernel(const float *g, const float *norms, const float *slope,
                                     int64_t rows, int64_t taps, const float *v, int64_t v_stride,
                                     const float *dw, int64_t dw_stride, float *dv,
                                     int64_t dv_stride)
{
    SYL_COVER_COLS (c, taps) {
        float inverse = norms[c] > 0 ? 1.0f / norms[c] : 0;
        float by = g[c] * inverse, inward = slope[c] * inverse;
        SYL_COVER_ROWS (r, rows)
            dv[r * dv_stride + c] += by * (dw[r * dw_stride + c] - v[r * v_stride + c] * inward);
    }
}

cudaError_t syl_cuda_weight_norm_backward(cudaStream_t stream, const float *g, syl_mat v,
                                          const float *norms, syl_mat dw, float *dg, syl_mat dv,
                                          void *work)
{
    if (syl_empty(v)) return cudaSuccess;
    double *partial = (double *)work;
    float *slope = (float *)(partial + syl_column_room(v.rows, v.cols));
    cudaError_t e = tap_products(stream, dw, v, partial);
    if (e != cudaSuccess) return e;
    e = SYL_LAUNCH(tap_slopes_kernel, syl_blocks_for(v.cols), SYL_BLOCK, 0, stream,
                   (const double *)partial, syl_column_chunks(v.rows, v.cols), v.cols, norms, slope,
                   dg);
    if (e != cudaSuccess) return e;
    syl_launch_shape s = syl_cover(v.rows, v.cols);
    return SYL_LAUNCH(taps_backward_kernel, s.grid, s.block, 0, stream, g, norms,
                      (const float *)slope, v.rows, v.cols, (const float *)v.data, v.stride,
                      (const float *)dw.data, dw.stride, (float *)dv.data, dv.stride);
}
