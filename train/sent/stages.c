#include "train/sent/stages.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/layers.h"
#include "lib/nn/losses.h"

#define SELF_FEED_STREAMS ((uint64_t)3 << 61)

syl_sent_losses syl_sent_losses_defaults(void)
{
    return (syl_sent_losses){.prefix_dropout = 0.2f,
                             .latent_dropout = 0.2f,
                             .contrast = 0.5f,
                             .lambda = 1,
                             .temperature = 0.1f};
}

syl_status syl_sent_constant(syl_tape *tape, const float *host, int64_t rows, int64_t cols,
                             syl_var **out, syl_error *err)
{
    syl_mat m;
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), SYL_F32, rows, cols, &m, err));
    SYL_TRY(syl_upload(syl_tape_ctx(tape), host, m, err));
    return syl_tape_input(tape, m, false, out, err);
}

/* ---- language model ------------------------------------------------------------------------- */

static syl_status cross_entropy(const syl_sent_rows *r, const syl_lm_net *net, syl_var *vectors,
                                syl_sent_outcome *out, syl_error *err)
{
    syl_var *hidden, *logits;
    float scale = 1 / (float)(r->targets ? r->targets : 1);
    SYL_TRY(syl_sent_rows_run(r, net, vectors, &hidden, err));
    SYL_TRY(syl_lm_net_logits(net, r->tape, hidden, &logits, err));
    out->tokens += r->rows;
    return syl_loss_cross_entropy(r->tape, logits, r->target, scale, &out->cross_entropy, err);
}

static syl_status language_model(const syl_sent_model *m, const syl_sent_losses *by, syl_tape *tape,
                                 const syl_sent_batch *b, syl_sent_outcome *out, syl_error *err)
{
    syl_sent_rows rows;
    SYL_TRY(syl_sent_rows_lm(&rows, tape, b, m->config.stage == SYL_SENT_COT, by->loss_on_all,
                             m->tokenizer->eos, err));
    SYL_TRY(cross_entropy(&rows, m->decoder, NULL, out, err));
    out->loss = out->cross_entropy;
    return SYL_OK;
}

/* ---- embeddings ----------------------------------------------------------------------------- */

/* The encoder's vectors [sentences][dim]: semantic ones of each sentence, contextual ones of all
 * that stands before it, in one pass over the whole sample. */
static syl_status encode(const syl_lm_net *encoder, syl_sent_stage kind, syl_tape *tape,
                         const syl_sent_batch *b, syl_var **h, int64_t *tokens, syl_error *err)
{
    syl_sent_rows rows;
    if (kind == SYL_SENT_SEM)
        SYL_TRY(syl_sent_rows_sentences(&rows, tape, b, err));
    else
        SYL_TRY(syl_sent_rows_contexts(&rows, tape, b, err));
    *tokens += rows.rows;
    return syl_sent_rows_run(&rows, encoder, NULL, h, err);
}

/* Every sentence of the batch out of its vector. */
static syl_status decode(const syl_sent_model *m, syl_tape *tape, const syl_sent_batch *b,
                         syl_var *vectors, syl_sent_outcome *out, syl_error *err)
{
    syl_sent_rows rows;
    bool newline = m->config.decoder_embedding != SYL_SENT_SEM;
    SYL_TRY(syl_sent_rows_decoder(&rows, tape, b, newline, m->tokenizer->eos, err));
    return cross_entropy(&rows, m->decoder, vectors, out, err);
}

static syl_status info_nce(syl_tape *tape, syl_var *rows, syl_var *columns,
                           const syl_sent_losses *by, float weight, syl_sent_outcome *out,
                           syl_error *err)
{
    double weighted;
    float scale = weight / (float)rows->value.rows;
    SYL_TRY(syl_loss_info_nce(tape, rows, columns, by->temperature, scale, &weighted, err));
    out->contrast = weighted / weight;
    out->loss += weighted;
    return SYL_OK;
}

static syl_status embeddings(const syl_sent_model *m, const syl_sent_losses *by, syl_tape *tape,
                             const syl_sent_batch *b, syl_sent_outcome *out, syl_error *err)
{
    syl_var *h, *dropped, *anchors;
    SYL_TRY(encode(m->encoder, m->config.stage, tape, b, &h, &out->tokens, err));
    float rate = m->config.stage == SYL_SENT_SEM ? 0 : by->prefix_dropout;
    SYL_TRY(syl_nn_dropout(tape, rate, h, &dropped, err));
    SYL_TRY(decode(m, tape, b, dropped, out, err));
    out->loss = out->cross_entropy;
    if (m->config.stage != SYL_SENT_CTX_C || by->contrast <= 0) return SYL_OK;
    SYL_TRY(encode(m->semantic, SYL_SENT_SEM, tape, b, &anchors, &out->tokens, err));
    return info_nce(tape, anchors, h, by, by->contrast, out, err);
}

/* ---- latents -------------------------------------------------------------------------------- */

