/* Rotary positions (Su et al. 2021) and gradients of gated products. */
#include "lib/compute/cuda/device.cuh"

typedef struct rotation {
    int64_t rows, pairs; /* pairs of all heads of a row */
    int64_t per_head, x_stride, turn_stride;
    bool adjacent;
    float sign; /* -1 turns back */
} rotation;

/* A thread a pair. */
__global__ void __launch_bounds__(SYL_BLOCK)
    rotate_kernel(rotation p, const float *turns, const int32_t *position, float *x)
{
    SYL_COVER_ROWS (r, p.rows) {
        const float *turn = turns + position[r] * p.turn_stride;
        SYL_COVER_COLS (i, p.pairs) {
            int64_t head = i / p.per_head, pair = i % p.per_head;
            float *first = x + r * p.x_stride + head * 2 * p.per_head;
            first += p.adjacent ? 2 * pair : pair;
            float *second = first + (p.adjacent ? 1 : p.per_head);
            float a = *first, b = *second, c = turn[2 * pair], s = p.sign * turn[2 * pair + 1];
            *first = a * c - b * s;
            *second = a * s + b * c;
        }
    }
}

cudaError_t syl_cuda_rotate(cudaStream_t stream, syl_mat turns, const int32_t *position,
                            bool adjacent, bool back, syl_mat x)
{
    if (syl_empty(x) || turns.cols < 2) return cudaSuccess;
    rotation p;
    memset(&p, 0, sizeof p);
    p.rows = x.rows, p.pairs = x.cols / 2, p.per_head = turns.cols / 2;
    p.x_stride = x.stride, p.turn_stride = turns.stride;
    p.adjacent = adjacent;
    p.sign = back ? -1.0f : 1.0f;
    syl_launch_shape s = syl_cover(p.rows, p.pairs);
    return SYL_LAUNCH(rotate_kernel, s.grid, s.block, 0, stream, p, (const float *)turns.data,
                      position, (float *)x.data);
}

/* ---- gated products ------------------------------------------------------------------------ */

typedef struct gate {
    syl_function f;
    bool accumulate;
    int64_t rows, cols, a_stride, b_stride, dy_stride, da_stride, db_stride;
} gate;

template <int V>
__global__ void gated_backward_kernel(gate p, const float *a, const float *b, const float *dy,
                                      float *da, float *db)
{
    SYL_COVER_ROWS (r, p.rows)
        SYL_COVER_COLS (i, p.cols / V) {
            int64_t c = i * V;
            float u[V], v[V], d[V], old_a[V] = {}, old_b[V] = {};
            float *to_a = da + r * p.da_stride + c, *to_b = db + r * p.db_stride + c;
            syl_load_some<V>(a + r * p.a_stride + c, u);
            syl_load_some<V>(b + r * p.b_stride + c, v);
            syl_load_some<V>(dy + r * p.dy_stride + c, d);
            if (p.accumulate) {
                syl_load_some<V>(to_a, old_a);
                syl_load_some<V>(to_b, old_b);
            }
            for (int k = 0; k < V; k++) {
                old_a[k] += syl_function_slope(p.f, u[k]) * v[k] * d[k];
                old_b[k] += syl_function_value(p.f, u[k]) * d[k];
            }
            syl_store_some<V>(to_a, old_a);
            syl_store_some<V>(to_b, old_b);
        }
}

cudaError_t syl_cuda_gated_backward(cudaStream_t stream, syl_function f, syl_mat a, syl_mat b,
                                    syl_mat dy, bool accumulate, syl_mat da, syl_mat db)
{
    if (syl_empty(a)) return cudaSuccess;
    bool fours = syl_fours(a) && syl_fours(b) && syl_fours(dy) && syl_fours(da) && syl_fours(db);
    gate p = {f, accumulate, a.rows, a.cols, a.stride, b.stride, dy.stride, da.stride, db.stride};
    const float *of_a = (const float *)a.data, *of_b = (const float *)b.data;
    const float *slope = (const float *)dy.data;
    float *to_a = (float *)da.data, *to_b = (float *)db.data;
    if (fours) {
        syl_launch_shape s = syl_cover(a.rows, a.cols / 4);
        return SYL_LAUNCH(gated_backward_kernel<4>, s.grid, s.block, 0, stream, p, of_a, of_b,
                          slope, to_a, to_b);
    }
    syl_launch_shape s = syl_cover(a.rows, a.cols);
    return SYL_LAUNCH(gated_backward_kernel<1>, s.grid, s.block, 0, stream, p, of_a, of_b, slope,
                      to_a, to_b);
}
