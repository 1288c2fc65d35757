/* Matrix products and convolutions. */
#include <string.h>

#include "lib/compute/cpu/blocks.h"
#include "lib/compute/cpu/onednn_api.h"
#include "lib/compute/training.h"

#define GATHER_ROWS 512 /* rows of an ungrouped convolution laid out for a product at a time */

/* A copy in float32 of what is not. */
static syl_status widen(syl_ctx *ctx, syl_mat m, bool with_values, syl_mat *out, syl_error *err)
{
    *out = m;
    if (m.dtype == SYL_F32) return SYL_OK;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, m.rows, m.cols, out, err));
    if (with_values) syl_convert(ctx, m, *out);
    return SYL_OK;
}

static syl_status linear_in_f32(syl_ctx *ctx, const syl_weight *weight, syl_mat x, syl_act act,
                                bool accumulate, syl_mat y, syl_error *err)
{
    syl_mat wide;
    SYL_TRY(widen(ctx, y, accumulate, &wide, err));
    SYL_TRY(syl_cpu_linear(ctx, weight, x, act, accumulate, wide, err));
    syl_convert(ctx, wide, y);
    return SYL_OK;
}

syl_status syl_cpu_linear(syl_ctx *ctx, const syl_weight *weight, syl_mat x, syl_act act,
                          bool accumulate, syl_mat y, syl_error *err)
{
    const packed_weight *w = (const packed_weight *)weight;
    size_t mark = syl_ctx_mark(ctx);
    if (x.rows == 0) return SYL_OK;
    if (y.dtype != SYL_F32 && !syl_onednn_has_bf16(ctx)) {
        syl_status status = linear_in_f32(ctx, weight, x, act, accumulate, y, err);
        syl_ctx_release(ctx, mark);
        return status;
    }
    if (w->kind == BLOCKS)
        return syl_blocks_linear(ctx, (const block_weight *)weight, x, act, accumulate, y, err);
    /* With gaps between the rows oneDNN falls back to its reference for some packed weights. */
    if (x.dtype != w->dtype || (x.rows > 1 && x.stride != x.cols)) {
        syl_mat same;
        SYL_TRY(syl_ctx_mat(ctx, w->dtype, x.rows, x.cols, &same, err));
        syl_convert(ctx, x, same);
        x = same;
    }
    shape s = syl_linear_shape(w, x.rows, x.cols, y);
    s.act = act;
    s.accumulate = accumulate;
    syl_status status = syl_onednn_run(ctx, &s, w, x.data, (factor){0}, y.data, err);
    syl_ctx_release(ctx, mark);
    return status;
}

/* Rows [from, from + out.rows) of x, zero where x has none. */
static void copy_padded(syl_mat x, int64_t from, syl_mat out)
{
    int64_t before = from < 0 ? -from : 0;
    if (before > out.rows) before = out.rows;
    int64_t n = x.rows - (from + before);
    n = n < 0 ? 0 : n > out.rows - before ? out.rows - before : n;
    size_t row = (size_t)out.cols * syl_dtype_size(out.dtype);
    memset(out.data, 0, (size_t)before * row);
    if (n > 0) syl_mat_copy(syl_mat_rows(x, from + before, n), syl_mat_rows(out, before, n));
    memset(syl_mat_rows(out, before + n, 0).data, 0, (size_t)(out.rows - before - n) * row);
}

/* The rows of x under the kernel, side by side, for output rows [t, t + out.rows). */
static void gather(const syl_conv_shape *c, syl_mat x, int64_t t, syl_mat out)
{
    bool touching = x.stride == x.cols;
    size_t bytes = (size_t)out.cols * syl_dtype_size(x.dtype);
    for (int64_t i = 0; i < out.rows; i++) {
        int64_t from = (t + i) * c->stride - c->pad;
        syl_mat row = syl_mat_rows(out, i, 1);
        if (touching && from >= 0 && from + c->kernel <= x.rows)
            memcpy(row.data, syl_mat_rows(x, from, 1).data, bytes);
        else
            copy_padded(x, from, syl_mat_of(row.data, x.dtype, c->kernel, x.cols));
    }
}

/* Rows of x that lie under the kernel without a gap or an overlap are a matrix already. */
static bool is_gathered(const syl_conv_shape *c, syl_mat x, syl_mat y)
{
    return x.stride == x.cols && c->pad == 0 && c->stride == c->kernel &&
           y.rows * c->stride <= x.rows;
}

