/* The grouped positional convolution with weight norm. */
#include "lib/nn/layers.h"

typedef struct positional {
    syl_node node;
    syl_conv_shape shape;
    syl_var *x, *g, *v, *bias;
    syl_ragged in;
    syl_mat w; /* of shape v: g v / |v| */
    float *norms;
} positional;

/* v and w as [rows][taps]. */
static syl_mat by_tap(const positional *p, syl_mat m)
{
    return syl_mat_of(m.data, SYL_F32, m.rows * m.cols / p->shape.kernel, p->shape.kernel);
}

static syl_status weight_gradient(syl_tape *tape, positional *p, syl_mat dy, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat dw, dg, dv;
    bool accumulate; /* parameters always add */
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, p->w.rows, p->w.cols, &dw, err));
    syl_fill(ctx, 0, dw);
    for (int i = 0; i < p->in.count; i++)
        SYL_TRY(syl_grouped_conv_weight_gradient(ctx, p->shape, syl_tape_settings(tape)->compute,
                                                 syl_sequence(p->x->value, p->in, i),
                                                 syl_sequence(dy, p->in, i), dw, err));
    SYL_TRY(syl_var_grad(tape, p->g, &dg, &accumulate, err));
    SYL_TRY(syl_var_grad(tape, p->v, &dv, &accumulate, err));
    syl_weight_norm_backward(ctx, p->g->value.data, by_tap(p, p->v->value), p->norms, by_tap(p, dw),
                             dg.data, by_tap(p, dv));
    return SYL_OK;
}

static syl_status backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    positional *p = (positional *)node;
    syl_mat dy = node->out.grad, dx;
    bool accumulate;
    if (p->x->needs_grad) {
        SYL_TRY(syl_var_grad(tape, p->x, &dx, &accumulate, err));
        for (int i = 0; i < p->in.count; i++)
            SYL_TRY(syl_grouped_conv_input_gradient(
                syl_tape_ctx(tape), p->shape, syl_tape_settings(tape)->compute,
                syl_sequence(dy, p->in, i), p->w, accumulate, syl_sequence(dx, p->in, i), err));
    }
    if (p->v->needs_grad) SYL_TRY(weight_gradient(tape, p, dy, err));
    return syl_bias_gradient(tape, p->bias, dy, err);
}

syl_status syl_nn_positional_conv(syl_tape *tape, syl_conv_shape shape, syl_var *x, syl_ragged in,
                                  syl_var *g, syl_var *v, syl_var *bias, syl_var **y,
                                  syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    positional *p;
    bool needs = x->needs_grad || v->needs_grad || bias->needs_grad;
    SYL_TRY(syl_tape_node(tape, sizeof *p, backward, x->value.rows, shape.c_out, needs, &p, err));
    p->shape = shape;
    p->x = x;
    p->g = g;
    p->v = v;
    p->bias = bias;
    p->in = in;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, v->value.rows, v->value.cols, &p->w, err));
    SYL_TRY(syl_tape_alloc(tape, (size_t)shape.kernel * sizeof(float), &p->norms, err));
    syl_weight_norm(ctx, g->value.data, by_tap(p, v->value), by_tap(p, p->w), p->norms);
    for (int i = 0; i < in.count; i++)
        SYL_TRY(syl_grouped_conv(ctx, shape, syl_tape_settings(tape)->compute,
                                 syl_sequence(x->value, p->in, i), p->w,
                                 syl_sequence(p->node.out.value, p->in, i), err));
    syl_add_bias(ctx, bias->value.data, p->node.out.value);
    *y = &p->node.out;
    return SYL_OK;
}
