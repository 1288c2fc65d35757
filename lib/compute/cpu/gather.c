/* Rows picked by number, and dropout. */
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/training.h"

void syl_cpu_gather(syl_ctx *ctx, syl_mat table, const int32_t *ids, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++) {
        size_t bytes = (size_t)y.cols * syl_dtype_size(y.dtype);
        if (ids[t] < 0)
            memset(syl_mat_rows(y, t, 1).data, 0, bytes);
        else
            memcpy(syl_mat_rows(y, t, 1).data, syl_mat_rows(table, ids[t], 1).data, bytes);
    }
}

/* Blocks of columns, because two ids may be one row. */
void syl_cpu_scatter_add(syl_ctx *ctx, const int32_t *ids, syl_mat dy, syl_mat dtable)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(dy))
    for (int64_t b = 0; b < syl_column_blocks(dy.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(dy.cols, b);
        for (int64_t t = 0; t < dy.rows; t++)
            if (ids[t] >= 0)
                syl_scale_row(1, syl_row(dy, t) + from, true, syl_row(dtable, ids[t]) + from, n);
    }
}

void syl_dropout_row(uint64_t seed, uint64_t stream, uint64_t at, float p, const float *x,
                     bool accumulate, float *y, int64_t n)
{
    uint32_t limit = (uint32_t)(p * 4294967296.0), word[4];
    float scale = 1.0f / (1.0f - p);
    uint64_t have = UINT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        uint64_t element = at + (uint64_t)i;
        if (element / 4 != have) syl_philox(seed, stream, have = element / 4, word);
        float kept = word[element % 4] >= limit ? x[i] * scale : 0;
        y[i] = accumulate ? y[i] + kept : kept;
    }
}

void syl_cpu_dropout(syl_ctx *ctx, uint64_t seed, uint64_t stream, float p, syl_mat x,
                     bool accumulate, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        syl_dropout_row(seed, stream, (uint64_t)(t * x.cols), p, syl_row(x, t), accumulate,
                        syl_row(y, t), x.cols);
}

void syl_cpu_row_dots(syl_ctx *ctx, syl_mat x, syl_mat w, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        *syl_row(y, t) = syl_dot(syl_row(x, t), syl_row(w, t), x.cols);
}

void syl_cpu_add_scaled_rows(syl_ctx *ctx, syl_mat by, syl_mat x, bool accumulate, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        syl_scale_row(*syl_row(by, t), syl_row(x, t), accumulate, syl_row(y, t), x.cols);
}
