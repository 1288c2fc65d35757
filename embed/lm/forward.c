/* The pass through the layers. */
#include <stdlib.h>

#include "embed/lm/model.h"
#include "embed/lm/turns.h"
#include "lib/base/memory.h"

/* One pass: the next rows of some conversations. */
typedef struct pass {
    syl_ctx *ctx;
    const syl_lm *lm;
    syl_lm_cache *const *caches;
    syl_ragged sequences;
    int32_t *position;     /* [rows], of each in its conversation; Llama: its row of turns */
    syl_mat turns;         /* Llama: [rows][head_dim] */
    syl_mat x;             /* [rows][dim] the residual stream */
    syl_mat normed, mixed; /* [rows][dim] */
    syl_mat qkv;           /* [rows][dim + 2 keys] */
    syl_mat inner, outer;  /* [rows][ff or 2 ff], [rows][ff] */
    double attention;      /* flops, which are those of one conversation each */
} pass;

static void norm(const pass *p, const syl_lm_norm *n, syl_mat x, syl_mat y)
{
    syl_norm_kind kind = n->beta ? SYL_LAYER_NORM : SYL_RMS_NORM;
    syl_norm_forward(p->ctx, kind, n->gamma, n->beta, p->lm->shape.eps, x, y, NULL);
}

/* Keys and values of a layer of positions [begin, begin + n). */
static syl_mat cached(const syl_lm_cache *cache, int layer, int64_t begin, int64_t n)
{
    int64_t cols = 2 * syl_lm_key_cols(&cache->lm->shape);
    return syl_mat_of(cache->data + (layer * cache->capacity + begin) * cols, SYL_F32, n, cols);
}

/* mixed = attention of each conversation's new rows over all it has had. */
static syl_status attend(pass *p, int layer, syl_error *err)
{
    const syl_lm_shape *s = &p->lm->shape;
    int64_t keys = syl_lm_key_cols(s);
    for (int i = 0; i < p->sequences.count; i++) {
        syl_lm_cache *cache = p->caches[i];
        double before = syl_ctx_flops(p->ctx);
        syl_mat fresh = syl_sequence(p->qkv, p->sequences, i);
        if (fresh.rows == 0) continue;
        syl_mat all = cached(cache, layer, 0, cache->length + fresh.rows);
        syl_attention_mask causal = {.left = -1, .offset = cache->length};
        syl_convert(p->ctx, syl_mat_cols(fresh, s->dim, 2 * keys),
                    syl_mat_rows(all, cache->length, fresh.rows));
        SYL_TRY(syl_attention(p->ctx, s->heads, causal, syl_mat_cols(fresh, 0, s->dim),
                              syl_mat_cols(all, 0, keys), syl_mat_cols(all, keys, keys),
                              syl_sequence(p->mixed, p->sequences, i), err));
        cache->flops += syl_ctx_flops(p->ctx) - before;
        p->attention += syl_ctx_flops(p->ctx) - before;
    }
    return SYL_OK;
}

static syl_status feed_forward(const pass *p, const syl_lm_layer *layer, syl_error *err)
{
    int64_t ff = p->lm->shape.ff;
    SYL_TRY(syl_linear(p->ctx, layer->up, p->normed, SYL_ACT_NONE, false, p->inner, err));
    if (p->lm->shape.kind == SYL_LM_GPT2)
        syl_activation(p->ctx, SYL_GELU_TANH, p->inner, p->outer);
    else
        syl_gated(p->ctx, SYL_SILU, syl_mat_cols(p->inner, 0, ff), syl_mat_cols(p->inner, ff, ff),
                  p->outer);
    return syl_linear(p->ctx, layer->down, p->outer, SYL_ACT_NONE, true, p->x, err);
}

