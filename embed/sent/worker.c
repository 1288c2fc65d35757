#include "embed/sent/worker.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/training.h"

static syl_status open_caches(syl_worker *w, int64_t decoder_room, syl_error *err)
{
    const syl_reasoner *m = w->model;
    if (decoder_room > m->config.decoder.context) decoder_room = 0;
    SYL_TRY(syl_lm_cache_create(&w->decoder, m->decoder, decoder_room, err));
    if (m->encoder) SYL_TRY(syl_lm_cache_create(&w->encoder, m->encoder, 0, err));
    if (m->latent) SYL_TRY(syl_lm_cache_create(&w->latent, m->latent, 0, err));
    size_t vocab = (size_t)m->config.decoder.vocab;
    w->logits = syl_calloc(vocab, sizeof *w->logits);
    return w->logits ? SYL_OK : syl_fail_memory(err, vocab * sizeof *w->logits, "logits");
}

syl_status syl_worker_create(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                             int threads, syl_error *err)
{
    syl_worker *w = syl_calloc(1, sizeof *w);
    *out = NULL;
    if (!w) return syl_fail_memory(err, sizeof *w, "inference");
    w->model = model;
    syl_status status = syl_ctx_create_on(&w->ctx, model->device, threads, err);
    if (!status) status = open_caches(w, decoder_room, err);
    if (status)
        syl_worker_free(w);
    else
        *out = w;
    return status;
}

void syl_worker_free(syl_worker *w)
{
    if (!w) return;
    syl_lm_cache_free(w->decoder);
    syl_lm_cache_free(w->encoder);
    syl_lm_cache_free(w->latent);
    syl_ctx_free(w->ctx);
    free(w->logits);
    free(w);
}

/* ---- language models -------------------------------------------------------------------- */

static syl_status forward(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, syl_mat x,
                          float *hidden, syl_error *err)
{
    syl_mat y = {.dtype = SYL_F32, .cols = x.cols, .stride = x.cols};
    if (hidden) SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, x.cols, &y, err));
    SYL_TRY(syl_lm_forward(w->ctx, lm, cache, x, y, NULL, err));
    w->calls++;
    return hidden ? syl_download(w->ctx, y, hidden, err) : SYL_OK;
}

static syl_status read_tokens(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache,
                              const int32_t *ids, int64_t count, float *hidden, syl_error *err)
{
    syl_mat x;
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, count, syl_lm_shape_of(lm)->dim, &x, err));
    SYL_TRY(syl_lm_embed(w->ctx, lm, ids, x, err));
    return forward(w, lm, cache, x, hidden, err);
}

syl_status syl_worker_read(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, const int32_t *ids,
                           int64_t count, float *hidden, syl_error *err)
{
    size_t mark = syl_ctx_mark(w->ctx);
    syl_status status = read_tokens(w, lm, cache, ids, count, hidden, err);
    syl_ctx_release(w->ctx, mark);
    return status;
}

static syl_status feed(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, const float *x,
                       float *hidden, syl_error *err)
{
    syl_mat m;
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, syl_lm_shape_of(lm)->dim, &m, err));
    SYL_TRY(syl_upload(w->ctx, x, m, err));
    return forward(w, lm, cache, m, hidden, err);
}

syl_status syl_worker_feed(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, const float *x,
                           float *hidden, syl_error *err)
{
    size_t mark = syl_ctx_mark(w->ctx);
    syl_status status = feed(w, lm, cache, x, hidden, err);
    syl_ctx_release(w->ctx, mark);
    return status;
}

static syl_status fill_logits(syl_worker *w, const syl_lm *lm, const float *hidden, syl_error *err)
{
    const syl_lm_shape *s = syl_lm_shape_of(lm);
    syl_mat x, y;
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, s->dim, &x, err));
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, s->vocab, &y, err));
    SYL_TRY(syl_upload(w->ctx, hidden, x, err));
    SYL_TRY(syl_lm_logits(w->ctx, lm, x, y, err));
    return syl_download(w->ctx, y, w->logits, err);
}

