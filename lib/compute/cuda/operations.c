/* The operations that are one launch, or one and the memory that it works in. */
#include "lib/compute/cuda/cuda.h"

#define STREAM(ctx) (cuda_own(ctx)->compute)

/* Of an operation without a status: nothing after an error, and the first one is kept. */
#define LAUNCH(ctx, what, call)                                                             \
    do {                                                                                    \
        if (cuda_ctx_ready(cuda_own(ctx))) cuda_ctx_note_launch(cuda_own(ctx), call, what); \
    } while (0)

/* Scratch memory for one launch; the caller releases it to `mark`. */
static bool work_for(syl_ctx *base, size_t bytes, void **work)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_error err;
    if (!cuda_ctx_ready(ctx)) return false;
    syl_status status = cuda_take(ctx, bytes, work, &err);
    cuda_ctx_note(ctx, status, &err);
    return status == SYL_OK;
}

/* ---- inference ---------------------------------------------------------------------------- */

void cuda_op_conv1d_mono(syl_ctx *ctx, const float *w, const float *bias, int kernel, int stride,
                         const float *x, syl_act act, syl_mat y)
{
    LAUNCH(ctx, "a convolution",
           syl_cuda_conv1d_mono(STREAM(ctx), w, bias, kernel, stride, x, act, y));
}

syl_status cuda_op_layer_norm(syl_ctx *ctx, const float *gamma, const float *beta, float eps,
                              syl_mat x, syl_act act, syl_mat y, syl_error *err)
{
    SYL_TRY(cuda_ctx_check(cuda_own(ctx), err));
    CUDA_TRY("layer norm",
             syl_cuda_norm_forward(STREAM(ctx), SYL_LAYER_NORM, gamma, beta, eps, x, act, y, NULL));
    return SYL_OK;
}

void cuda_op_add(syl_ctx *ctx, syl_mat x, syl_mat y)
{
    LAUNCH(ctx, "adding", syl_cuda_add(STREAM(ctx), x, y));
}

/* ---- elements ----------------------------------------------------------------------------- */

static cudaError_t zero(cudaStream_t stream, syl_mat y)
{
    size_t size = syl_dtype_size(y.dtype), width = (size_t)y.cols * size;
    if (y.rows == 0 || y.cols == 0) return cudaSuccess;
    if (y.stride == y.cols || y.rows == 1)
        return cudaMemsetAsync(y.data, 0, width * (size_t)y.rows, stream);
    return cudaMemset2DAsync(y.data, (size_t)y.stride * size, 0, width, (size_t)y.rows, stream);
}

void cuda_op_zero(syl_ctx *ctx, syl_mat y)
{
    LAUNCH(ctx, "zeroing", zero(STREAM(ctx), y));
}

void cuda_op_fill(syl_ctx *ctx, float value, syl_mat y)
{
    LAUNCH(ctx, "filling", syl_cuda_fill(STREAM(ctx), value, y));
}

void cuda_op_scale(syl_ctx *ctx, float scale, syl_mat x, bool accumulate, syl_mat y)
{
    LAUNCH(ctx, "scaling", syl_cuda_scale(STREAM(ctx), scale, x, accumulate, y));
}

void cuda_op_sum(syl_ctx *ctx, syl_mat a, syl_mat b, syl_mat y)
{
    LAUNCH(ctx, "adding", syl_cuda_sum(STREAM(ctx), a, b, y));
}

void cuda_op_convert(syl_ctx *ctx, syl_mat x, syl_mat y)
{
    LAUNCH(ctx, "converting", syl_cuda_convert(STREAM(ctx), x, y));
}

void cuda_op_add_bias(syl_ctx *ctx, const float *bias, syl_mat y)
{
    LAUNCH(ctx, "a bias", syl_cuda_add_bias(STREAM(ctx), bias, y));
}

void cuda_op_column_sums(syl_ctx *ctx, syl_mat x, float *sums)
{
    size_t mark = cuda_ctx_mark(ctx);
    void *work;
    if (x.rows == 0 || x.cols == 0) return;
    if (work_for(ctx, syl_cuda_sum_work(x.rows, x.cols), &work))
        LAUNCH(ctx, "sums of columns", syl_cuda_column_sums(STREAM(ctx), x, sums, work));
    cuda_op_ctx_release(ctx, mark);
}

void cuda_op_activation(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat y)
{
    LAUNCH(ctx, "an activation", syl_cuda_activation(STREAM(ctx), f, x, y));
}

void cuda_op_activation_backward(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat dy,
                                 bool accumulate, syl_mat dx)
{
    LAUNCH(ctx, "an activation's gradient",
           syl_cuda_activation_backward(STREAM(ctx), f, x, dy, accumulate, dx));
}

void cuda_op_gated(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat y)
{
    LAUNCH(ctx, "a gated product", syl_cuda_gated(STREAM(ctx), f, a, b, y));
}

void cuda_op_gated_backward(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat dy,
                            bool accumulate, syl_mat da, syl_mat db)
{
    LAUNCH(ctx, "a gated product's gradient",
           syl_cuda_gated_backward(STREAM(ctx), f, a, b, dy, accumulate, da, db));
}