static syl_status run_layer(pass *p, int i, syl_error *err)
{
    const syl_lm_shape *s = &p->lm->shape;
    const syl_lm_layer *layer = &p->lm->layer[i];
    norm(p, &layer->attention_norm, p->x, p->normed);
    SYL_TRY(syl_linear(p->ctx, layer->qkv, p->normed, SYL_ACT_NONE, false, p->qkv, err));
    if (s->kind == SYL_LM_LLAMA)
        syl_rotate(p->ctx, p->turns, p->position, s->rope_adjacent, false,
                   syl_mat_cols(p->qkv, 0, s->dim + syl_lm_key_cols(s)));
    SYL_TRY(attend(p, i, err));
    SYL_TRY(syl_linear(p->ctx, layer->out, p->mixed, SYL_ACT_NONE, true, p->x, err));
    norm(p, &layer->ff_norm, p->x, p->normed);
    return feed_forward(p, layer, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static syl_status check(const syl_ctx *ctx, const syl_lm *lm, syl_lm_cache *const *caches,
                        syl_ragged sequences, syl_mat x, syl_error *err)
{
    if (syl_ctx_device(ctx) != lm->device)
        return syl_fail(err, SYL_EINVAL, "the model is on %s, the context on %s",
                        syl_device_name(lm->device), syl_device_name(syl_ctx_device(ctx)));
    if (x.cols != lm->shape.dim || x.dtype != SYL_F32 || x.rows != sequences.begin[sequences.count])
        return syl_fail(err, SYL_EINVAL,
                        "a pass over %lld vectors of %lld; the model's are of %d in float32",
                        (long long)x.rows, (long long)x.cols, lm->shape.dim);
    for (int i = 0; i < sequences.count; i++) {
        const syl_lm_cache *c = caches[i];
        int64_t n = sequences.begin[i + 1] - sequences.begin[i];
        if (c->lm != lm) return syl_fail(err, SYL_EINVAL, "a cache of another model");
        if (n < 0 || n > c->capacity - c->length)
            return syl_fail(err, SYL_EINVAL,
                            "%lld positions behind %lld do not fit into a cache of %lld (the "
                            "model's context has %d)",
                            (long long)n, (long long)c->length, (long long)c->capacity,
                            lm->shape.context);
    }
    return SYL_OK;
}

static syl_status make_turns(pass *p, int64_t n, syl_error *err)
{
    int dim = syl_lm_head_dim(&p->lm->shape);
    float *host = syl_calloc((size_t)n, (size_t)dim * sizeof *host);
    if (!host)
        return syl_fail_memory(err, (size_t)n * (size_t)dim * sizeof *host, "rotary positions");
    syl_lm_turns(p->lm->angle, dim, p->position, n, host);
    for (int64_t t = 0; t < n; t++)
        p->position[t] = (int32_t)t;
    syl_status status = syl_ctx_mat(p->ctx, SYL_F32, n, dim, &p->turns, err);
    if (status == SYL_OK) status = syl_upload(p->ctx, host, p->turns, err);
    free(host);
    return status;
}

static syl_status take_room(pass *p, int64_t n, int32_t *position, syl_error *err)
{
    const syl_lm_shape *s = &p->lm->shape;
    int64_t wide = s->kind == SYL_LM_GPT2 ? s->ff : 2 * s->ff;
    SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, n, s->dim, &p->normed, err));
    SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, n, s->dim, &p->mixed, err));
    SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, n, s->dim + 2 * syl_lm_key_cols(s), &p->qkv, err));
    SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, n, wide, &p->inner, err));
    p->outer = p->inner; /* in place, but for the gate */
    if (s->kind == SYL_LM_LLAMA) SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, n, s->ff, &p->outer, err));
    p->position = position;
    for (int i = 0; i < p->sequences.count; i++)
        for (int64_t t = p->sequences.begin[i]; t < p->sequences.begin[i + 1]; t++)
            position[t] = (int32_t)(p->caches[i]->length + t - p->sequences.begin[i]);
    return s->kind == SYL_LM_LLAMA ? make_turns(p, n, err) : SYL_OK;
}

/* p->x holds the vectors, and then what comes out of the last layer. */
static syl_status run(pass *p, const syl_mat *residuals, syl_error *err)
{
    const syl_lm *lm = p->lm;
    double before = syl_ctx_flops(p->ctx);
    if (lm->shape.kind == SYL_LM_GPT2) {
        syl_gather(p->ctx, lm->positions, p->position, p->normed);
        syl_add(p->ctx, p->normed, p->x);
    }
    for (int i = 0; i < lm->shape.layers; i++) {
        size_t mark = syl_ctx_mark(p->ctx);
        syl_status status = run_layer(p, i, err);
        syl_ctx_release(p->ctx, mark);
        SYL_TRY(status);
        if (residuals && residuals[i].data) syl_convert(p->ctx, p->x, residuals[i]);
    }
    double products = syl_ctx_flops(p->ctx) - before - p->attention;
    for (int i = 0; i < p->sequences.count; i++) {
        int64_t n = p->sequences.begin[i + 1] - p->sequences.begin[i];
        p->caches[i]->length += n;
        p->caches[i]->flops += products * (double)n / (double)p->x.rows;
    }
    return SYL_OK;
}

/* hidden = the final norm of all rows, of the last ones, or of each conversation's last. */
static void finish(const pass *p, syl_mat hidden)
{
    const syl_ragged r = p->sequences;
    if (hidden.rows == 0) return;
    if (r.count == 1 || hidden.rows == p->x.rows) {
        norm(p, &p->lm->norm, syl_mat_rows(p->x, p->x.rows - hidden.rows, hidden.rows), hidden);
        return;
    }
    for (int i = 0; i < r.count; i++)
        norm(p, &p->lm->norm, syl_mat_rows(p->x, r.begin[i + 1] - 1, 1),
             syl_mat_rows(hidden, i, 1));
}

static syl_status check_hidden(const pass *p, syl_mat x, syl_mat hidden, syl_error *err)
{
    bool fits =
        hidden.rows == 0 || hidden.rows == x.rows ||
        (p->sequences.count == 1 ? hidden.rows < x.rows : hidden.rows == p->sequences.count);
    for (int i = 0; i < p->sequences.count && hidden.rows && hidden.rows != x.rows; i++)
        fits = fits && p->sequences.begin[i + 1] > p->sequences.begin[i];
    if (fits && (hidden.rows == 0 || hidden.cols == x.cols)) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "room for %lld results of %lld of %lld vectors in %d "
                    "conversations",
                    (long long)hidden.rows, (long long)hidden.cols, (long long)x.rows,
                    p->sequences.count);
}