syl_status syl_sent_latent_norm(const syl_sent_model *m, syl_tape *tape, syl_var *x, bool fed,
                                syl_var **y, syl_error *err)
{
    syl_ctx *ctx = syl_tape_ctx(tape);
    float scale = (float)m->config.latent_scale;
    syl_mat value;
    syl_var *gamma;
    *y = x;
    if (m->config.latent_norm == SYL_LATENT_RMS) {
        SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, x->value.cols, &value, err));
        syl_fill(ctx, scale, value);
        SYL_TRY(syl_tape_input(tape, value, false, &gamma, err));
        return syl_nn_norm(tape, SYL_RMS_NORM, x, gamma, NULL, SYL_LATENT_RMS_EPS, y, err);
    }
    if (!fed || m->config.latent_norm == SYL_LATENT_NONE) return SYL_OK;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, x->value.rows, x->value.cols, &value, err));
    syl_scale(ctx, scale, x->value, false, value);
    return syl_tape_input(tape, value, false, y, err);
}

/* Lengths and angles of n vectors. */
static syl_status measure(syl_tape *tape, syl_mat z, syl_mat y, syl_latent_figures *out,
                          syl_error *err)
{
    size_t n = (size_t)(z.rows * z.cols);
    float *host = syl_calloc(2 * n, sizeof *host), *a = host, *b = host ? host + n : NULL;
    syl_status status =
        host ? syl_download(syl_tape_ctx(tape), z, a, err) : syl_fail_memory(err, 8 * n, "latents");
    if (status == SYL_OK) status = syl_download(syl_tape_ctx(tape), y, b, err);
    *out = (syl_latent_figures){0};
    for (int64_t i = 0; status == SYL_OK && i < z.rows; i++) {
        double zz = 0, yy = 0, zy = 0;
        for (int64_t c = 0; c < z.cols; c++, a++, b++) {
            zz += (double)*a * *a;
            yy += (double)*b * *b;
            zy += (double)*a * *b;
        }
        out->z += sqrt(zz) / (double)z.rows;
        out->y += sqrt(yy) / (double)z.rows;
        out->cosine += zz > 0 && yy > 0 ? zy / sqrt(zz * yy) / (double)z.rows : 0;
    }
    free(host);
    return status;
}

/* The latent model's prediction of every latent, [sentences][dim]. */
static syl_status predict(const syl_sent_model *m, syl_tape *tape, const syl_sent_batch *b,
                          syl_var *latents, syl_var **y, int64_t *tokens, syl_error *err)
{
    syl_sent_rows rows;
    SYL_TRY(syl_sent_rows_latent(&rows, tape, b, err));
    *tokens += rows.rows;
    return syl_sent_rows_run(&rows, m->latent, latents, y, err);
}

/* Which latents are the model's own: those drawn are row i of `own`, the others of `given`. */
static syl_status draw_own(const syl_sent_losses *by, syl_tape *tape, int64_t n, uint64_t step,
                           int32_t **own, int32_t **given, syl_error *err)
{
    double p = by->self_feed;
    if (by->self_feed_ramp > 0 && step < (uint64_t)by->self_feed_ramp)
        p *= (double)step / (double)by->self_feed_ramp;
    syl_random random = {.seed = syl_tape_settings(tape)->seed, .stream = SELF_FEED_STREAMS | step};
    SYL_TRY(syl_tape_alloc(tape, (size_t)n * sizeof **own + 1, own, err));
    SYL_TRY(syl_tape_alloc(tape, (size_t)n * sizeof **given + 1, given, err));
    for (int64_t i = 0; i < n; i++) {
        bool is_own = syl_random_uniform(&random) < p;
        (*own)[i] = is_own ? (int32_t)i : -1;
        (*given)[i] = is_own ? -1 : (int32_t)i;
    }
    return SYL_OK;
}

/* Some latents become what the model itself would have fed (no gradient through that; not in the
 * paper, see section 5.5 of the specification): one pass without dropout predicts them. */
static syl_status feed_own(const syl_sent_model *m, const syl_sent_losses *by, syl_tape *tape,
                           const syl_sent_batch *b, uint64_t step, syl_var *z, syl_var **fed,
                           int64_t *tokens, syl_error *err)
{
    syl_var *y, *own, *given;
    int32_t *own_rows, *given_rows;
    bool training = syl_tape_settings(tape)->training;
    *fed = z;
    if (by->self_feed <= 0 || !training) return SYL_OK;
    syl_tape_train(tape, false);
    SYL_TRY(predict(m, tape, b, z, &y, tokens, err));
    syl_tape_train(tape, true);
    SYL_TRY(syl_sent_latent_norm(m, tape, y, true, &y, err));
    SYL_TRY(syl_tape_input(tape, y->value, false, &own, err));
    SYL_TRY(draw_own(by, tape, z->value.rows, step, &own_rows, &given_rows, err));
    SYL_TRY(syl_nn_embedding(tape, own, own_rows, z->value.rows, &own, err));
    SYL_TRY(syl_nn_embedding(tape, z, given_rows, z->value.rows, &given, err));
    return syl_nn_add(tape, given, own, fed, err);
}

