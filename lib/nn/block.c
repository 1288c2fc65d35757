#include "lib/nn/block.h"

void syl_block_free(syl_block *b)
{
    syl_norm_free(&b->norm1);
    syl_norm_free(&b->norm2);
    syl_weight_free(b->qkv);
    syl_weight_free(b->out);
    syl_weight_free(b->ff1);
    syl_weight_free(b->ff2);
    syl_device_release(b->device, b->rel_bias);
}

static syl_status norm(syl_ctx *ctx, const syl_block *b, const syl_norm *n, syl_mat x, syl_mat y,
                       syl_error *err)
{
    return syl_layer_norm(ctx, n->gamma, n->beta, b->eps, x, SYL_ACT_NONE, y, err);
}

syl_status syl_block_qkv(syl_ctx *ctx, const syl_block *b, syl_mat x, syl_mat qkv, syl_error *err)
{
    if (!b->pre_norm) return syl_linear(ctx, b->qkv, x, SYL_ACT_NONE, false, qkv, err);
    syl_mat h;
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, x.cols, &h, err));
    SYL_TRY(norm(ctx, b, &b->norm1, x, h, err));
    SYL_TRY(syl_linear(ctx, b->qkv, h, SYL_ACT_NONE, false, qkv, err));
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* x += W2 gelu(W1 h) */
static syl_status feed_forward(syl_ctx *ctx, const syl_block *b, syl_mat h, syl_mat x,
                               syl_error *err)
{
    syl_mat inner;
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, b->ff, &inner, err));
    SYL_TRY(syl_linear(ctx, b->ff1, h, SYL_ACT_GELU, false, inner, err));
    return syl_linear(ctx, b->ff2, inner, SYL_ACT_NONE, true, x, err);
}

syl_status syl_block_finish(syl_ctx *ctx, const syl_block *b, syl_mat att, syl_mat x,
                            syl_error *err)
{
    syl_mat h;
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_linear(ctx, b->out, att, SYL_ACT_NONE, true, x, err));
    if (b->pre_norm) {
        SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, x.cols, &h, err));
        SYL_TRY(norm(ctx, b, &b->norm2, x, h, err));
        SYL_TRY(feed_forward(ctx, b, h, x, err));
    } else {
        SYL_TRY(norm(ctx, b, &b->norm1, x, x, err));
        SYL_TRY(feed_forward(ctx, b, x, x, err));
        SYL_TRY(norm(ctx, b, &b->norm2, x, x, err));
    }
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

syl_status syl_block_forward(syl_ctx *ctx, const syl_block *b, syl_mat x, syl_error *err)
{
    syl_mat qkv, att;
    size_t mark = syl_ctx_mark(ctx);
    syl_attention_mask all = {.left = -1, .right = -1};
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, 3 * x.cols, &qkv, err));
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, x.cols, &att, err));
    SYL_TRY(syl_block_qkv(ctx, b, x, qkv, err));
    SYL_TRY(syl_attention(ctx, b->heads, all, syl_mat_cols(qkv, 0, x.cols),
                          syl_mat_cols(qkv, x.cols, x.cols), syl_mat_cols(qkv, 2 * x.cols, x.cols),
                          att, err));
    SYL_TRY(syl_block_finish(ctx, b, att, x, err));
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}
