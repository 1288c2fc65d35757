#include "embed/sent/worker.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

static syl_status open_caches(syl_worker *w, int64_t decoder_room, syl_error *err)
{
    const syl_reasoner *m = w->model;
    if (decoder_room > m->config.decoder.context) decoder_room = 0;
    SYL_TRY(syl_lm_cache_create(&w->decoder, m->decoder, decoder_room, err));
    if (m->encoder) SYL_TRY(syl_lm_cache_create(&w->encoder, m->encoder, 0, err));
    return m->latent ? syl_lm_cache_create(&w->latent, m->latent, 0, err) : SYL_OK;
}

static syl_status create(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                         syl_team *team, int threads, syl_error *err)
{
    syl_worker *w = syl_calloc(1, sizeof *w);
    *out = NULL;
    if (!w) return syl_fail_memory(err, sizeof *w, "inference");
    w->model = model;
    w->team = team;
    syl_status status = team ? SYL_OK : syl_ctx_create_on(&w->ctx, model->device, threads, err);
    if (!status) status = open_caches(w, decoder_room, err);
    if (status)
        syl_worker_free(w);
    else
        *out = w;
    return status;
}

syl_status syl_worker_create(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                             int threads, syl_error *err)
{
    return create(out, model, decoder_room, NULL, threads, err);
}

syl_status syl_worker_create_in(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                                syl_team *team, syl_error *err)
{
    return create(out, model, decoder_room, team, 0, err);
}

void syl_worker_free(syl_worker *w)
{
    if (!w) return;
    syl_lm_cache_free(w->decoder);
    syl_lm_cache_free(w->encoder);
    syl_lm_cache_free(w->latent);
    syl_ctx_free(w->ctx);
    free(w);
}

/* ---- steps ------------------------------------------------------------------------------ */

static syl_status make(syl_worker *w, syl_step *s, syl_error *err)
{
    double began = syl_clock_seconds();
    if (w->team)
        syl_team_step(w->team, s);
    else
        syl_steps_run(w->ctx, w->model, &s, 1);
    w->calls += s->kind == SYL_STEP_READ;
    w->flops += s->flops;
    w->idle += syl_clock_seconds() - began - s->seconds;
    if (s->status && err) *err = s->error;
    return s->status;
}

syl_status syl_worker_read(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, const int32_t *ids,
                           int64_t count, float *hidden, syl_error *err)
{
    syl_step s = {
        .kind = SYL_STEP_READ, .lm = lm, .cache = cache, .ids = ids, .count = count, .y = hidden};
    return make(w, &s, err);
}

syl_status syl_worker_feed(syl_worker *w, const syl_lm *lm, syl_lm_cache *cache, const float *x,
                           float *hidden, syl_error *err)
{
    syl_step s = {.kind = SYL_STEP_READ, .lm = lm, .cache = cache, .x = x, .y = hidden};
    return make(w, &s, err);
}

syl_status syl_worker_choose(syl_worker *w, const syl_lm *lm, const float *hidden, int32_t *id,
                             syl_error *err)
{
    syl_step s = {.kind = SYL_STEP_CHOOSE, .lm = lm, .x = hidden, .id = id};
    return make(w, &s, err);
}

syl_status syl_worker_mlp(syl_worker *w, const syl_reasoner_mlp *mlp, const float *x, float *y,
                          syl_error *err)
{
    syl_step s = {.kind = SYL_STEP_MLP, .mlp = mlp, .x = x, .y = y};
    return make(w, &s, err);
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
