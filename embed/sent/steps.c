#include "embed/sent/steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/compute/training.h"

/* Steps through the same weights. */
typedef struct group {
    syl_ctx *ctx;
    const syl_reasoner *model;
    syl_step **steps; /* [count] */
    int count;
    float *rows; /* [count][the widest row], of the host */
} group;

static size_t row_of(const syl_step *s)
{
    const syl_lm_shape *shape = s->lm ? syl_lm_shape_of(s->lm) : NULL;
    if (s->kind == SYL_STEP_MLP) {
        int in = s->mlp->width[0], out = s->mlp->width[s->mlp->layers];
        return (size_t)(in > out ? in : out);
    }
    return (size_t)(s->kind == SYL_STEP_CHOOSE && shape->vocab > shape->dim ? shape->vocab
                                                                            : shape->dim);
}

/* x [count][cols] of the steps' vectors, on the device. */
static syl_status stack(const group *g, int64_t cols, syl_mat *out, syl_error *err)
{
    SYL_TRY(syl_ctx_mat(g->ctx, SYL_F32, g->count, cols, out, err));
    for (int i = 0; i < g->count; i++)
        memcpy(g->rows + i * cols, g->steps[i]->x, (size_t)cols * sizeof *g->rows);
    return syl_upload(g->ctx, g->rows, *out, err);
}

static syl_status hand_out(const group *g, syl_mat y, syl_error *err)
{
    SYL_TRY(syl_download(g->ctx, y, g->rows, err));
    for (int i = 0; i < g->count; i++)
        if (g->steps[i]->y)
            memcpy(g->steps[i]->y, g->rows + i * y.cols, (size_t)y.cols * sizeof *g->rows);
    return SYL_OK;
}

/* ---- language models ------------------------------------------------------------------------- */

static syl_status fill_rows(const group *g, const int64_t *begin, syl_mat x, syl_error *err)
{
    for (int i = 0; i < g->count; i++) {
        const syl_step *s = g->steps[i];
        syl_mat rows = syl_mat_rows(x, begin[i], begin[i + 1] - begin[i]);
        SYL_TRY(s->ids ? syl_lm_embed(g->ctx, s->lm, s->ids, rows, err)
                       : syl_upload(g->ctx, s->x, rows, err));
    }
    return SYL_OK;
}

static syl_status read_rows(const group *g, int64_t *begin, syl_lm_cache **caches, syl_error *err)
{
    const syl_lm *lm = g->steps[0]->lm;
    int64_t dim = syl_lm_shape_of(lm)->dim;
    syl_mat x, y;
    for (int i = 0; i < g->count; i++) {
        begin[i + 1] = begin[i] + (g->steps[i]->ids ? g->steps[i]->count : 1);
        caches[i] = g->steps[i]->cache;
        g->steps[i]->flops = -syl_lm_cache_flops(caches[i]);
    }
    SYL_TRY(syl_ctx_mat(g->ctx, SYL_F32, begin[g->count], dim, &x, err));
    SYL_TRY(syl_ctx_mat(g->ctx, SYL_F32, g->count, dim, &y, err));
    SYL_TRY(fill_rows(g, begin, x, err));
    SYL_TRY(
        syl_lm_forward_batch(g->ctx, lm, caches, (syl_ragged){g->count, begin}, x, y, NULL, err));
    for (int i = 0; i < g->count; i++)
        g->steps[i]->flops += syl_lm_cache_flops(caches[i]);
    return hand_out(g, y, err);
}

static syl_status read_all(const group *g, syl_error *err)
{
    size_t n = (size_t)g->count;
    int64_t *begin = syl_calloc(n + 1, sizeof *begin);
    syl_lm_cache **caches = syl_calloc(n, sizeof(syl_lm_cache *));
    syl_status status = begin && caches ? read_rows(g, begin, caches, err)
                                        : syl_fail_memory(err, n * sizeof *begin, "a pass");
    free(begin);
    free(caches);
    return status;
}

