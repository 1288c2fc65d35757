/* Sums down the columns, in two steps: each block sums a chunk of rows into its own place, then
 * chunks are added in order. So results are always the same, and long thin matrices fill the
 * device. Sums are of doubles, each the float sum of a few terms. */
#ifndef SYL_COMPUTE_CUDA_COLUMNS_CUH
#define SYL_COMPUTE_CUDA_COLUMNS_CUH

#include "lib/compute/cuda/device.cuh"

typedef enum syl_columns_kind {
    SYL_COLUMNS_PLAIN,    /* x */
    SYL_COLUMNS_SQUARES,  /* (x - mean)^2, mean of the column */
    SYL_COLUMNS_PRODUCTS, /* x y */
    SYL_COLUMNS_GRADIENTS /* two sums: y, and y (x - mean) scale */
} syl_columns_kind;

typedef struct syl_columns {
    syl_columns_kind kind;
    int64_t rows, cols;
    const float *x, *y;
    int64_t x_stride, y_stride;
    const float *stats; /* pairs of mean and scale, every row's or every column's */
    bool stats_of_rows;
} syl_columns;

/* Into how many chunks the rows are cut: enough blocks for the device, but no more partial sums
 * than a few rows' worth. A function of the shape alone, so that sums are too. */
static inline int64_t syl_column_chunks(int64_t rows, int64_t cols)
{
    int64_t strips = cols > 0 ? syl_ceil_div(cols, SYL_WARP) : 1;
    int64_t most = 1056 / syl_at_most(strips, 1056); /* 8 blocks for each of 132 processors */
    int64_t chunks = syl_at_most(syl_ceil_div(rows, 64), most < 256 ? most : 256);
    return chunks > 0 ? chunks : 1;
}

/* Doubles of one set of partial sums. */
static inline int64_t syl_column_room(int64_t rows, int64_t cols)
{
    return syl_column_chunks(rows, cols) * cols;
}

/* partial [1 or 2][chunks][cols]; kernels in sums.cu. cols > 0; rows may be 0. */
cudaError_t syl_cuda_columns(cudaStream_t stream, const syl_columns *s, double *partial);

/* The total of a column, in order. */
SYL_DEVICE double syl_column_total(const double *partial, int64_t chunks, int64_t cols, int64_t c)
{
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++)
        sum += partial[i * cols + c];
    return sum;
}

#endif
