#include "lib/nn/losses.h"

#include "lib/nn/layers.h"

#define COSINE_EPS 1e-8f /* as torch.nn.functional.cosine_similarity */

static syl_status like(syl_tape *tape, syl_mat m, syl_mat *out, syl_error *err)
{
    return syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, m.rows, m.cols, out, err);
}

syl_status syl_loss_squared(syl_tape *tape, syl_var *x, syl_mat target, float scale, double *loss,
                            syl_error *err)
{
    syl_mat d;
    SYL_TRY(like(tape, x->value, &d, err));
    *loss = scale * syl_squared_error(syl_tape_ctx(tape), x->value, target, scale, d);
    return syl_var_add_grad(tape, x, d, err);
}

syl_status syl_loss_cross_entropy(syl_tape *tape, syl_var *logits, const int32_t *target,
                                  float scale, double *loss, syl_error *err)
{
    syl_mat d;
    for (int64_t i = 0; i < logits->value.rows; i++)
        if (target[i] >= logits->value.cols)
            return syl_fail(err, SYL_EINVAL, "target %d of row %lld: there are %lld classes",
                            (int)target[i], (long long)i, (long long)logits->value.cols);
    SYL_TRY(like(tape, logits->value, &d, err));
    *loss = scale * syl_cross_entropy(syl_tape_ctx(tape), logits->value, target, scale, d);
    return syl_var_add_grad(tape, logits, d, err);
}

syl_status syl_loss_cosine(syl_tape *tape, syl_var *x, syl_var *target, float scale, double *loss,
                           syl_error *err)
{
    syl_mat dx, dt;
    SYL_TRY(like(tape, x->value, &dx, err));
    SYL_TRY(like(tape, x->value, &dt, err));
    *loss = scale * syl_cosine_error(syl_tape_ctx(tape), x->value, target->value, COSINE_EPS, scale,
                                     dx, dt);
    SYL_TRY(syl_var_add_grad(tape, x, dx, err));
    return syl_var_add_grad(tape, target, dt, err);
}

/* ---- products of two variables, for the losses that compare --------------------------------- */

typedef struct pairs {
    syl_node node;
    syl_var *a, *b;
    float scale;
} pairs;

static syl_status pairs_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    pairs *p = (pairs *)node;
    syl_mat dy, a, b, grad;
    bool accumulate;
    syl_scale(syl_tape_ctx(tape), p->scale, node->out.grad, false, node->out.grad);
    SYL_TRY(syl_operand(tape, node->out.grad, &dy, err));
    if (p->a->needs_grad) {
        SYL_TRY(syl_var_operand(tape, p->b, &b, err));
        SYL_TRY(syl_var_grad(tape, p->a, &grad, &accumulate, err));
        SYL_TRY(syl_product(syl_tape_ctx(tape), dy, false, b, false, accumulate, grad, err));
    }
    if (!p->b->needs_grad) return SYL_OK;
    SYL_TRY(syl_var_operand(tape, p->a, &a, err));
    SYL_TRY(syl_var_grad(tape, p->b, &grad, &accumulate, err));
    return syl_product(syl_tape_ctx(tape), dy, true, a, false, accumulate, grad, err);
}

/* y [rows of a][rows of b] = scale a b^T. */
static syl_status all_pairs(syl_tape *tape, syl_var *a, syl_var *b, float scale, syl_var **y,
                            syl_error *err)
{
    pairs *p;
    syl_mat left, right;
    SYL_TRY(syl_tape_node(tape, sizeof *p, pairs_backward, a->value.rows, b->value.rows,
                          a->needs_grad || b->needs_grad, &p, err));
    p->a = a;
    p->b = b;
    p->scale = scale;
    SYL_TRY(syl_var_operand(tape, a, &left, err));
    SYL_TRY(syl_var_operand(tape, b, &right, err));
    SYL_TRY(
        syl_product(syl_tape_ctx(tape), left, false, right, true, false, p->node.out.value, err));
    syl_scale(syl_tape_ctx(tape), scale, p->node.out.value, false, p->node.out.value);
    *y = &p->node.out;
    return SYL_OK;
}

