/* y = x w^T + bias, or y = x w + bias. */
#include "lib/nn/layers.h"

typedef struct linear {
    syl_node node;
    syl_var *x, *w, *bias;
    bool in_first; /* w is [in][out] */
} linear;

static syl_status weight_gradient(syl_tape *tape, linear *l, syl_mat dy, syl_error *err)
{
    syl_mat x, dw;
    bool accumulate;
    SYL_TRY(syl_var_operand(tape, l->x, &x, err));
    SYL_TRY(syl_var_grad(tape, l->w, &dw, &accumulate, err));
    if (l->in_first)
        return syl_product(syl_tape_ctx(tape), x, true, dy, false, accumulate, dw, err);
    return syl_product(syl_tape_ctx(tape), dy, true, x, false, accumulate, dw, err);
}

static syl_status input_gradient(syl_tape *tape, linear *l, syl_mat dy, syl_error *err)
{
    syl_mat w, dx;
    bool accumulate;
    SYL_TRY(syl_var_operand(tape, l->w, &w, err));
    SYL_TRY(syl_var_grad(tape, l->x, &dx, &accumulate, err));
    return syl_product(syl_tape_ctx(tape), dy, false, w, l->in_first, accumulate, dx, err);
}

static syl_status backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    linear *l = (linear *)node;
    syl_mat dy;
    SYL_TRY(syl_operand(tape, node->out.grad, &dy, err));
    if (l->x->needs_grad) SYL_TRY(input_gradient(tape, l, dy, err));
    if (l->w->needs_grad) SYL_TRY(weight_gradient(tape, l, dy, err));
    return syl_bias_gradient(tape, l->bias, node->out.grad, err);
}

static syl_status apply(syl_tape *tape, syl_var *x, syl_var *w, syl_var *bias, bool in_first,
                        syl_var **y, syl_error *err)
{
    linear *l;
    syl_mat a, b;
    int64_t out = in_first ? w->value.cols : w->value.rows;
    bool needs = x->needs_grad || w->needs_grad || (bias && bias->needs_grad);
    SYL_TRY(syl_tape_node(tape, sizeof *l, backward, x->value.rows, out, needs, &l, err));
    l->x = x;
    l->w = w;
    l->bias = bias;
    l->in_first = in_first;
    SYL_TRY(syl_var_operand(tape, x, &a, err));
    SYL_TRY(syl_var_operand(tape, w, &b, err));
    SYL_TRY(syl_product_bias(syl_tape_ctx(tape), a, false, b, !in_first,
                             bias ? bias->value.data : NULL, false, l->node.out.value, err));
    *y = &l->node.out;
    return SYL_OK;
}

syl_status syl_nn_linear(syl_tape *tape, syl_var *x, syl_var *w, syl_var *bias, syl_var **y,
                         syl_error *err)
{
    return apply(tape, x, w, bias, false, y, err);
}

syl_status syl_nn_linear_in_first(syl_tape *tape, syl_var *x, syl_var *w, syl_var *bias,
                                  syl_var **y, syl_error *err)
{
    return apply(tape, x, w, bias, true, y, err);
}