static syl_status conv_product(syl_ctx *ctx, const packed_weight *w, syl_mat x, syl_act act,
                               syl_mat y, syl_error *err)
{
    const syl_conv_shape *c = &w->conv;
    if (is_gathered(c, x, y))
        return syl_cpu_linear(ctx, &w->base, syl_mat_of(x.data, x.dtype, y.rows, w->n_in), act,
                              false, y, err);
    int64_t step = y.rows < GATHER_ROWS ? y.rows : GATHER_ROWS;
    syl_mat rows;
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, step, w->n_in, &rows, err));
    for (int64_t t = 0; t < y.rows; t += step) {
        int64_t n = y.rows - t < step ? y.rows - t : step;
        syl_mat some = syl_mat_rows(rows, 0, n);
        gather(c, x, t, some);
        SYL_TRY(syl_cpu_linear(ctx, &w->base, some, act, false, syl_mat_rows(y, t, n), err));
    }
    return SYL_OK;
}

static syl_status conv_grouped(syl_ctx *ctx, const packed_weight *w, syl_mat x, syl_act act,
                               syl_mat y, syl_error *err)
{
    shape s = syl_conv_shape_of(w);
    syl_mat in, out;
    s.act = act;
    SYL_TRY(syl_ctx_mat(ctx, w->dtype, s.t_in, x.cols, &in, err));
    SYL_TRY(syl_ctx_mat(ctx, w->dtype, SYL_CONV_TILE, y.cols, &out, err));
    for (int64_t t = 0; t < y.rows; t += SYL_CONV_TILE) {
        int64_t n = y.rows - t < SYL_CONV_TILE ? y.rows - t : SYL_CONV_TILE;
        copy_padded(x, t - w->conv.pad, in);
        SYL_TRY(syl_onednn_run(ctx, &s, w, in.data, (factor){0}, out.data, err));
        syl_mat_copy(syl_mat_rows(out, 0, n), syl_mat_rows(y, t, n));
    }
    return SYL_OK;
}

syl_status syl_cpu_conv1d(syl_ctx *ctx, const syl_weight *weight, syl_mat x, syl_act act, syl_mat y,
                          syl_error *err)
{
    const packed_weight *w = (const packed_weight *)weight;
    size_t mark = syl_ctx_mark(ctx);
    if (y.rows == 0) return SYL_OK;
    syl_status status = w->kind == CONV ? conv_grouped(ctx, w, x, act, y, err)
                                        : conv_product(ctx, w, x, act, y, err);
    syl_ctx_release(ctx, mark);
    return status;
}

static syl_status product_in_f32(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b,
                                 bool transpose_b, const float *bias, bool accumulate, syl_mat c,
                                 syl_error *err)
{
    syl_mat wide_a, wide_b, wide_c;
    SYL_TRY(widen(ctx, a, true, &wide_a, err));
    SYL_TRY(widen(ctx, b, true, &wide_b, err));
    SYL_TRY(widen(ctx, c, accumulate, &wide_c, err));
    SYL_TRY(syl_cpu_product_bias(ctx, wide_a, transpose_a, wide_b, transpose_b, bias, accumulate,
                                 wide_c, err));
    if (c.dtype != SYL_F32) syl_convert(ctx, wide_c, c);
    return SYL_OK;
}

static bool is_f32(syl_mat a, syl_mat b, syl_mat c)
{
    return a.dtype == SYL_F32 && b.dtype == SYL_F32 && c.dtype == SYL_F32;
}

syl_status syl_cpu_product_bias(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b,
                                bool transpose_b, const float *bias, bool accumulate, syl_mat c,
                                syl_error *err)
{
    int64_t inner = transpose_a ? a.rows : a.cols;
    if (c.rows == 0 || c.cols == 0) return SYL_OK;
    if (inner == 0) {
        if (!accumulate) syl_fill(ctx, 0, c);
        if (bias) syl_add_bias(ctx, bias, c);
        return SYL_OK;
    }
    if (!is_f32(a, b, c) && !syl_onednn_has_bf16(ctx)) {
        size_t mark = syl_ctx_mark(ctx);
        syl_status status =
            product_in_f32(ctx, a, transpose_a, b, transpose_b, bias, accumulate, c, err);
        syl_ctx_release(ctx, mark);
        return status;
    }
    shape s;
    memset(&s, 0, sizeof s);
    s.kind = PRODUCT;
    s.dtype = a.dtype;
    s.out = c.dtype;
    s.accumulate = accumulate;
    s.bias = bias != NULL;
    s.m = c.rows;
    s.n = c.cols;
    s.k = inner;
    s.a_stride = transpose_a ? 1 : a.stride;
    s.a_col = transpose_a ? a.stride : 1;
    s.c_stride = c.stride;
    s.b_row = transpose_b ? 1 : b.stride;
    s.b_col = transpose_b ? b.stride : 1;
    return syl_onednn_run(ctx, &s, NULL, a.data, (factor){b.data, bias}, c.data, err);
}
