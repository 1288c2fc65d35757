/* Convolution over time as products without a gather: taps are taken `stride` at a time, for then
 * the rows under them lie side by side in memory and do not overlap from one output to the next. */
#include "lib/nn/layers.h"

typedef struct conv {
    syl_node node;
    syl_conv_shape shape;
    syl_var *x, *w, *bias;
    syl_ragged in, out;
    syl_mat padded;        /* every sequence with its zeros, as products take it */
    int64_t *padded_begin; /* [count + 1] */
} conv;

static int64_t outputs(syl_conv_shape s, int64_t rows)
{
    int64_t room = rows + 2 * s.pad - s.kernel;
    return room < 0 ? 0 : room / s.stride + 1;
}

static syl_status lay_out(syl_tape *tape, conv *c, int64_t *rows_out, syl_error *err)
{
    size_t bytes = (size_t)(c->in.count + 1) * sizeof(int64_t);
    int64_t *begin;
    SYL_TRY(syl_tape_alloc(tape, bytes, &begin, err));
    SYL_TRY(syl_tape_alloc(tape, bytes, &c->padded_begin, err));
    for (int i = 0; i < c->in.count; i++) {
        int64_t rows = c->in.begin[i + 1] - c->in.begin[i];
        begin[i + 1] = begin[i] + outputs(c->shape, rows);
        c->padded_begin[i + 1] = c->padded_begin[i] + rows + 2 * c->shape.pad;
    }
    c->out = (syl_ragged){c->in.count, begin};
    *rows_out = begin[c->in.count];
    return SYL_OK;
}

/* Rows of sequence i inside a padded matrix, without its zeros. */
static syl_mat inner(const conv *c, syl_mat padded, int i)
{
    return syl_mat_rows(padded, c->padded_begin[i] + c->shape.pad,
                        c->in.begin[i + 1] - c->in.begin[i]);
}

static void clear_edges(syl_ctx *ctx, const conv *c, syl_mat padded, int i)
{
    int64_t pad = c->shape.pad;
    syl_zero(ctx, syl_mat_rows(padded, c->padded_begin[i], pad));
    syl_zero(ctx, syl_mat_rows(padded, c->padded_begin[i + 1] - pad, pad));
}

static syl_status pad_input(syl_tape *tape, conv *c, syl_error *err)
{
    if (c->shape.pad == 0) return syl_var_operand(tape, c->x, &c->padded, err);
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), syl_tape_settings(tape)->compute,
                        c->padded_begin[c->in.count], c->x->value.cols, &c->padded, err));
    for (int i = 0; i < c->in.count; i++) {
        clear_edges(syl_tape_ctx(tape), c, c->padded, i);
        syl_convert(syl_tape_ctx(tape), syl_sequence(c->x->value, c->in, i),
                    inner(c, c->padded, i));
    }
    return SYL_OK;
}

/* Taps [from, from + stride) or what is left of them. */
static int64_t taps_at(const conv *c, int64_t from)
{
    int64_t left = c->shape.kernel - from;
    return left < c->shape.stride ? left : c->shape.stride;
}

/* What lies under those taps for each output of sequence i: a matrix inside `padded`. */
static syl_mat under_taps(const conv *c, syl_mat padded, int i, int64_t from)
{
    syl_mat m = syl_mat_rows(padded, c->padded_begin[i] + from, 0);
    m.rows = c->out.begin[i + 1] - c->out.begin[i];
    m.cols = taps_at(c, from) * c->shape.c_in;
    m.stride = (int64_t)c->shape.stride * c->shape.c_in;
    return m;
}

static syl_mat weights_of(const conv *c, syl_mat w, int64_t from)
{
    return syl_mat_cols(w, from * c->shape.c_in, taps_at(c, from) * c->shape.c_in);
}