/* Latents of the encoder as the latent model reads them: h - encoder_to_latent - norm. */
static syl_status given_latents(const syl_sent_model *m, syl_tape *tape, const syl_sent_batch *b,
                                syl_var **z, int64_t *tokens, syl_error *err)
{
    SYL_TRY(encode(m->encoder, m->config.embedding, tape, b, z, tokens, err));
    SYL_TRY(syl_sent_mlp_apply(&m->into, tape, *z, z, err));
    return syl_sent_latent_norm(m, tape, *z, false, z, err);
}

/* Section 1.2 of the specification. */
static syl_status latent_stage(const syl_sent_model *m, const syl_sent_losses *by, syl_tape *tape,
                               const syl_sent_batch *b, uint64_t step, syl_sent_outcome *out,
                               syl_error *err)
{
    syl_var *z, *dropped, *fed, *said;
    SYL_TRY(given_latents(m, tape, b, &z, &out->tokens, err));
    SYL_TRY(syl_nn_dropout(tape, by->latent_dropout, z, &dropped, err));
    SYL_TRY(feed_own(m, by, tape, b, step, dropped, &fed, &out->tokens, err));
    SYL_TRY(predict(m, tape, b, fed, &out->y, &out->tokens, err));
    SYL_TRY(measure(tape, z->value, out->y->value, &out->latents, err));
    SYL_TRY(syl_nn_dropout(tape, by->latent_dropout, out->y, &said, err));
    SYL_TRY(syl_sent_mlp_apply(&m->out_of, tape, said, &said, err));
    SYL_TRY(decode(m, tape, b, said, out, err));
    out->loss = out->cross_entropy;
    if (by->lambda <= 0) return SYL_OK;
    return info_nce(tape, out->y, dropped, by, by->lambda, out, err);
}

/* ---- the classifier that ends a chain -------------------------------------------------------- */

/* Binary cross-entropy of a logit x is that of two classes with logits 0 and x. */
syl_status syl_sent_stop_logits(const syl_sent_model *m, syl_tape *tape, syl_var *y,
                                syl_var **logits, syl_error *err)
{
    static const float columns[] = {0, 1};
    syl_var *x, *spread;
    SYL_TRY(syl_sent_mlp_apply(&m->stop, tape, y, &x, err));
    SYL_TRY(syl_sent_constant(tape, columns, 2, 1, &spread, err));
    return syl_nn_linear(tape, x, spread, NULL, logits, err);
}

static syl_status count_right(syl_tape *tape, syl_var *logits, const int32_t *target, double *share,
                              syl_error *err)
{
    int64_t n = logits->value.rows, right = 0;
    float *host = syl_calloc((size_t)(2 * n), sizeof *host);
    if (!host) return syl_fail_memory(err, (size_t)(8 * n), "logits");
    syl_status status = syl_download(syl_tape_ctx(tape), logits->value, host, err);
    for (int64_t i = 0; i < n; i++)
        right += (host[2 * i + 1] > 0) == target[i];
    *share = (double)right / (double)n;
    free(host);
    return status;
}

static syl_status stop_stage(const syl_sent_model *m, syl_tape *tape, const syl_sent_batch *b,
                             syl_sent_outcome *out, syl_error *err)
{
    syl_var *z, *logits;
    int32_t *target;
    int64_t n = 0;
    SYL_TRY(given_latents(m, tape, b, &z, &out->tokens, err));
    SYL_TRY(predict(m, tape, b, z, &out->y, &out->tokens, err));
    SYL_TRY(measure(tape, z->value, out->y->value, &out->latents, err));
    SYL_TRY(syl_sent_stop_logits(m, tape, out->y, &logits, err));
    SYL_TRY(syl_tape_alloc(tape, (size_t)z->value.rows * sizeof *target + 1, &target, err));
    for (int i = 0; i < b->count; i++)
        for (int k = 0; k < b->samples[i]->num_sentences; k++)
            target[n++] = k + 1 == b->samples[i]->num_sentences;
    SYL_TRY(count_right(tape, logits, target, &out->right, err));
    SYL_TRY(syl_loss_cross_entropy(tape, logits, target, 1 / (float)n, &out->cross_entropy, err));
    out->loss = out->cross_entropy;
    return SYL_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

syl_status syl_sent_losses_of(const syl_sent_model *m, const syl_sent_losses *by, syl_tape *tape,
                              const syl_sent_batch *b, uint64_t step, syl_sent_outcome *out,
                              syl_error *err)
{
    *out = (syl_sent_outcome){0};
    if (m->training_stop) return stop_stage(m, tape, b, out, err);
    if (syl_sent_has_latent(&m->config)) return latent_stage(m, by, tape, b, step, out, err);
    if (syl_sent_has_encoder(&m->config)) return embeddings(m, by, tape, b, out, err);
    return language_model(m, by, tape, b, out, err);
}
