/* Activations, sums, dropout, rows of a table. */
#include "lib/nn/layers.h"

typedef struct element {
    syl_node node;
    syl_var *a, *b;
    syl_function function;
    float p;
    uint64_t stream;
    const int32_t *ids;
} element;

static syl_status element_node(syl_tape *tape,
                               syl_status (*backward)(syl_tape *, syl_node *, syl_error *),
                               syl_var *a, int64_t rows, bool needs, element **out, syl_error *err)
{
    SYL_TRY(syl_tape_node(tape, sizeof **out, backward, rows, a->value.cols, needs, out, err));
    (*out)->a = a;
    return SYL_OK;
}

static syl_status activation_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    element *e = (element *)node;
    syl_mat dx;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, e->a, &dx, &accumulate, err));
    syl_activation_backward(syl_tape_ctx(tape), e->function, e->a->value, node->out.grad,
                            accumulate, dx);
    return SYL_OK;
}

syl_status syl_nn_activation(syl_tape *tape, syl_function f, syl_var *x, syl_var **y,
                             syl_error *err)
{
    element *e;
    SYL_TRY(element_node(tape, activation_backward, x, x->value.rows, x->needs_grad, &e, err));
    e->function = f;
    syl_activation(syl_tape_ctx(tape), f, x->value, e->node.out.value);
    *y = &e->node.out;
    return SYL_OK;
}

/* Both halves of x at once. */
static syl_status gated_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    element *e = (element *)node;
    int64_t n = node->out.value.cols;
    syl_mat x = e->a->value, dx;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, e->a, &dx, &accumulate, err));
    syl_gated_backward(syl_tape_ctx(tape), e->function, syl_mat_cols(x, 0, n),
                       syl_mat_cols(x, n, n), node->out.grad, accumulate, syl_mat_cols(dx, 0, n),
                       syl_mat_cols(dx, n, n));
    return SYL_OK;
}

syl_status syl_nn_gated(syl_tape *tape, syl_function f, syl_var *x, syl_var **y, syl_error *err)
{
    element *e;
    int64_t n = x->value.cols / 2;
    SYL_TRY(
        syl_tape_node(tape, sizeof *e, gated_backward, x->value.rows, n, x->needs_grad, &e, err));
    e->a = x;
    e->function = f;
    syl_gated(syl_tape_ctx(tape), f, syl_mat_cols(x->value, 0, n), syl_mat_cols(x->value, n, n),
              e->node.out.value);
    *y = &e->node.out;
    return SYL_OK;
}

static syl_status add_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    element *e = (element *)node;
    SYL_TRY(syl_var_add_grad(tape, e->a, node->out.grad, err));
    return syl_var_add_grad(tape, e->b, node->out.grad, err);
}

syl_status syl_nn_add(syl_tape *tape, syl_var *a, syl_var *b, syl_var **y, syl_error *err)
{
    element *e;
    SYL_TRY(element_node(tape, add_backward, a, a->value.rows, a->needs_grad || b->needs_grad, &e,
                         err));
    e->b = b;
    syl_sum(syl_tape_ctx(tape), a->value, b->value, e->node.out.value);
    *y = &e->node.out;
    return SYL_OK;
}

static syl_status dropout_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    element *e = (element *)node;
    syl_mat dx;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, e->a, &dx, &accumulate, err));
    syl_dropout(syl_tape_ctx(tape), syl_tape_settings(tape)->seed, e->stream, e->p, node->out.grad,
                accumulate, dx);
    return SYL_OK;
}

syl_status syl_nn_dropout(syl_tape *tape, float p, syl_var *x, syl_var **y, syl_error *err)
{
    const syl_tape_options *options = syl_tape_settings(tape);
    element *e;
    *y = x;
    if (p <= 0 || !options->training) return SYL_OK;
    SYL_TRY(element_node(tape, dropout_backward, x, x->value.rows, x->needs_grad, &e, err));
    e->p = p;
    e->stream = syl_tape_next_stream(tape);
    syl_dropout(syl_tape_ctx(tape), options->seed, e->stream, p, x->value, false,
                e->node.out.value);
    *y = &e->node.out;
    return SYL_OK;
}

static syl_status embedding_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    element *e = (element *)node;
    syl_mat grad;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, e->a, &grad, &accumulate, err));
    if (!accumulate) syl_fill(syl_tape_ctx(tape), 0, grad);
    syl_scatter_add(syl_tape_ctx(tape), e->ids, node->out.grad, grad);
    return SYL_OK;
}

syl_status syl_nn_embedding(syl_tape *tape, syl_var *table, const int32_t *ids, int64_t n,
                            syl_var **y, syl_error *err)
{
    element *e;
    SYL_TRY(element_node(tape, embedding_backward, table, n, table->needs_grad, &e, err));
    e->ids = ids;
    syl_gather(syl_tape_ctx(tape), table->value, ids, e->node.out.value);
    *y = &e->node.out;
    return SYL_OK;
}