syl_status syl_loss_info_nce(syl_tape *tape, syl_var *a, syl_var *b, float temperature, float scale,
                             double *loss, syl_error *err)
{
    syl_var *u, *v, *cosines;
    int32_t *own;
    SYL_TRY(syl_nn_unit_rows(tape, a, &u, err));
    SYL_TRY(syl_nn_unit_rows(tape, b, &v, err));
    SYL_TRY(all_pairs(tape, u, v, 1.0f / temperature, &cosines, err));
    SYL_TRY(syl_tape_alloc(tape, (size_t)a->value.rows * sizeof *own, &own, err));
    for (int64_t i = 0; i < a->value.rows; i++)
        own[i] = (int32_t)i;
    return syl_loss_cross_entropy(tape, cosines, own, scale, loss, err);
}

/* ---- sampled softmax ---------------------------------------------------------------------- */

/* x . w row by row in the first column, x against every sample in the others. */
typedef struct candidates {
    syl_node node;
    syl_var *x, *own, *sampled;
} candidates;

static syl_status candidates_backward(syl_tape *tape, syl_node *node, syl_error *err)
{
    candidates *c = (candidates *)node;
    syl_ctx *ctx = syl_tape_ctx(tape);
    int64_t m = c->sampled->value.rows;
    syl_mat first = syl_mat_cols(node->out.grad, 0, 1), rest, x, w, grad;
    bool accumulate;
    SYL_TRY(syl_operand(tape, syl_mat_cols(node->out.grad, 1, m), &rest, err));
    if (c->x->needs_grad) {
        SYL_TRY(syl_var_operand(tape, c->sampled, &w, err));
        SYL_TRY(syl_var_grad(tape, c->x, &grad, &accumulate, err));
        SYL_TRY(syl_product(ctx, rest, false, w, false, accumulate, grad, err));
        syl_add_scaled_rows(ctx, first, c->own->value, true, grad);
    }
    if (!c->own->needs_grad) return SYL_OK;
    SYL_TRY(syl_var_operand(tape, c->x, &x, err));
    SYL_TRY(syl_var_grad(tape, c->own, &grad, &accumulate, err));
    syl_add_scaled_rows(ctx, first, c->x->value, accumulate, grad);
    SYL_TRY(syl_var_grad(tape, c->sampled, &grad, &accumulate, err));
    return syl_product(ctx, rest, true, x, false, accumulate, grad, err);
}

syl_status syl_loss_sampled(syl_tape *tape, syl_var *x, syl_var *table, syl_sample sample,
                            float scale, double *loss, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    int64_t n = x->value.rows, m = sample.num_sampled;
    candidates *c;
    syl_var *own, *sampled;
    syl_mat a, w;
    int32_t *first;
    SYL_TRY(syl_nn_embedding(tape, table, sample.target, n, &own, err));
    SYL_TRY(syl_nn_embedding(tape, table, sample.sampled, m, &sampled, err));
    SYL_TRY(syl_tape_node(tape, sizeof *c, candidates_backward, n, 1 + m,
                          x->needs_grad || table->needs_grad, &c, err));
    c->x = x;
    c->own = own;
    c->sampled = sampled;
    SYL_TRY(syl_var_operand(tape, x, &a, err));
    SYL_TRY(syl_var_operand(tape, sampled, &w, err));
    syl_row_dots(ctx, x->value, own->value, syl_mat_cols(c->node.out.value, 0, 1));
    SYL_TRY(syl_product(ctx, a, false, w, true, false, syl_mat_cols(c->node.out.value, 1, m), err));
    syl_sampled_correction(ctx, &sample, c->node.out.value);
    SYL_TRY(syl_tape_alloc(tape, (size_t)n * sizeof *first, &first, err));
    return syl_loss_cross_entropy(tape, &c->node.out, first, scale, loss, err);
}
