/* Losses: one double a row, summed up in order on the device and waited for. */
#include <math.h>

#include "lib/compute/cuda/cuda.h"

/* What a returned sum is when anything failed. */
static double result(cuda_ctx *ctx, size_t mark, syl_status status, const syl_error *err,
                     double sum)
{
    cuda_ctx_note(ctx, status, err);
    ctx->top = mark;
    return status == SYL_OK ? sum : (double)NAN;
}

/* A double a row, and their sum behind them. */
static syl_status take_rows(cuda_ctx *ctx, int64_t rows, double **out, syl_error *err)
{
    void *room;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_take(ctx, (size_t)(rows + 1) * sizeof(double), &room, err));
    *out = room;
    return SYL_OK;
}

/* In a recording there is no sum yet. */
static syl_status get_sum(cuda_ctx *ctx, const double *from, double *sum, syl_error *err)
{
    *sum = 0;
    return ctx->recording ? cuda_recording_keep(ctx, from, err)
                          : cuda_fetch(ctx, from, sum, sizeof *sum, err);
}

static syl_status add_up(cuda_ctx *ctx, double *row_loss, int64_t rows, double *sum, syl_error *err)
{
    CUDA_TRY("a loss", syl_cuda_sum_doubles(ctx->compute, row_loss, rows, row_loss + rows));
    return get_sum(ctx, row_loss + rows, sum, err);
}

static syl_status sum_squares(cuda_ctx *ctx, const float *x, int64_t n, double *sum, syl_error *err)
{
    double *room;
    void *work;
    SYL_TRY(take_rows(ctx, 0, &room, err));
    SYL_TRY(cuda_take(ctx, syl_cuda_sum_work(n, 1), &work, err));
    CUDA_TRY("a sum of squares", syl_cuda_sum_squares(ctx->compute, x, n, room, work));
    return get_sum(ctx, room, sum, err);
}

double cuda_op_sum_squares(syl_ctx *base, const float *x, int64_t n)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    syl_error err;
    double sum = 0;
    syl_status status = sum_squares(ctx, x, n, &sum, &err);
    return result(ctx, mark, status, &err, sum);
}

static syl_status squared_error(cuda_ctx *ctx, syl_mat x, syl_mat target, float scale, syl_mat dx,
                                double *sum, syl_error *err)
{
    double *rows;
    SYL_TRY(take_rows(ctx, x.rows, &rows, err));
    CUDA_TRY("a loss", syl_cuda_squared_error(ctx->compute, x, target, scale, dx, rows));
    return add_up(ctx, rows, x.rows, sum, err);
}

double cuda_op_squared_error(syl_ctx *base, syl_mat x, syl_mat target, float scale, syl_mat dx)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    syl_error err;
    double sum = 0;
    syl_status status = squared_error(ctx, x, target, scale, dx, &sum, &err);
    return result(ctx, mark, status, &err, sum);
}

static syl_status cross_entropy(cuda_ctx *ctx, syl_mat logits, const int32_t *target, float scale,
                                syl_mat dlogits, double *sum, syl_error *err)
{
    double *rows;
    void *sent;
    SYL_TRY(take_rows(ctx, logits.rows, &rows, err));
    SYL_TRY(cuda_send(ctx, target, (size_t)logits.rows * sizeof *target, &sent, err));
    CUDA_TRY("a loss", syl_cuda_cross_entropy(ctx->compute, logits, sent, scale, dlogits, rows));
    return add_up(ctx, rows, logits.rows, sum, err);
}

double cuda_op_cross_entropy(syl_ctx *base, syl_mat logits, const int32_t *target, float scale,
                             syl_mat dlogits)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    syl_error err;
    double sum = 0;
    syl_status status = cross_entropy(ctx, logits, target, scale, dlogits, &sum, &err);
    return result(ctx, mark, status, &err, sum);
}

static syl_status cosine_error(cuda_ctx *ctx, syl_mat x, syl_mat target, float eps, float scale,
                               syl_mat dx, syl_mat dtarget, double *sum, syl_error *err)
{
    double *rows;
    SYL_TRY(take_rows(ctx, x.rows, &rows, err));
    CUDA_TRY("a loss",
             syl_cuda_cosine_error(ctx->compute, x, target, eps, scale, dx, dtarget, rows));
    return add_up(ctx, rows, x.rows, sum, err);
}

double cuda_op_cosine_error(syl_ctx *base, syl_mat x, syl_mat target, float eps, float scale,
                            syl_mat dx, syl_mat dtarget)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    syl_error err;
    double sum = 0;
    syl_status status = cosine_error(ctx, x, target, eps, scale, dx, dtarget, &sum, &err);
    return result(ctx, mark, status, &err, sum);
}

static syl_status sampled_correction(cuda_ctx *ctx, const syl_sample *s, syl_mat logits,
                                     syl_error *err)
{
    size_t rows = (size_t)logits.rows, n = (size_t)s->num_sampled;
    void *target, *sampled, *log_q_target = NULL, *log_q_sampled = NULL;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_send(ctx, s->target, rows * sizeof *s->target, &target, err));
    SYL_TRY(cuda_send(ctx, s->sampled, n * sizeof *s->sampled, &sampled, err));
    if (s->log_q_target)
        SYL_TRY(cuda_send(ctx, s->log_q_target, rows * sizeof(float), &log_q_target, err));
    if (s->log_q_sampled)
        SYL_TRY(cuda_send(ctx, s->log_q_sampled, n * sizeof(float), &log_q_sampled, err));
    CUDA_TRY("a correction", syl_cuda_sampled_correction(ctx->compute, target, sampled,
                                                         log_q_target, log_q_sampled, logits));
    return SYL_OK;
}

void cuda_op_sampled_correction(syl_ctx *base, const syl_sample *sample, syl_mat logits)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    syl_error err;
    cuda_ctx_note(ctx, sampled_correction(ctx, sample, logits, &err), &err);
    ctx->top = mark;
}