static syl_status weight_gradient(syl_tape *tape, conv *c, syl_mat dy, syl_error *err)
{
    syl_mat dw;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, c->w, &dw, &accumulate, err));
    if (!accumulate) syl_fill(syl_tape_ctx(tape), 0, dw);
    for (int i = 0; i < c->in.count; i++)
        for (int64_t from = 0; from < c->shape.kernel; from += c->shape.stride)
            SYL_TRY(syl_product(syl_tape_ctx(tape), syl_sequence(dy, c->out, i), true,
                                under_taps(c, c->padded, i, from), false, true,
                                weights_of(c, dw, from), err));
    return SYL_OK;
}

static syl_status add_to_padded(syl_tape *tape, const conv *c, syl_mat dy, syl_mat padded,
                                syl_error *err)
{
    syl_mat w;
    SYL_TRY(syl_var_operand(tape, c->w, &w, err));
    for (int i = 0; i < c->in.count; i++)
        for (int64_t from = 0; from < c->shape.kernel; from += c->shape.stride)
            SYL_TRY(syl_product(syl_tape_ctx(tape), syl_sequence(dy, c->out, i), false,
                                weights_of(c, w, from), false, true, under_taps(c, padded, i, from),
                                err));
    return SYL_OK;
}

static syl_status input_gradient(syl_tape *tape, conv *c, syl_mat dy, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat dx, padded;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, c->x, &dx, &accumulate, err));
    if (c->shape.pad == 0) {
        if (!accumulate) syl_fill(ctx, 0, dx);
        return add_to_padded(tape, c, dy, dx, err);
    }
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, c->padded_begin[c->in.count], dx.cols, &padded, err));
    syl_fill(ctx, 0, padded);
    SYL_TRY(add_to_padded(tape, c, dy, padded, err));
    for (int i = 0; i < c->in.count; i++)
        syl_scale(ctx, 1, inner(c, padded, i), accumulate, syl_sequence(dx, c->in, i));
    return SYL_OK;
}

static syl_status backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    conv *c = (conv *)node;
    syl_mat dy;
    SYL_TRY(syl_operand(tape, node->out.grad, &dy, err));
    if (c->x->needs_grad) SYL_TRY(input_gradient(tape, c, dy, err));
    if (c->w->needs_grad) SYL_TRY(weight_gradient(tape, c, dy, err));
    return syl_bias_gradient(tape, c->bias, node->out.grad, err);
}

static syl_status forward(syl_tape *tape, conv *c, syl_error *err)
{
    syl_mat w, y = c->node.out.value;
    SYL_TRY(pad_input(tape, c, err));
    SYL_TRY(syl_var_operand(tape, c->w, &w, err));
    for (int i = 0; i < c->in.count; i++)
        for (int64_t from = 0; from < c->shape.kernel; from += c->shape.stride)
            SYL_TRY(syl_product(syl_tape_ctx(tape), under_taps(c, c->padded, i, from), false,
                                weights_of(c, w, from), true, from > 0, syl_sequence(y, c->out, i),
                                err));
    if (c->bias) syl_add_bias(syl_tape_ctx(tape), c->bias->value.data, y);
    return SYL_OK;
}

syl_status syl_nn_conv(syl_tape *tape, syl_conv_shape shape, syl_var *x, syl_ragged in, syl_var *w,
                       syl_var *bias, syl_var **y, syl_ragged *out, syl_error *err)
{
    conv plan = {.shape = shape, .x = x, .w = w, .bias = bias, .in = in}, *c;
    int64_t rows;
    bool needs = x->needs_grad || w->needs_grad || (bias && bias->needs_grad);
    SYL_TRY(lay_out(tape, &plan, &rows, err));
    SYL_TRY(syl_tape_node(tape, sizeof *c, backward, rows, shape.c_out, needs, &c, err));
    plan.node = c->node;
    *c = plan;
    SYL_TRY(forward(tape, c, err));
    *out = c->out;
    *y = &c->node.out;
    return SYL_OK;
}
