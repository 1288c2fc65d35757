/* Layer, RMS and group norm with what training keeps of them, and their gradients. */
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

/* ---- over rows ------------------------------------------------------------------------- */

SYL_CLONES static void norm_row_with_stats(bool centred, const float *gamma, const float *beta,
                                           float eps, const float *x, float *y, float *stats,
                                           int64_t n)
{
    float sum = 0, squares = 0;
    if (centred) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++)
            sum += x[i];
    }
    float mean = sum / (float)n;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(squares / (float)n + eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * scale * gamma[i] + (beta ? beta[i] : 0);
    if (!stats) return;
    stats[0] = mean;
    stats[1] = scale;
}

void syl_cpu_norm_forward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, const float *beta,
                          float eps, syl_mat x, syl_mat y, float *stats)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        norm_row_with_stats(kind == SYL_LAYER_NORM, gamma, beta, eps, syl_row(x, t), syl_row(y, t),
                            stats ? stats + 2 * t : NULL, x.cols);
}

/* With u = dy gamma and z = (x - mean) scale: dx = scale (u - mean(u) - z mean(u z)). */
SYL_CLONES static void norm_backward_row(bool centred, const float *gamma, const float *x,
                                         const float *stats, const float *dy, bool accumulate,
                                         float *dx, int64_t n)
{
    float mean = stats[0], scale = stats[1], along = 0, across = 0;
#pragma omp simd reduction(+ : along, across)
    for (int64_t i = 0; i < n; i++) {
        float u = dy[i] * gamma[i];
        across += u;
        along += u * (x[i] - mean) * scale;
    }
    along /= (float)n;
    across = centred ? across / (float)n : 0;
    if (accumulate)
        for (int64_t i = 0; i < n; i++)
            dx[i] += scale * (dy[i] * gamma[i] - across - (x[i] - mean) * scale * along);
    else
        for (int64_t i = 0; i < n; i++)
            dx[i] = scale * (dy[i] * gamma[i] - across - (x[i] - mean) * scale * along);
}

/* One block of columns. stats of row t stand at stats + t step. */
SYL_CLONES static void affine_backward(syl_mat x, const float *stats, syl_mat dy, float *dgamma,
                                       float *dbeta, int64_t n)
{
    float along[SYL_COLUMN_BLOCK] = {0}, across[SYL_COLUMN_BLOCK] = {0};
    for (int64_t t = 0; t < x.rows; t++) {
        const float *v = syl_row(x, t), *d = syl_row(dy, t);
        float mean = stats[2 * t], scale = stats[2 * t + 1];
        for (int64_t c = 0; c < n; c++) {
            across[c] += d[c];
            along[c] += d[c] * (v[c] - mean) * scale;
        }
    }
    for (int64_t c = 0; c < n; c++)
        dgamma[c] += along[c];
    for (int64_t c = 0; dbeta && c < n; c++)
        dbeta[c] += across[c];
}

void syl_cpu_norm_backward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, syl_mat x,
                           const float *stats, syl_mat dy, bool accumulate, syl_mat dx,
                           float *dgamma, float *dbeta)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        norm_backward_row(kind == SYL_LAYER_NORM, gamma, syl_row(x, t), stats + 2 * t,
                          syl_row(dy, t), accumulate, syl_row(dx, t), x.cols);
    if (!dgamma) return;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t b = 0; b < syl_column_blocks(x.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(x.cols, b);
        affine_backward(syl_mat_cols(x, from, n), stats, syl_mat_cols(dy, from, n), dgamma + from,
                        dbeta ? dbeta + from : NULL, n);
    }
}

/* ---- over time and the channels of a group --------------------------------------------- */

/* For a block of columns: sum[c] = sum over time of (x - shift), or of its square. */
SYL_CLONES static void channel_moment(syl_mat x, const float *shift, int power, double *sum,
                                      int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        sum[c] = 0;
    for (int64_t t = 0; t < x.rows; t++) {
        const float *v = syl_row(x, t);
        for (int64_t c = 0; c < n; c++) {
            float d = v[c] - (shift ? shift[2 * c] : 0);
            sum[c] += power == 2 ? d * d : d;
        }
    }
}

static void channel_moments(syl_ctx *ctx, syl_mat x, const float *shift, int power, double *sums)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t b = 0; b < syl_column_blocks(x.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(x.cols, b);
        channel_moment(syl_mat_cols(x, from, n), shift ? shift + 2 * from : NULL, power,
                       sums + from, n);
    }
}

