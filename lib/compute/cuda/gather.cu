/* Rows picked by number, sums back into them, and rows times a scalar of their own. */
#include "lib/compute/cuda/device.cuh"

/* Rows are copied as bits, in the largest unit that fits. Widths and strides count units. */
template <typename U>
__global__ void gather_kernel(const U *table, int64_t table_stride, const int32_t *ids, U *y,
                              int64_t rows, int64_t units, int64_t y_stride)
{
    SYL_COVER_ROWS (r, rows) {
        int64_t id = ids[r];
        SYL_COVER_COLS (c, units) {
            U u;
            syl_clear(&u);
            if (id >= 0) u = table[id * table_stride + c];
            y[r * y_stride + c] = u;
        }
    }
}

template <typename U>
static cudaError_t gather_units(cudaStream_t stream, syl_mat table, const int32_t *ids, syl_mat y)
{
    int64_t per = sizeof(U) / (y.dtype == SYL_F32 ? 4 : 2), units = y.cols / per;
    syl_launch_shape s = syl_cover(y.rows, units);
    return SYL_LAUNCH(gather_kernel<U>, s.grid, s.block, 0, stream, (const U *)table.data,
                      table.stride / per, ids, (U *)y.data, y.rows, units, y.stride / per);
}

cudaError_t syl_cuda_gather(cudaStream_t stream, syl_mat table, const int32_t *ids, syl_mat y)
{
    int64_t per = y.dtype == SYL_F32 ? 4 : 8;
    if (syl_empty(y)) return cudaSuccess;
    if (y.cols % per == 0 && y.stride % per == 0 && table.stride % per == 0 &&
        syl_aligned(y.data, 16) && syl_aligned(table.data, 16))
        return gather_units<float4>(stream, table, ids, y);
    if (y.dtype == SYL_F32) return gather_units<float>(stream, table, ids, y);
    return gather_units<uint16_t>(stream, table, ids, y);
}

/* ---- back into the rows -------------------------------------------------------------------- */

/* One thread owns the V elements that it sums, so that the order is the CPU's. */
template <int V>
__global__ void scatter_segments_kernel(const int32_t *order, const int32_t *segment_row,
                                        const int32_t *segment_begin, int64_t segments,
                                        const float *dy, int64_t dy_stride, float *dtable,
                                        int64_t table_stride, int64_t cols)
{
    SYL_COVER_ROWS (s, segments) {
        int32_t end = segment_begin[s + 1];
        if (segment_begin[s] == end) continue; /* its row may be another segment's */
        float *row = dtable + segment_row[s] * table_stride;
        SYL_COVER_COLS (i, cols / V) {
            float sum[V], d[V];
            syl_load_some<V>(row + i * V, sum);
            SYL_UNROLL_4
            for (int32_t j = segment_begin[s]; j < end; j++) {
                syl_load_some<V>(dy + order[j] * dy_stride + i * V, d);
                for (int k = 0; k < V; k++)
                    sum[k] += d[k];
            }
            syl_store_some<V>(row + i * V, sum);
        }
    }
}

cudaError_t syl_cuda_scatter_segments(cudaStream_t stream, const int32_t *order,
                                      const int32_t *segment_row, const int32_t *segment_begin,
                                      int64_t segments, syl_mat dy, syl_mat dtable)
{
    if (segments <= 0 || dy.cols <= 0) return cudaSuccess;
    const float *from = (const float *)dy.data;
    float *to = (float *)dtable.data;
    if (syl_fours(dy) && syl_fours(dtable)) {
        syl_launch_shape s = syl_cover(segments, dy.cols / 4);
        return SYL_LAUNCH(scatter_segments_kernel<4>, s.grid, s.block, 0, stream, order,
                          segment_row, segment_begin, segments, from, dy.stride, to, dtable.stride,
                          dy.cols);
    }
    syl_launch_shape s = syl_cover(segments, dy.cols);
    return SYL_LAUNCH(scatter_segments_kernel<1>, s.grid, s.block, 0, stream, order, segment_row,
                      segment_begin, segments, from, dy.stride, to, dtable.stride, dy.cols);
}

/* ---- rows and scalars ---------------------------------------------------------------------- */

__global__ void row_dots_kernel(int64_t rows, int64_t cols, const float *x, int64_t x_stride,
                                const float *w, int64_t w_stride, float *y, int64_t y_stride)
{
    SYL_TEAM_ROWS (r, rows) {
        float sum = 0;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            sum += x[r * x_stride + c] * w[r * w_stride + c];
        sum = syl_team_sum(sum);
        if (threadIdx.x == 0) y[r * y_stride] = sum;
    }
}

cudaError_t syl_cuda_row_dots(cudaStream_t stream, syl_mat x, syl_mat w, syl_mat y)
{
    if (x.rows <= 0) return cudaSuccess;
    syl_launch_shape s = syl_teams(x.rows, x.cols);
    return SYL_LAUNCH(row_dots_kernel, s.grid, s.block, 0, stream, x.rows, x.cols,
                      (const float *)x.data, x.stride, (const float *)w.data, w.stride,
                      (float *)y.data, y.stride);
}

template <int V>
__global__ void scaled_rows_kernel(int64_t rows, int64_t cols, const float *by, int64_t by_stride,
                                   const float *x, int64_t x_stride, bool accumulate, float *y,
                                   int64_t y_stride)
{
    SYL_COVER_ROWS (r, rows) {
        float scale = by[r * by_stride];
        SYL_COVER_COLS (i, cols / V) {
            float v[V], w[V] = {};
            syl_load_some<V>(x + r * x_stride + i * V, v);
            if (accumulate) syl_load_some<V>(y + r * y_stride + i * V, w);
            for (int k = 0; k < V; k++)
                w[k] = accumulate ? w[k] + scale * v[k] : scale * v[k];
            syl_store_some<V>(y + r * y_stride + i * V, w);
        }
    }
}

cudaError_t syl_cuda_add_scaled_rows(cudaStream_t stream, syl_mat by, syl_mat x, bool accumulate,
                                     syl_mat y)
{
    if (syl_empty(x)) return cudaSuccess;
    const float *scale = (const float *)by.data, *from = (const float *)x.data;
    float *to = (float *)y.data;
    if (syl_fours(x) && syl_fours(y)) {
        syl_launch_shape s = syl_cover(x.rows, x.cols / 4);
        return SYL_LAUNCH(scaled_rows_kernel<4>, s.grid, s.block, 0, stream, x.rows, x.cols, scale,
                          by.stride, from, x.stride, accumulate, to, y.stride);
    }
    syl_launch_shape s = syl_cover(x.rows, x.cols);
    return SYL_LAUNCH(scaled_rows_kernel<1>, s.grid, s.block, 0, stream, x.rows, x.cols, scale,
                      by.stride, from, x.stride, accumulate, to, y.stride);
}