syl_status syl_worker_choose(syl_worker *w, const syl_lm *lm, const float *hidden, int32_t *id,
                             syl_error *err)
{
    size_t mark = syl_ctx_mark(w->ctx);
    syl_status status = fill_logits(w, lm, hidden, err);
    syl_ctx_release(w->ctx, mark);
    SYL_TRY(status);
    *id = 0; /* logits past the tokenizer's words are those of no token */
    for (int32_t i = 0; i < w->model->tokenizer->vocab; i++) {
        if (!isfinite(w->logits[i]))
            return syl_fail(err, SYL_ECOMPUTE,
                            "a logit of the model is not finite; its weights are damaged");
        if (w->logits[i] > w->logits[*id]) *id = i;
    }
    return SYL_OK;
}

/* ---- projections ------------------------------------------------------------------------ */

static syl_status apply_mlp(syl_worker *w, const syl_reasoner_mlp *mlp, const float *x, float *y,
                            syl_error *err)
{
    syl_mat in, out;
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, mlp->width[0], &in, err));
    SYL_TRY(syl_upload(w->ctx, x, in, err));
    for (int i = 0; i < mlp->layers; i++, in = out) {
        syl_act act = i + 1 < mlp->layers ? SYL_ACT_GELU : SYL_ACT_NONE;
        SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, 1, mlp->width[i + 1], &out, err));
        SYL_TRY(syl_linear(w->ctx, mlp->weight[i], in, act, false, out, err));
    }
    return syl_download(w->ctx, in, y, err);
}

syl_status syl_worker_mlp(syl_worker *w, const syl_reasoner_mlp *mlp, const float *x, float *y,
                          syl_error *err)
{
    size_t mark = syl_ctx_mark(w->ctx);
    syl_status status = apply_mlp(w, mlp, x, y, err);
    syl_ctx_release(w->ctx, mark);
    return status;
}

/* ---- sentences -------------------------------------------------------------------------- */

void syl_said_free(syl_said *said)
{
    free(said->ids);
    *said = (syl_said){0};
}

/* Chooses the token after `hidden`. */
static syl_status choose(syl_worker *w, const float *hidden, syl_said *said, syl_error *err)
{
    const syl_sent_tokenizer *t = w->model->tokenizer;
    int32_t id;
    SYL_TRY(syl_worker_choose(w, w->model->decoder, hidden, &id, err));
    said->chosen++;
    said->ended = id == t->newline || id == t->eos;
    if (!said->ended) said->ids[said->count++] = id;
    return SYL_OK;
}

/* `hidden` [dim] is used on the way. */
static syl_status begin(syl_worker *w, const float *prefix, syl_said *said, float *hidden,
                        syl_error *err)
{
    syl_lm_cache_clear(w->decoder);
    SYL_TRY(syl_worker_feed(w, w->model->decoder, w->decoder, prefix, hidden, err));
    return choose(w, hidden, said, err);
}

syl_status syl_worker_begin(syl_worker *w, const float *prefix, int room, syl_said *said,
                            syl_error *err)
{
    size_t dim = (size_t)w->model->config.decoder.dim;
    float *hidden = syl_calloc(dim, sizeof *hidden);
    *said = (syl_said){.ids = syl_calloc((size_t)room + 1, sizeof(int32_t)), .room = room};
    syl_status status =
        hidden && said->ids ? SYL_OK : syl_fail_memory(err, dim * sizeof *hidden, "a sentence");
    if (!status) status = begin(w, prefix, said, hidden, err);
    free(hidden);
    if (status) syl_said_free(said);
    return status;
}

syl_status syl_worker_finish(syl_worker *w, syl_said *said, syl_error *err)
{
    const syl_lm *lm = w->model->decoder;
    float *hidden = syl_calloc((size_t)w->model->config.decoder.dim, sizeof *hidden);
    if (!hidden) return syl_fail_memory(err, sizeof *hidden, "a sentence");
    syl_status status = SYL_OK;
    while (!status && !said->ended && said->count < said->room &&
           syl_lm_cache_length(w->decoder) < syl_lm_cache_capacity(w->decoder)) {
        status = syl_worker_read(w, lm, w->decoder, &said->ids[said->count - 1], 1, hidden, err);
        if (!status) status = choose(w, hidden, said, err);
    }
    free(hidden);
    return status;
}
