/* The nearest centre of every row, for k-means: a tiled product in shared memory whose results are
 * compared in registers instead of being stored.
 *
 * A block has 128 rows and walks over all centres, 64 at a time, 16 columns at a time. Of 128
 * threads each has 8 rows by 8 centres: two times four of either, so that what the threads of a
 * warp read side by side is without conflicts of banks. */
#include "lib/compute/cuda/device.cuh"

#define ROWS 128
#define CENTRES 64
#define DEPTH 16
#define THREADS 128
#define ROW_STRIDE (ROWS + 4)
#define CENTRE_STRIDE (CENTRES + 4)

/* Four columns of row r of m from column c; zeros beyond its edges. */
SYL_DEVICE float4 nearest_four(syl_mat m, int64_t r, int64_t c, bool fours)
{
    float4 v = {0, 0, 0, 0};
    if (r >= m.rows || c >= m.cols) return v;
    const float *p = (const float *)m.data + r * m.stride + c;
    if (fours) return *(const float4 *)p;
    v.x = p[0];
    if (c + 1 < m.cols) v.y = p[1];
    if (c + 2 < m.cols) v.z = p[2];
    if (c + 3 < m.cols) v.w = p[3];
    return v;
}

/* Rows begin + 32 n + thread / 4 of m, four columns each: a tile read by N vectors a thread. */
template <int N>
SYL_DEVICE void nearest_fetch(syl_mat m, int64_t begin, int64_t c, bool fours, float4 v[N])
{
    SYL_UNROLL
    for (int i = 0; i < N; i++)
        v[i] = nearest_four(m, begin + 32 * i + threadIdx.x / 4, c + 4 * (threadIdx.x % 4), fours);
}

/* The same to tile [DEPTH][stride], columns becoming rows. */
template <int N> SYL_DEVICE void nearest_put(float *tile, int stride, const float4 v[N])
{
    tile += threadIdx.x % 4 * 4 * stride + threadIdx.x / 4;
    SYL_UNROLL
    for (int i = 0; i < N; i++) {
        tile[32 * i] = v[i].x;
        tile[32 * i + stride] = v[i].y;
        tile[32 * i + 2 * stride] = v[i].z;
        tile[32 * i + 3 * stride] = v[i].w;
    }
}

SYL_DEVICE void nearest_eight(const float *p, int apart, float v[8])
{
    syl_load4(p, v);
    syl_load4(p + apart, v + 4);
}

/* dot [8][8] += the tiles' product. */
SYL_DEVICE void nearest_product(const float *x, const float *c, float dot[8][8])
{
    x += threadIdx.x / 8 * 4;
    c += threadIdx.x % 8 * 4;
    SYL_UNROLL_4
    for (int k = 0; k < DEPTH; k++) {
        float a[8], b[8];
        nearest_eight(x + k * ROW_STRIDE, ROWS / 2, a);
        nearest_eight(c + k * CENTRE_STRIDE, CENTRES / 2, b);
        SYL_UNROLL
        for (int i = 0; i < 8; i++)
            SYL_UNROLL
        for (int j = 0; j < 8; j++)
            dot[i][j] += a[i] * b[j];
    }
}

/* Products of the block's rows with the centres from `first` on. What comes next is on its way
 * from memory while this is computed. */
SYL_DEVICE void nearest_scores(syl_mat x, syl_mat centres, int64_t row, int64_t first, bool x_fours,
                               bool c_fours, float *shared, float dot[8][8])
{
    float *xs = shared, *cs = shared + DEPTH * ROW_STRIDE;
    float4 xv[ROWS / 32], cv[CENTRES / 32];
    SYL_UNROLL
    for (int i = 0; i < 8; i++)
        SYL_UNROLL
    for (int j = 0; j < 8; j++)
        dot[i][j] = 0;
    nearest_fetch<ROWS / 32>(x, row, 0, x_fours, xv);
    nearest_fetch<CENTRES / 32>(centres, first, 0, c_fours, cv);
    for (int64_t c = 0; c < x.cols; c += DEPTH) {
        __syncthreads();
        nearest_put<ROWS / 32>(xs, ROW_STRIDE, xv);
        nearest_put<CENTRES / 32>(cs, CENTRE_STRIDE, cv);
        __syncthreads();
        nearest_fetch<ROWS / 32>(x, row, c + DEPTH, x_fours, xv);
        nearest_fetch<CENTRES / 32>(centres, first, c + DEPTH, c_fours, cv);
        nearest_product(xs, cs, dot);
    }
}

