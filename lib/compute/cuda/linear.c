/* Products and convolutions with prepared weights. cuBLASLt's own GELU is the tanh form, so the
 * exact one and its bias come in a pass of ours behind the product. */
#include "lib/compute/cuda/cuda.h"

/* Columns [from, from + x.cols) of the weights. */
static cuda_product product_of(const cuda_weight *w, int64_t from, syl_mat x, syl_mat y)
{
    syl_mat all = syl_mat_of(w->data, w->dtype, w->n_out, w->n_in);
    return (cuda_product){
        .a = x, .b = syl_mat_cols(all, from, x.cols), .c = y, .transpose_b = true};
}

/* The bias goes with the product where no activation follows. */
static syl_status multiply_last(cuda_ctx *ctx, const cuda_weight *w, cuda_product p, syl_act act,
                                syl_error *err)
{
    if (act == SYL_ACT_NONE) {
        p.bias = w->bias;
        p.bias_half = w->bias_half;
        return cuda_multiply(ctx, &p, err);
    }
    SYL_TRY(cuda_multiply(ctx, &p, err));
    CUDA_TRY("an activation", syl_cuda_bias_activation(ctx->compute, SYL_GELU_ERF, w->bias, p.c));
    return SYL_OK;
}

static syl_status linear(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act,
                         bool accumulate, syl_mat y, syl_error *err)
{
    SYL_TRY(cuda_as_dtype(ctx, w->dtype, &x, err));
    cuda_product p = product_of(w, 0, x, y);
    p.accumulate = accumulate;
    return multiply_last(ctx, w, p, act, err);
}

syl_status cuda_op_linear(syl_ctx *base, const syl_weight *weight, syl_mat x, syl_act act,
                          bool accumulate, syl_mat y, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (x.rows == 0) return SYL_OK;
    syl_status status = linear(ctx, (const cuda_weight *)weight, x, act, accumulate, y, err);
    ctx->top = mark;
    return status;
}

/* ---- convolutions ------------------------------------------------------------------------- */

/* Rows of x under `stride` taps of the kernel begin `stride` rows apart, so they are a matrix
 * already, without gathering: a product for each run of so many taps, summed up in y. */
static syl_status conv_by_runs(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act,
                               syl_mat y, syl_error *err)
{
    const syl_conv_shape *c = &w->conv;
    for (int tap = 0; tap < c->kernel; tap += c->stride) {
        int taps = c->kernel - tap < c->stride ? c->kernel - tap : c->stride;
        syl_mat run = syl_mat_rows(x, tap, y.rows);
        run.stride = (int64_t)c->stride * x.cols;
        run.cols = (int64_t)taps * x.cols;
        cuda_product p = product_of(w, (int64_t)tap * x.cols, run, y);
        p.accumulate = tap > 0;
        if (tap + taps == c->kernel) return multiply_last(ctx, w, p, act, err);
        SYL_TRY(cuda_multiply(ctx, &p, err));
    }
    return SYL_OK;
}

static syl_status conv_by_windows(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act,
                                  syl_mat y, syl_error *err)
{
    const syl_conv_shape *c = &w->conv;
    syl_mat windows;
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, w->dtype, y.rows, w->n_in, &windows, err));
    CUDA_TRY("a convolution",
             syl_cuda_gather_windows(ctx->compute, c->kernel, c->stride, c->pad, x, windows));
    return multiply_last(ctx, w, product_of(w, 0, windows, y), act, err);
}

static syl_status conv(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act, syl_mat y,
                       syl_error *err)
{
    const syl_conv_shape *c = &w->conv;
    if (c->groups > 1) return cuda_conv_grouped(ctx, w, x, act, y, err);
    SYL_TRY(cuda_as_dtype(ctx, w->dtype, &x, err));
    bool inside = (y.rows - 1) * c->stride + c->kernel <= x.rows;
    /* Sums of several runs would be rounded to bf16 in between. */
    bool exact = y.dtype == SYL_F32 || c->kernel <= c->stride;
    if (x.stride == x.cols && c->pad == 0 && inside && exact)
        return conv_by_runs(ctx, w, x, act, y, err);
    return conv_by_windows(ctx, w, x, act, y, err);
}

syl_status cuda_op_conv1d(syl_ctx *base, const syl_weight *weight, syl_mat x, syl_act act,
                          syl_mat y, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (y.rows == 0) return SYL_OK;
    syl_status status = conv(ctx, (const cuda_weight *)weight, x, act, y, err);
    ctx->top = mark;
    return status;
}
