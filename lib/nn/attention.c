/* Self-attention on the tape. */
#include "lib/nn/layers.h"

typedef struct attention {
    syl_node node;
    syl_attention_shape shape;
    syl_ragged sequences;
    syl_var *qkv, *rel_bias;
    float *lse; /* [heads][rows] */
} attention;

/* Part 0, 1, 2: queries, keys, values. */
static syl_mat part(syl_mat qkv, int which)
{
    int64_t d = qkv.cols / 3;
    return syl_mat_cols(qkv, which * d, d);
}

static syl_status backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    attention *a = (attention *)node;
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat qkv, grad, own, bias_grad = {0};
    bool accumulate;
    if (a->rel_bias && a->rel_bias->needs_grad)
        SYL_TRY(syl_var_grad(tape, a->rel_bias, &bias_grad, &accumulate, err));
    SYL_TRY(syl_var_operand(tape, a->qkv, &qkv, err));
    SYL_TRY(syl_var_grad(tape, a->qkv, &grad, &accumulate, err));
    own = grad;
    if (accumulate) SYL_TRY(syl_ctx_mat(ctx, SYL_F32, grad.rows, grad.cols, &own, err));
    SYL_TRY(syl_attention_backward(ctx, a->shape, a->sequences, part(qkv, 0), part(qkv, 1),
                                   part(qkv, 2), node->out.value, a->lse, node->out.grad,
                                   part(own, 0), part(own, 1), part(own, 2), bias_grad.data, err));
    if (accumulate) syl_scale(ctx, 1, own, true, grad);
    return SYL_OK;
}

syl_status syl_nn_attention(syl_tape *tape, syl_attention_shape shape, syl_ragged sequences,
                            syl_var *qkv, syl_var *rel_bias, syl_var **y, syl_error *err)
{
    attention *a;
    syl_mat operand, lse;
    int64_t rows = qkv->value.rows, d = qkv->value.cols / 3;
    if (rel_bias && (shape.left < 0 || shape.right < 0))
        return syl_fail(err, SYL_EINVAL, "a relative bias needs a bounded window");
    bool needs = qkv->needs_grad || (rel_bias && rel_bias->needs_grad);
    SYL_TRY(syl_tape_node(tape, sizeof *a, backward, rows, d, needs, &a, err));
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, shape.heads, rows, &lse, err));
    SYL_TRY(syl_var_operand(tape, qkv, &operand, err));
    a->shape = shape;
    a->shape.seed = syl_tape_settings(tape)->seed;
    if (!syl_tape_settings(tape)->training) a->shape.dropout = 0;
    if (a->shape.dropout > 0) a->shape.stream = syl_tape_next_stream(tape);
    a->shape.rel_bias = rel_bias ? rel_bias->value.data : NULL;
    a->sequences = sequences;
    a->qkv = qkv;
    a->rel_bias = rel_bias;
    a->lse = lse.data;
    SYL_TRY(syl_attention_forward(syl_tape_ctx(tape), a->shape, sequences, part(operand, 0),
                                  part(operand, 1), part(operand, 2), a->node.out.value, a->lse,
                                  err));
    *y = &a->node.out;
    return SYL_OK;
}
