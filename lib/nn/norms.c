/* Layer, RMS and group norm, and rows of unit length. */
#include "lib/nn/layers.h"

typedef struct norm {
    syl_node node;
    syl_norm_kind kind;
    int groups;
    syl_ragged in;
    syl_var *x, *gamma, *beta;
    float *stats;
} norm;

static syl_status affine_gradients(syl_tape *tape, norm *n, float **dgamma, float **dbeta,
                                   syl_error *err)
{
    syl_mat grad;
    bool accumulate; /* parameters always add */
    *dgamma = *dbeta = NULL;
    if (!n->gamma->needs_grad) return SYL_OK;
    SYL_TRY(syl_var_grad(tape, n->gamma, &grad, &accumulate, err));
    *dgamma = grad.data;
    if (!n->beta) return SYL_OK;
    SYL_TRY(syl_var_grad(tape, n->beta, &grad, &accumulate, err));
    *dbeta = grad.data;
    return SYL_OK;
}

static syl_status norm_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    norm *n = (norm *)node;
    float *dgamma, *dbeta;
    syl_mat dx;
    bool accumulate;
    SYL_TRY(affine_gradients(tape, n, &dgamma, &dbeta, err));
    SYL_TRY(syl_var_grad(tape, n->x, &dx, &accumulate, err));
    syl_norm_backward(syl_tape_ctx(tape), n->kind, n->gamma->value.data, n->x->value, n->stats,
                      node->out.grad, accumulate, dx, dgamma, dbeta);
    return SYL_OK;
}

static syl_status norm_node(syl_tape *tape,
                            syl_status (*backward)(syl_tape *, syl_node *, syl_error *), syl_var *x,
                            syl_var *gamma, syl_var *beta, int64_t num_stats, norm **out,
                            syl_error *err)
{
    norm *n;
    syl_mat stats;
    bool needs = x->needs_grad || gamma->needs_grad;
    SYL_TRY(syl_tape_node(tape, sizeof *n, backward, x->value.rows, x->value.cols, needs, &n, err));
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, num_stats, 2, &stats, err));
    n->x = x;
    n->gamma = gamma;
    n->beta = beta;
    n->stats = stats.data;
    *out = n;
    return SYL_OK;
}

syl_status syl_nn_norm(syl_tape *tape, syl_norm_kind kind, syl_var *x, syl_var *gamma,
                       syl_var *beta, float eps, syl_var **y, syl_error *err)
{
    norm *n;
    SYL_TRY(norm_node(tape, norm_backward, x, gamma, beta, x->value.rows, &n, err));
    n->kind = kind;
    syl_norm_forward(syl_tape_ctx(tape), kind, gamma->value.data, beta ? beta->value.data : NULL,
                     eps, x->value, n->node.out.value, n->stats);
    *y = &n->node.out;
    return SYL_OK;
}

/* ---- group norm ------------------------------------------------------------------------- */

static float *stats_of(const norm *n, int i)
{
    return n->stats + 2 * i * n->x->value.cols;
}

static syl_status group_norm_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    norm *n = (norm *)node;
    float *dgamma, *dbeta;
    syl_mat dx;
    bool accumulate;
    SYL_TRY(affine_gradients(tape, n, &dgamma, &dbeta, err));
    SYL_TRY(syl_var_grad(tape, n->x, &dx, &accumulate, err));
    for (int i = 0; i < n->in.count; i++)
        SYL_TRY(syl_group_norm_backward(syl_tape_ctx(tape), n->groups, n->gamma->value.data,
                                        syl_sequence(n->x->value, n->in, i), stats_of(n, i),
                                        syl_sequence(node->out.grad, n->in, i), accumulate,
                                        syl_sequence(dx, n->in, i), dgamma, dbeta, err));
    return SYL_OK;
}

syl_status syl_nn_group_norm(syl_tape *tape, int groups, syl_var *x, syl_ragged in, syl_var *gamma,
                             syl_var *beta, float eps, syl_var **y, syl_error *err)
{
    norm *n;
    SYL_TRY(
        norm_node(tape, group_norm_backward, x, gamma, beta, in.count * x->value.cols, &n, err));
    n->groups = groups;
    n->in = in;
    for (int i = 0; i < in.count; i++)
        SYL_TRY(syl_group_norm_forward(syl_tape_ctx(tape), groups, gamma->value.data,
                                       beta->value.data, eps, syl_sequence(x->value, n->in, i),
                                       syl_sequence(n->node.out.value, n->in, i), stats_of(n, i),
                                       err));
    *y = &n->node.out;
    return SYL_OK;
}

/* ---- unit rows -------------------------------------------------------------------------- */

typedef struct unit {
    syl_node node;
    syl_var *x;
    float *norms;
} unit;

static syl_status unit_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    unit *u = (unit *)node;
    syl_mat dx;
    bool accumulate;
    SYL_TRY(syl_var_grad(tape, u->x, &dx, &accumulate, err));
    syl_unit_rows_backward(syl_tape_ctx(tape), node->out.value, u->norms, node->out.grad,
                           accumulate, dx);
    return SYL_OK;
}

syl_status syl_nn_unit_rows(syl_tape *tape, syl_var *x, syl_var **y, syl_error *err)
{
    unit *u;
    syl_mat norms;
    SYL_TRY(syl_tape_node(tape, sizeof *u, unit_backward, x->value.rows, x->value.cols,
                          x->needs_grad, &u, err));
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, x->value.rows, 1, &norms, err));
    u->x = x;
    u->norms = norms.data;
    syl_unit_rows(syl_tape_ctx(tape), x->value, u->node.out.value, u->norms);
    *y = &u->node.out;
    return SYL_OK;
}
