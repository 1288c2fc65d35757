/* Low-rank adapters on the tape. The sum is made where the product's output stands, and its
 * gradient is handed on to the product as it is, so that an adapter keeps rank numbers a row and no
 * more. */
#include "lib/nn/layers.h"

typedef struct low_rank {
    syl_node node;
    syl_low_rank by;
    syl_var *y, *x, *down, *up;
    syl_mat inner; /* [rows][rank]: scale down dropout(x) */
    uint64_t stream;
} low_rank;

/* What `down` reads: the same in forward and backward. With dropout it is scratch memory. */
static syl_status read_input(syl_tape *tape, const low_rank *l, syl_mat *out, syl_error *err)
{
    syl_mat kept, x = l->x->value;
    if (l->by.dropout <= 0) return syl_var_operand(tape, l->x, out, err);
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, x.rows, x.cols, &kept, err));
    syl_dropout(syl_tape_ctx(tape), syl_tape_settings(tape)->seed, l->stream, l->by.dropout, x,
                false, kept);
    return syl_operand(tape, kept, out, err);
}

/* Gives back scratch memory, but not the operand of x, which stays for others. */
static void give_back(syl_tape *tape, const low_rank *l, size_t mark)
{
    if (l->by.dropout > 0) syl_ctx_release(syl_tape_ctx(tape), mark);
}

static syl_status up_gradient(syl_tape *tape, low_rank *l, syl_mat dy, syl_error *err)
{
    syl_mat inner, grad;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, l->up, &grad, &accumulate, err));
    SYL_TRY(syl_operand(tape, l->inner, &inner, err));
    return syl_product(syl_tape_ctx(tape), dy, true, inner, false, accumulate, grad, err);
}

static syl_status down_gradient(syl_tape *tape, low_rank *l, syl_mat dinner, syl_error *err)
{
    syl_mat x, grad;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, l->down, &grad, &accumulate, err));
    size_t mark = syl_ctx_mark(syl_tape_ctx(tape));
    SYL_TRY(read_input(tape, l, &x, err));
    SYL_TRY(syl_product(syl_tape_ctx(tape), dinner, true, x, false, accumulate, grad, err));
    give_back(tape, l, mark);
    return SYL_OK;
}

static syl_status input_gradient(syl_tape *tape, low_rank *l, syl_mat dinner, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat down, grad, read;
    bool accumulate;
    SYL_TRY(syl_var_operand(tape, l->down, &down, err));
    SYL_TRY(syl_var_grad(tape, l->x, &grad, &accumulate, err));
    if (l->by.dropout <= 0)
        return syl_product(ctx, dinner, false, down, false, accumulate, grad, err);
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, grad.rows, grad.cols, &read, err));
    SYL_TRY(syl_product(ctx, dinner, false, down, false, false, read, err));
    syl_dropout(ctx, syl_tape_settings(tape)->seed, l->stream, l->by.dropout, read, accumulate,
                grad);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

static syl_status backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    low_rank *l = (low_rank *)node;
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat dy, up, dinner, half;
    SYL_TRY(syl_operand(tape, syl_mat_cols(node->out.grad, l->by.at, l->up->value.rows), &dy, err));
    SYL_TRY(up_gradient(tape, l, dy, err));
    SYL_TRY(syl_var_operand(tape, l->up, &up, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, l->inner.rows, l->inner.cols, &dinner, err));
    SYL_TRY(syl_product(ctx, dy, false, up, false, false, dinner, err));
    syl_scale(ctx, l->by.scale, dinner, false, dinner);
    SYL_TRY(syl_operand(tape, dinner, &half, err));
    SYL_TRY(down_gradient(tape, l, half, err));
    if (l->x->needs_grad) SYL_TRY(input_gradient(tape, l, half, err));
    l->y->grad = node->out.grad;
    l->y->has_grad = l->y->needs_grad;
    return SYL_OK;
}

static syl_status forward(syl_tape *tape, low_rank *l, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat x, down, up, half, y = l->y->value;
    SYL_TRY(syl_var_operand(tape, l->down, &down, err));
    SYL_TRY(syl_var_operand(tape, l->up, &up, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, y.rows, down.rows, &l->inner, err));
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(read_input(tape, l, &x, err));
    SYL_TRY(syl_product(ctx, x, false, down, true, false, l->inner, err));
    give_back(tape, l, mark);
    syl_scale(ctx, l->by.scale, l->inner, false, l->inner);
    SYL_TRY(syl_operand(tape, l->inner, &half, err));
    return syl_product(ctx, half, false, up, true, true, syl_mat_cols(y, l->by.at, up.rows), err);
}

syl_status syl_nn_low_rank(syl_tape *tape, const syl_low_rank *by, syl_var *x, syl_var **y,
                           syl_error *err)
{
    low_rank *l;
    SYL_TRY(syl_tape_node(tape, sizeof *l, backward, 0, 0, true, &l, err));
    l->by = *by;
    l->x = x;
    l->y = *y;
    l->node.out.value = l->y->value;
    if (!syl_tape_settings(tape)->training) l->by.dropout = 0;
    if (l->by.dropout > 0) l->stream = syl_tape_next_stream(tape);
    SYL_TRY(syl_tape_param(tape, by->down, &l->down, err));
    SYL_TRY(syl_tape_param(tape, by->up, &l->up, err));
    *y = &l->node.out;
    return forward(tape, l, err);
}