/* Logits past the tokenizer's words are those of no token. */
static void choose(const syl_reasoner *model, const float *logits, syl_step *s)
{
    *s->id = 0;
    for (int32_t i = 0; i < model->tokenizer->vocab; i++) {
        if (!isfinite(logits[i])) {
            s->status = syl_fail(&s->error, SYL_ECOMPUTE,
                                 "a logit of the model is not finite; its weights are damaged");
            return;
        }
        if (logits[i] > logits[*s->id]) *s->id = i;
    }
}

static syl_status choose_all(const group *g, syl_error *err)
{
    const syl_lm_shape *shape = syl_lm_shape_of(g->steps[0]->lm);
    syl_mat x, y;
    double flops = syl_ctx_flops(g->ctx);
    SYL_TRY(stack(g, shape->dim, &x, err));
    SYL_TRY(syl_ctx_mat(g->ctx, SYL_F32, g->count, shape->vocab, &y, err));
    SYL_TRY(syl_lm_logits(g->ctx, g->steps[0]->lm, x, y, err));
    SYL_TRY(syl_download(g->ctx, y, g->rows, err));
    for (int i = 0; i < g->count; i++) {
        g->steps[i]->flops = (syl_ctx_flops(g->ctx) - flops) / g->count;
        choose(g->model, g->rows + (int64_t)i * shape->vocab, g->steps[i]);
    }
    return SYL_OK;
}

/* ---- projections ----------------------------------------------------------------------------- */

static syl_status project_all(const group *g, syl_error *err)
{
    const syl_reasoner_mlp *mlp = g->steps[0]->mlp;
    syl_mat in, out;
    double flops = syl_ctx_flops(g->ctx);
    SYL_TRY(stack(g, mlp->width[0], &in, err));
    for (int i = 0; i < mlp->layers; i++, in = out) {
        syl_act act = i + 1 < mlp->layers ? SYL_ACT_GELU : SYL_ACT_NONE;
        SYL_TRY(syl_ctx_mat(g->ctx, SYL_F32, g->count, mlp->width[i + 1], &out, err));
        SYL_TRY(syl_linear(g->ctx, mlp->weight[i], in, act, false, out, err));
    }
    for (int i = 0; i < g->count; i++)
        g->steps[i]->flops = (syl_ctx_flops(g->ctx) - flops) / g->count;
    return hand_out(g, in, err);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void run_group(group *g)
{
    syl_error err = {.status = SYL_OK};
    double began = syl_clock_seconds();
    size_t mark = syl_ctx_mark(g->ctx), row = row_of(g->steps[0]);
    syl_step_kind kind = g->steps[0]->kind;
    syl_status status = SYL_OK;
    g->rows = syl_calloc((size_t)g->count, row * sizeof *g->rows);
    if (!g->rows) status = syl_fail_memory(&err, (size_t)g->count * row * 4, "vectors");
    if (!status)
        status = kind == SYL_STEP_READ     ? read_all(g, &err)
                 : kind == SYL_STEP_CHOOSE ? choose_all(g, &err)
                                           : project_all(g, &err);
    free(g->rows);
    syl_ctx_release(g->ctx, mark);
    double share = (syl_clock_seconds() - began) / g->count;
    for (int i = 0; i < g->count; i++) {
        syl_step *s = g->steps[i];
        s->done = true;
        s->seconds = share;
        if (status) s->status = status, s->error = err;
    }
}

static bool belongs(const syl_step *a, const syl_step *b)
{
    return !b->done && a->kind == b->kind && a->lm == b->lm && a->mlp == b->mlp;
}

void syl_steps_run(syl_ctx *ctx, const syl_reasoner *model, syl_step *const *steps, int count)
{
    syl_step *one, **together = count > 1 ? syl_calloc((size_t)count, sizeof *together) : &one;
    for (int i = 0; i < count; i++) {
        group g = {.ctx = ctx, .model = model, .steps = together ? together : &one};
        if (steps[i]->done) continue;
        g.steps[g.count++] = steps[i];
        for (int k = i + 1; together && k < count; k++)
            if (belongs(steps[i], steps[k])) g.steps[g.count++] = steps[k];
        run_group(&g);
    }
    if (together != &one) free(together);
}
