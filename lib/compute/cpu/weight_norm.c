/* Weight norm over all but the last dimension. v is [rows][taps]. */
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

/* For a block of taps: sums[c] = sum over rows of a b. */
SYL_CLONES static void tap_products(syl_mat a, syl_mat b, double *sums, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        sums[c] = 0;
    for (int64_t r = 0; r < a.rows; r++)
        for (int64_t c = 0; c < n; c++)
            sums[c] += syl_row(a, r)[c] * syl_row(b, r)[c];
}

SYL_CLONES static void scale_taps(const float *by, const float *x, float *y, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        y[c] = by[c] * x[c];
}

/* One block of taps; at most SYL_COLUMN_BLOCK of them. */
static void norm_block(const float *g, syl_mat v, syl_mat w, float *norms)
{
    double sums[SYL_COLUMN_BLOCK];
    float by[SYL_COLUMN_BLOCK];
    tap_products(v, v, sums, v.cols);
    for (int64_t c = 0; c < v.cols; c++) {
        norms[c] = (float)sqrt(sums[c]);
        by[c] = norms[c] > 0 ? g[c] / norms[c] : 0;
    }
    for (int64_t r = 0; r < v.rows; r++)
        scale_taps(by, syl_row(v, r), syl_row(w, r), v.cols);
}

void syl_cpu_weight_norm(syl_ctx *ctx, const float *g, syl_mat v, syl_mat w, float *norms)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(v))
    for (int64_t b = 0; b < syl_column_blocks(v.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(v.cols, b);
        norm_block(g + from, syl_mat_cols(v, from, n), syl_mat_cols(w, from, n), norms + from);
    }
}

/* With u = v / |v|: dg = sum(dw u), dv = g / |v| (dw - u dg). */
SYL_CLONES static void backward_block(const float *g, syl_mat v, const float *norms, syl_mat dw,
                                      float *dg, syl_mat dv)
{
    double sums[SYL_COLUMN_BLOCK];
    float slope[SYL_COLUMN_BLOCK], inward[SYL_COLUMN_BLOCK];
    tap_products(dw, v, sums, v.cols);
    for (int64_t c = 0; c < v.cols; c++) {
        float inverse = norms[c] > 0 ? 1.0f / norms[c] : 0, d = (float)sums[c] * inverse;
        dg[c] += d;
        slope[c] = g[c] * inverse;
        inward[c] = d * inverse;
    }
    for (int64_t r = 0; r < v.rows; r++) {
        const float *from = syl_row(dw, r), *at = syl_row(v, r);
        float *to = syl_row(dv, r);
        for (int64_t c = 0; c < v.cols; c++)
            to[c] += slope[c] * (from[c] - at[c] * inward[c]);
    }
}

void syl_cpu_weight_norm_backward(syl_ctx *ctx, const float *g, syl_mat v, const float *norms,
                                  syl_mat dw, float *dg, syl_mat dv)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(v))
    for (int64_t b = 0; b < syl_column_blocks(v.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(v.cols, b);
        backward_block(g + from, syl_mat_cols(v, from, n), norms + from, syl_mat_cols(dw, from, n),
                       dg + from, syl_mat_cols(dv, from, n));
    }
}