void cuda_op_dropout(syl_ctx *ctx, uint64_t seed, uint64_t stream, float p, syl_mat x,
                     bool accumulate, syl_mat y)
{
    LAUNCH(ctx, "dropout", syl_cuda_dropout(STREAM(ctx), seed, stream, p, x, accumulate, y));
}

void cuda_op_row_dots(syl_ctx *ctx, syl_mat x, syl_mat w, syl_mat y)
{
    LAUNCH(ctx, "products of rows", syl_cuda_row_dots(STREAM(ctx), x, w, y));
}

void cuda_op_add_scaled_rows(syl_ctx *ctx, syl_mat by, syl_mat x, bool accumulate, syl_mat y)
{
    LAUNCH(ctx, "scaling rows", syl_cuda_add_scaled_rows(STREAM(ctx), by, x, accumulate, y));
}

/* ---- normalisation ------------------------------------------------------------------------ */

void cuda_op_norm_forward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, const float *beta,
                          float eps, syl_mat x, syl_mat y, float *stats)
{
    LAUNCH(ctx, "a norm",
           syl_cuda_norm_forward(STREAM(ctx), kind, gamma, beta, eps, x, SYL_ACT_NONE, y, stats));
}

void cuda_op_norm_backward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, syl_mat x,
                           const float *stats, syl_mat dy, bool accumulate, syl_mat dx,
                           float *dgamma, float *dbeta)
{
    size_t mark = cuda_ctx_mark(ctx);
    void *work;
    if (work_for(ctx, syl_cuda_norm_work(x.rows, x.cols), &work))
        LAUNCH(ctx, "a norm's gradient",
               syl_cuda_norm_backward(STREAM(ctx), kind, gamma, x, stats, dy, accumulate, dx,
                                      dgamma, dbeta, work));
    cuda_op_ctx_release(ctx, mark);
}

syl_status cuda_op_group_norm_forward(syl_ctx *base, int groups, const float *gamma,
                                      const float *beta, float eps, syl_mat x, syl_mat y,
                                      float *stats, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    void *work;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_take(ctx, syl_cuda_group_norm_work(groups, x.rows, x.cols), &work, err));
    ctx->top = mark; /* what is taken next comes behind it on the stream */
    CUDA_TRY("group norm", syl_cuda_group_norm_forward(ctx->compute, groups, gamma, beta, eps, x, y,
                                                       stats, work));
    return SYL_OK;
}

syl_status cuda_op_group_norm_backward(syl_ctx *base, int groups, const float *gamma, syl_mat x,
                                       const float *stats, syl_mat dy, bool accumulate, syl_mat dx,
                                       float *dgamma, float *dbeta, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    void *work;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_take(ctx, syl_cuda_group_norm_work(groups, x.rows, x.cols), &work, err));
    ctx->top = mark;
    CUDA_TRY("group norm's gradient",
             syl_cuda_group_norm_backward(ctx->compute, groups, gamma, x, stats, dy, accumulate, dx,
                                          dgamma, dbeta, work));
    return SYL_OK;
}

void cuda_op_unit_rows(syl_ctx *ctx, syl_mat x, syl_mat y, float *norms)
{
    LAUNCH(ctx, "unit rows", syl_cuda_unit_rows(STREAM(ctx), x, y, norms));
}

void cuda_op_unit_rows_backward(syl_ctx *ctx, syl_mat y, const float *norms, syl_mat dy,
                                bool accumulate, syl_mat dx)
{
    LAUNCH(ctx, "unit rows' gradient",
           syl_cuda_unit_rows_backward(STREAM(ctx), y, norms, dy, accumulate, dx));
}

void cuda_op_weight_norm(syl_ctx *ctx, const float *g, syl_mat v, syl_mat w, float *norms)
{
    size_t mark = cuda_ctx_mark(ctx);
    void *work;
    if (work_for(ctx, syl_cuda_sum_work(v.rows, v.cols), &work))
        LAUNCH(ctx, "weight norm", syl_cuda_weight_norm(STREAM(ctx), g, v, w, norms, work));
    cuda_op_ctx_release(ctx, mark);
}

void cuda_op_weight_norm_backward(syl_ctx *ctx, const float *g, syl_mat v, const float *norms,
                                  syl_mat dw, float *dg, syl_mat dv)
{
    size_t mark = cuda_ctx_mark(ctx);
    void *work;
    if (work_for(ctx, syl_cuda_sum_work(v.rows, v.cols), &work))
        LAUNCH(ctx, "weight norm's gradient",
               syl_cuda_weight_norm_backward(STREAM(ctx), g, v, norms, dw, dg, dv, work));
    cuda_op_ctx_release(ctx, mark);
}

/* ---- optimisation ------------------------------------------------------------------------- */

void cuda_op_adamw_update(syl_ctx *ctx, const syl_adamw *by, float grad_scale, const float *grad,
                          float *first, float *second, float *value, int64_t n)
{
    LAUNCH(ctx, "an update",
           syl_cuda_adamw(STREAM(ctx), by, grad_scale, grad, first, second, value, n));
}

void cuda_op_moving_average(syl_ctx *ctx, float decay, const float *value, float *average,
                            int64_t n)
{
    LAUNCH(ctx, "a moving average", syl_cuda_moving_average(STREAM(ctx), decay, value, average, n));
}