/* Sums of channels become, in place, each channel's mean over its group. */
static void group_means(double *sums, int64_t channels, int groups, int64_t rows)
{
    int64_t size = channels / groups;
    for (int64_t g = 0; g < groups; g++) {
        double sum = 0;
        for (int64_t c = g * size; c < (g + 1) * size; c++)
            sum += sums[c];
        for (int64_t c = g * size; c < (g + 1) * size; c++)
            sums[c] = sum / (double)(size * rows);
    }
}

SYL_CLONES static void group_norm_row(const float *gamma, const float *beta, const float *stats,
                                      const float *x, float *y, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        y[c] = (x[c] - stats[2 * c]) * stats[2 * c + 1] * gamma[c] + beta[c];
}

syl_status syl_cpu_group_norm_forward(syl_ctx *ctx, int groups, const float *gamma,
                                      const float *beta, float eps, syl_mat x, syl_mat y,
                                      float *stats, syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    syl_mat room;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 2, x.cols, &room, err));
    double *sums = room.data;
    channel_moments(ctx, x, NULL, 1, sums);
    group_means(sums, x.cols, groups, x.rows);
    for (int64_t c = 0; c < x.cols; c++)
        stats[2 * c] = (float)sums[c];
    channel_moments(ctx, x, stats, 2, sums);
    group_means(sums, x.cols, groups, x.rows);
    for (int64_t c = 0; c < x.cols; c++)
        stats[2 * c + 1] = 1.0f / sqrtf((float)sums[c] + eps);
    syl_ctx_release(ctx, mark);
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        group_norm_row(gamma, beta, stats, syl_row(x, t), syl_row(y, t), x.cols);
    return SYL_OK;
}

/* For a block of columns: the sums over time of dy and of dy z. */
SYL_CLONES static void channel_gradients(syl_mat x, const float *stats, syl_mat dy, double *across,
                                         double *along, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        across[c] = along[c] = 0;
    for (int64_t t = 0; t < x.rows; t++) {
        const float *v = syl_row(x, t), *d = syl_row(dy, t);
        for (int64_t c = 0; c < n; c++) {
            across[c] += d[c];
            along[c] += d[c] * ((v[c] - stats[2 * c]) * stats[2 * c + 1]);
        }
    }
}

SYL_CLONES static void group_backward_row(const float *gamma, const float *stats,
                                          const double *across, const double *along, const float *x,
                                          const float *dy, bool accumulate, float *dx, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        float z = (x[c] - stats[2 * c]) * stats[2 * c + 1];
        float d = stats[2 * c + 1] * (dy[c] * gamma[c] - (float)across[c] - z * (float)along[c]);
        dx[c] = accumulate ? dx[c] + d : d;
    }
}

syl_status syl_cpu_group_norm_backward(syl_ctx *ctx, int groups, const float *gamma, syl_mat x,
                                       const float *stats, syl_mat dy, bool accumulate, syl_mat dx,
                                       float *dgamma, float *dbeta, syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    syl_mat room;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 4, x.cols, &room, err));
    double *across = room.data, *along = across + x.cols;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t b = 0; b < syl_column_blocks(x.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(x.cols, b);
        channel_gradients(syl_mat_cols(x, from, n), stats + 2 * from, syl_mat_cols(dy, from, n),
                          across + from, along + from, n);
    }
    for (int64_t c = 0; c < x.cols; c++) {
        if (dgamma) dgamma[c] += (float)along[c];
        if (dbeta) dbeta[c] += (float)across[c];
        along[c] *= gamma[c];
        across[c] *= gamma[c];
    }
    group_means(across, x.cols, groups, x.rows);
    group_means(along, x.cols, groups, x.rows);
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        group_backward_row(gamma, stats, across, along, syl_row(x, t), syl_row(dy, t), accumulate,
                           syl_row(dx, t), x.cols);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* ---- unit rows -------------------------------------------------------------------------- */

void syl_cpu_unit_rows(syl_ctx *ctx, syl_mat x, syl_mat y, float *norms)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++) {
        const float *v = syl_row(x, t);
        float *w = syl_row(y, t);
        norms[t] = sqrtf(syl_dot(v, v, x.cols));
        float scale = norms[t] > 0 ? 1.0f / norms[t] : 0;
        for (int64_t i = 0; i < x.cols; i++)
            w[i] = v[i] * scale;
    }
}

void syl_cpu_unit_rows_backward(syl_ctx *ctx, syl_mat y, const float *norms, syl_mat dy,
                                bool accumulate, syl_mat dx)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++) {
        const float *v = syl_row(y, t), *d = syl_row(dy, t);
        float *to = syl_row(dx, t), along = syl_dot(v, d, y.cols);
        float scale = norms[t] > 0 ? 1.0f / norms[t] : 0;
        for (int64_t i = 0; i < y.cols; i++)
            to[i] = (accumulate ? to[i] : 0) + scale * (d[i] - v[i] * along);
    }
}
