/* The nearest of many rows. The kernel looks for the least |c|^2 - 2 x . c, so that -2 bias stands
 * for |c|^2. */
#include "lib/compute/cuda/cuda.h"

static syl_status squares_of(cuda_ctx *ctx, const float *bias, int64_t n, syl_mat *out,
                             syl_error *err)
{
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, SYL_F32, 1, n, out, err));
    if (bias)
        CUDA_TRY("the nearest rows",
                 syl_cuda_scale(ctx->compute, -2,
                                syl_mat_of((float *)(uintptr_t)bias, SYL_F32, 1, n), false, *out));
    else
        CUDA_TRY("the nearest rows", syl_cuda_fill(ctx->compute, 0, *out));
    return SYL_OK;
}

static syl_status nearest(cuda_ctx *ctx, syl_mat x, syl_mat centres, const float *bias, int32_t *id,
                          syl_error *err)
{
    syl_mat squares;
    void *ids, *distances;
    size_t bytes = (size_t)x.rows * sizeof *id;
    SYL_TRY(squares_of(ctx, bias, centres.rows, &squares, err));
    SYL_TRY(cuda_take(ctx, bytes, &ids, err));
    SYL_TRY(cuda_take(ctx, bytes, &distances, err));
    CUDA_TRY("the nearest rows",
             syl_cuda_nearest(ctx->compute, x, centres, squares.data, ids, distances));
    return cuda_fetch(ctx, ids, id, bytes, err);
}

syl_status cuda_op_nearest(syl_ctx *base, syl_mat x, syl_mat centres, const float *bias,
                           int32_t *id, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (x.rows == 0) return SYL_OK;
    syl_status status = nearest(ctx, x, centres, bias, id, err);
    ctx->top = mark;
    return status;
}
