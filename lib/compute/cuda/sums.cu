/* Sums over rows, over everything, and of the doubles that losses leave. No atomics: see
 * columns.cuh. */
#include "lib/compute/cuda/columns.cuh"

#define DOWN 8   /* rows of threads in a block of column sums */
#define FLUSH 32 /* floats added up before they go into the double */
#define SQUARE_BLOCKS 1024

SYL_DEVICE void column_terms(const syl_columns &s, int64_t r, int64_t c, float *first,
                             float *second)
{
    float x = s.kind == SYL_COLUMNS_GRADIENTS ? 0 : s.x[r * s.x_stride + c];
    if (s.kind == SYL_COLUMNS_PLAIN) *first += x;
    if (s.kind == SYL_COLUMNS_PRODUCTS) *first += x * s.y[r * s.y_stride + c];
    if (s.kind == SYL_COLUMNS_SQUARES) {
        float d = x - s.stats[2 * c];
        *first += d * d;
    }
    if (s.kind == SYL_COLUMNS_GRADIENTS) {
        const float *stats = s.stats + 2 * (s.stats_of_rows ? r : c);
        float d = s.y[r * s.y_stride + c];
        *first += d;
        *second += d * ((s.x[r * s.x_stride + c] - stats[0]) * stats[1]);
    }
}

/* Blocks of (32, DOWN): block (chunk, strip) sums a chunk of rows over 32 columns. */
__global__ void columns_kernel(syl_columns s, int64_t chunk_rows, double *partial)
{
    __shared__ double sums[2][DOWN][SYL_WARP];
    int64_t chunks = gridDim.x, begin = blockIdx.x * chunk_rows, end = begin + chunk_rows;
    if (end > s.rows) end = s.rows;
    for (int64_t c0 = (int64_t)blockIdx.y * SYL_WARP; c0 < s.cols;
         c0 += (int64_t)gridDim.y * SYL_WARP) {
        int64_t c = c0 + threadIdx.x;
        double first = 0, second = 0;
        for (int64_t r = begin + threadIdx.y; c < s.cols && r < end;) {
            float a = 0, b = 0;
            SYL_UNROLL_4
            for (int k = 0; k < FLUSH && r < end; k++, r += DOWN)
                column_terms(s, r, c, &a, &b);
            first += a;
            second += b;
        }
        sums[0][threadIdx.y][threadIdx.x] = first;
        sums[1][threadIdx.y][threadIdx.x] = second;
        __syncthreads();
        int which = threadIdx.y; /* row 0 of threads adds up the first sum, row 1 the second */
        if (c < s.cols && which < (s.kind == SYL_COLUMNS_GRADIENTS ? 2 : 1)) {
            double sum = 0;
            for (int k = 0; k < DOWN; k++)
                sum += sums[which][k][threadIdx.x];
            partial[(which * chunks + blockIdx.x) * s.cols + c] = sum;
        }
        __syncthreads();
    }
}

cudaError_t syl_cuda_columns(cudaStream_t stream, const syl_columns *s, double *partial)
{
    int64_t chunks = syl_column_chunks(s->rows, s->cols);
    dim3 grid((unsigned)chunks, (unsigned)syl_at_most(syl_ceil_div(s->cols, SYL_WARP), 65535), 1);
    return SYL_LAUNCH(columns_kernel, grid, dim3(SYL_WARP, DOWN, 1), 0, stream, *s,
                      syl_ceil_div(s->rows, chunks), partial);
}

size_t syl_cuda_sum_work(int64_t rows, int64_t cols)
{
    int64_t doubles = syl_column_room(rows, cols) + cols;
    return (size_t)(doubles > SQUARE_BLOCKS ? doubles : SQUARE_BLOCKS) * sizeof(double);
}

/* ---- column sums --------------------------------------------------------------------------- */

__global__ void add_totals_kernel(const double *partial, int64_t chunks, int64_t cols, float *sums)
{
    SYL_COVER_COLS (c, cols)
        sums[c] += (float)syl_column_total(partial, chunks, cols, c);
}

cudaError_t syl_cuda_column_sums(cudaStream_t stream, syl_mat x, float *sums, void *work)
{
    if (syl_empty(x)) return cudaSuccess;
    syl_columns s;
    memset(&s, 0, sizeof s);
    s.kind = SYL_COLUMNS_PLAIN;
    s.rows = x.rows, s.cols = x.cols;
    s.x = (const float *)x.data, s.x_stride = x.stride;
    double *partial = (double *)work;
    cudaError_t e = syl_cuda_columns(stream, &s, partial);
    if (e != cudaSuccess) return e;
    return SYL_LAUNCH(add_totals_kernel, syl_blocks_for(x.cols), SYL_BLOCK, 0, stream, partial,
                      syl_column_chunks(x.rows, x.cols), x.cols, sums);
}

/* ---- sums over everything ------------------------------------------------------------------ */

/* x is read by fours from its first aligned element on; block 0 takes the rest. */
__global__ void squares_kernel(const float *x, int64_t n, int64_t lead, double *partial)
{
    double sum = 0;
    int64_t fours = (n - lead) / 4, tail = lead + fours * 4;
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    SYL_UNROLL_4
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < fours; i += step) {
        float v[4];
        syl_load4(x + lead + 4 * i, v);
        sum += v[0] * v[0] + v[1] * v[1] + (v[2] * v[2] + v[3] * v[3]);
    }
    if (blockIdx.x == 0 && threadIdx.x < lead) sum += x[threadIdx.x] * x[threadIdx.x];
    if (blockIdx.x == 0 && threadIdx.x < n - tail)
        sum += x[tail + threadIdx.x] * x[tail + threadIdx.x];
    sum = syl_block_sum(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

#define MOST_THREADS 1024 /* of the one block below: without the bound they might lack registers */

__global__ void __launch_bounds__(MOST_THREADS) sum_doubles_kernel(const double *x, int64_t n, double *sum)
{
    double s = 0;
    SYL_UNROLL_4
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x)
        s += x[i];
    s = syl_block_sum(s);
    if (threadIdx.x == 0) *sum = s;
}

cudaError_t syl_cuda_sum_doubles(cudaStream_t stream, const double *x, int64_t n, double *sum)
{
    unsigned threads = n > 4096 ? MOST_THREADS : SYL_BLOCK;
    return SYL_LAUNCH(sum_doubles_kernel, 1, threads, 0, stream, x, n, sum);
}

cudaError_t syl_cuda_sum_squares(cudaStream_t stream, const float *x, int64_t n, double *sum,
                                 void *work)
{
    int64_t lead = (int64_t)((16 - (uintptr_t)x % 16) % 16 / sizeof(float));
    int64_t blocks = syl_at_most(syl_ceil_div(n, 4 * SYL_BLOCK), SQUARE_BLOCKS);
    if (blocks < 1) blocks = 1; /* of nothing: still a zero to write */
    cudaError_t e = SYL_LAUNCH(squares_kernel, (unsigned)blocks, SYL_BLOCK, 0, stream, x, n,
                               syl_at_most(lead, n), (double *)work);
    if (e != cudaSuccess) return e;
    return syl_cuda_sum_doubles(stream, (const double *)work, blocks, sum);
}