/* |x|^2 of a row, by the eight threads that have it. */
SYL_DEVICE float nearest_square(syl_mat x, int64_t row, bool fours)
{
    float sum = 0;
    for (int64_t c = threadIdx.x % 8 * 4; c < x.cols; c += 32) {
        float4 v = nearest_four(x, row, c, fours);
        sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
    for (int o = 4; o > 0; o /= 2)
        sum += __shfl_xor_sync(SYL_ALL_LANES, sum, o);
    return sum;
}

/* The least value of the eight threads of a row, and of equals the lowest id. */
SYL_DEVICE void nearest_least(float *value, int32_t *id)
{
    for (int o = 4; o > 0; o /= 2) {
        float v = __shfl_xor_sync(SYL_ALL_LANES, *value, o);
        int32_t n = __shfl_xor_sync(SYL_ALL_LANES, *id, o);
        bool less = v < *value || (v == *value && n < *id);
        *value = less ? v : *value;
        *id = less ? n : *id;
    }
}

/* Brings best and id [8] up to date with |c|^2 - 2 x . c. Numbers rise: of equals the first stays.
 */
SYL_DEVICE void nearest_compare(const float *squares, int64_t first, int64_t count,
                                const float dot[8][8], float best[8], int32_t id[8])
{
    SYL_UNROLL
    for (int j = 0; j < 8; j++) {
        int64_t c = first + j / 4 * (CENTRES / 2) + threadIdx.x % 8 * 4 + j % 4;
        float square = c < count ? squares[c] : INFINITY;
        SYL_UNROLL
        for (int i = 0; i < 8; i++) {
            float v = square - 2.0f * dot[i][j];
            bool less = v < best[i];
            best[i] = less ? v : best[i];
            id[i] = less ? (int32_t)c : id[i];
        }
    }
}

__global__ void __launch_bounds__(THREADS, 3)
    nearest_kernel(syl_mat x, syl_mat centres, const float *squares, bool x_fours, bool c_fours,
                   int32_t *id, float *distance)
{
    SYL_DYNAMIC_SHARED(float, shared);
    int64_t row = (int64_t)blockIdx.x * ROWS;
    float dot[8][8], best[8];
    int32_t number[8];
    SYL_UNROLL
    for (int i = 0; i < 8; i++) {
        best[i] = INFINITY;
        number[i] = 0;
    }
    for (int64_t first = 0; first < centres.rows; first += CENTRES) {
        nearest_scores(x, centres, row, first, x_fours, c_fours, shared, dot);
        nearest_compare(squares, first, centres.rows, dot, best, number);
    }
    SYL_UNROLL
    for (int i = 0; i < 8; i++) {
        int64_t r = row + i / 4 * (ROWS / 2) + threadIdx.x / 8 * 4 + i % 4;
        float square = nearest_square(x, r, x_fours);
        nearest_least(&best[i], &number[i]);
        if (threadIdx.x % 8 || r >= x.rows) continue;
        id[r] = number[i];
        distance[r] = fmaxf(0.0f, square + best[i]);
    }
}

cudaError_t syl_cuda_nearest(cudaStream_t stream, syl_mat x, syl_mat centres,
                             const float *centre_squares, int32_t *id, float *distance)
{
    if (x.rows <= 0 || centres.rows <= 0) return cudaSuccess;
    return SYL_LAUNCH(nearest_kernel, dim3((unsigned)syl_ceil_div(x.rows, ROWS), 1, 1),
                      dim3(THREADS, 1, 1), sizeof(float) * DEPTH * (ROW_STRIDE + CENTRE_STRIDE),
                      stream, x, centres, centre_squares, syl_fours(x), syl_fours(centres), id,
                      distance);
}