static syl_status run_in(pass *p, syl_mat x, syl_mat hidden, const syl_mat *residuals,
                         syl_error *err)
{
    SYL_TRY(check_hidden(p, x, hidden, err));
    SYL_TRY(syl_ctx_mat(p->ctx, SYL_F32, x.rows, x.cols, &p->x, err));
    syl_convert(p->ctx, x, p->x);
    int32_t *ids = syl_calloc((size_t)x.rows, sizeof *ids);
    if (!ids) return syl_fail_memory(err, (size_t)x.rows * sizeof *ids, "positions");
    syl_status status = take_room(p, x.rows, ids, err);
    if (status == SYL_OK) status = run(p, residuals, err);
    if (status == SYL_OK) finish(p, hidden);
    free(ids);
    return status;
}

syl_status syl_lm_forward_batch(syl_ctx *ctx, const syl_lm *lm, syl_lm_cache *const *caches,
                                syl_ragged sequences, syl_mat x, syl_mat hidden,
                                const syl_mat *residuals, syl_error *err)
{
    SYL_TRY(check(ctx, lm, caches, sequences, x, err));
    if (x.rows == 0) return SYL_OK;
    pass p = {.ctx = ctx, .lm = lm, .caches = caches, .sequences = sequences};
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = run_in(&p, x, hidden, residuals, err);
    syl_ctx_release(ctx, mark);
    return status;
}

syl_status syl_lm_forward(syl_ctx *ctx, const syl_lm *lm, syl_lm_cache *cache, syl_mat x,
                          syl_mat hidden, const syl_mat *residuals, syl_error *err)
{
    const int64_t begin[] = {0, x.rows};
    return syl_lm_forward_batch(ctx, lm, &cache, (syl_ragged){1, begin}, x, hidden, residuals, err);
}

/* ---- ends ------------------------------------------------------------------------------------ */

syl_status syl_lm_final_norm(syl_ctx *ctx, const syl_lm *lm, syl_mat x, syl_mat y, syl_error *err)
{
    pass p = {.ctx = ctx, .lm = lm};
    if (x.cols != lm->shape.dim || y.cols != x.cols || y.rows != x.rows)
        return syl_fail(err, SYL_EINVAL, "the final norm of vectors of %lld; the model's are of %d",
                        (long long)x.cols, lm->shape.dim);
    norm(&p, &lm->norm, x, y);
    return SYL_OK;
}

syl_status syl_lm_embed(syl_ctx *ctx, const syl_lm *lm, const int32_t *ids, syl_mat x,
                        syl_error *err)
{
    for (int64_t t = 0; t < x.rows; t++)
        if (ids[t] < 0 || ids[t] >= lm->shape.vocab)
            return syl_fail(err, SYL_EINVAL, "token %d is not one of the model's %d", (int)ids[t],
                            lm->shape.vocab);
    if (x.rows == 0) return SYL_OK;
    if (lm->rows) {
        for (int64_t t = 0; t < x.rows; t++)
            syl_block_values(lm->row_kind, lm->rows + (size_t)ids[t] * lm->row_bytes, x.cols,
                             (float *)x.data + t * x.stride);
        return SYL_OK;
    }
    if (lm->table.dtype == SYL_F32) {
        syl_gather(ctx, lm->table, ids, x);
        return SYL_OK;
    }
    syl_mat half;
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, lm->table.dtype, x.rows, x.cols, &half, err));
    syl_gather(ctx, lm->table, ids, half);
    syl_convert(ctx, half, x);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

static syl_status logits_by_table(syl_ctx *ctx, const syl_lm *lm, syl_mat hidden, syl_mat logits,
                                  syl_error *err)
{
    syl_mat half;
    if (lm->table.dtype == SYL_F32)
        return syl_product(ctx, hidden, false, lm->table, true, false, logits, err);
    SYL_TRY(syl_ctx_mat(ctx, lm->table.dtype, hidden.rows, hidden.cols, &half, err));
    syl_convert(ctx, hidden, half);
    return syl_product(ctx, half, false, lm->table, true, false, logits, err);
}

syl_status syl_lm_logits(syl_ctx *ctx, const syl_lm *lm, syl_mat hidden, syl_mat logits,
                         syl_error *err)
{
    if (hidden.cols != lm->shape.dim || logits.cols != lm->shape.vocab ||
        logits.rows != hidden.rows)
        return syl_fail(err, SYL_EINVAL,
                        "logits [%lld][%lld] of vectors [%lld][%lld]; the model has [n][%d] of "
                        "[n][%d]",
                        (long long)logits.rows, (long long)logits.cols, (long long)hidden.rows,
                        (long long)hidden.cols, lm->shape.vocab, lm->shape.dim);
    if (hidden.rows == 0) return SYL_OK;
    if (lm->head) return syl_linear(ctx, lm->head, hidden, SYL_ACT_NONE, false, logits, err);
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = logits_by_table(ctx, lm, hidden, logits, err);
    syl_ctx_release(ctx, mark);
    return status;
}
