/* Rotary positions and self-attention on the tape. */
#include "lib/nn/layers.h"

/* ---- rotary positions ------------------------------------------------------------------- */

typedef struct rotation {
    syl_node node;
    syl_var *x;
    syl_rotation by;
} rotation;

/* Nobody else reads the gradient of y, so that it is turned back where it lies. */
static syl_status rotate_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    rotation *r = (rotation *)node;
    syl_rotate(syl_tape_ctx(tape), r->by.turns, r->by.position, r->by.adjacent, true,
               syl_mat_cols(node->out.grad, 0, r->by.cols));
    return syl_var_add_grad(tape, r->x, node->out.grad, err);
}

syl_status syl_nn_rotate(syl_tape *tape, syl_rotation by, syl_var *x, syl_var **y, syl_error *err)
{
    rotation *r;
    SYL_TRY(syl_tape_node(tape, sizeof *r, rotate_backward, x->value.rows, x->value.cols,
                          x->needs_grad, &r, err));
    r->x = x;
    r->by = by;
    syl_convert(syl_tape_ctx(tape), x->value, r->node.out.value);
    syl_rotate(syl_tape_ctx(tape), by.turns, by.position, by.adjacent, false,
               syl_mat_cols(r->node.out.value, 0, by.cols));
    *y = &r->node.out;
    return SYL_OK;
}

/* ---- attention -------------------------------------------------------------------------- */

typedef struct attention {
    syl_node node;
    syl_attention_shape shape;
    int kv_heads;
    syl_ragged sequences;
    syl_var *qkv, *rel_bias;
    float *lse; /* [heads][rows] */
} attention;

static int64_t head_cols(const attention *a)
{
    return a->qkv->value.cols / (a->shape.heads + 2 * a->kv_heads);
}

/* Part 0, 1, 2: queries, keys, values. */
static syl_mat part(const attention *a, syl_mat qkv, int which)
{
    int64_t q = a->shape.heads * head_cols(a), kv = a->kv_heads * head_cols(a);
    return which ? syl_mat_cols(qkv, q + (which - 1) * kv, kv) : syl_mat_cols(qkv, 0, q);
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
    SYL_TRY(syl_attention_backward(ctx, a->shape, a->sequences, part(a, qkv, 0), part(a, qkv, 1),
                                   part(a, qkv, 2), node->out.value, a->lse, node->out.grad,
                                   part(a, own, 0), part(a, own, 1), part(a, own, 2),
                                   bias_grad.data, err));
    if (accumulate) syl_scale(ctx, 1, own, true, grad);
    return SYL_OK;
}

syl_status syl_nn_attention(syl_tape *tape, syl_attention_shape shape, int kv_heads,
                            syl_ragged sequences, syl_var *qkv, syl_var *rel_bias, syl_var **y,
                            syl_error *err)
{
    attention *a;
    syl_mat operand, lse;
    int64_t rows = qkv->value.rows;
    int64_t d = qkv->value.cols / (shape.heads + 2 * kv_heads) * shape.heads;
    if (rel_bias && (shape.left < 0 || shape.right < 0))
        return syl_fail(err, SYL_EINVAL, "a relative bias needs a bounded window");
    bool needs = qkv->needs_grad || (rel_bias && rel_bias->needs_grad);
    SYL_TRY(syl_tape_node(tape, sizeof *a, backward, rows, d, needs, &a, err));
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, shape.heads, rows, &lse, err));
    SYL_TRY(syl_var_operand(tape, qkv, &operand, err));
    a->shape = shape;
    a->kv_heads = kv_heads;
    a->shape.seed = syl_tape_settings(tape)->seed;
    if (!syl_tape_settings(tape)->training) a->shape.dropout = 0;
    if (a->shape.dropout > 0) a->shape.stream = syl_tape_next_stream(tape);
    a->shape.rel_bias = rel_bias ? rel_bias->value.data : NULL;
    a->sequences = sequences;
    a->qkv = qkv;
    a->rel_bias = rel_bias;
    a->lse = lse.data;
    SYL_TRY(syl_attention_forward(syl_tape_ctx(tape), a->shape, sequences, part(a, operand, 0),
                                  part(a, operand, 1), part(a, operand, 2), a->node.out.value,
                                  a->lse, err));
    *y = &a->node.out;
    return SYL_OK;
}
