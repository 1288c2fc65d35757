#include "sylber/teacher.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/logmel.h"
#include "lib/base/memory.h"
#include "sylber/mel_encoder.h"
#include "sylber/model.h"

#define PIECE_SECONDS 14
#define MAX_SECONDS 900
#define MAX_POSITIONS (1 << 20)
/* Silence behind a recording, as a part of a second. */
#define TAIL(rate) ((rate) / 5)

/* ---- loading --------------------------------------------------------------------------- */

static syl_status load_positions(syl_teacher *t, syl_params *p, syl_error *err)
{
    const syl_st_tensor *table = syl_params_find(p, "positions");
    int64_t tail = TAIL(t->config.sample_rate) / syl_config_hop(&t->config);
    t->num_positions = table && table->ndim == 2 ? table->shape[0] : 1;
    int64_t shape[] = {t->num_positions, t->config.dim, 0};
    SYL_TRY(syl_params_take(p, "positions", shape, &t->positions, err));
    if (t->num_positions > 2 * (tail + 1) && t->num_positions <= MAX_POSITIONS) return SYL_OK;
    return syl_fail(
        err, SYL_EFORMAT, "%s: positions has %" PRId64 " rows; %" PRId64 " to %d needed",
        syl_safetensors_path(p->file), t->num_positions, 2 * (tail + 1) + 1, MAX_POSITIONS);
}

static syl_status load_parts(syl_teacher *t, syl_params *p, syl_error *err)
{
    const syl_config *c = &t->config;
    syl_conv_shape conv1 = {
        .c_in = c->mel.mels, .c_out = c->dim, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    syl_conv_shape conv2 = {
        .c_in = c->dim, .c_out = c->dim, .kernel = 3, .stride = 2, .pad = 1, .groups = 1};
    SYL_TRY(load_positions(t, p, err));
    SYL_TRY(syl_params_conv(p, "stem.conv1", conv1, true, &t->conv1, err));
    SYL_TRY(syl_params_conv(p, "stem.conv2", conv2, true, &t->conv2, err));
    SYL_TRY(syl_params_norm(p, "ln", c->dim, &t->norm, err));
    t->block = syl_calloc((size_t)c->layers, sizeof *t->block);
    if (!t->block) return syl_fail_memory(err, (size_t)c->layers * sizeof *t->block, "layers");
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(syl_mel_load_block(&t->block[i], c, p, i, false, err));
    return SYL_OK;
}

syl_status syl_teacher_load(syl_teacher **out, const char *path, syl_error *err)
{
    syl_safetensors *file;
    syl_config config;
    *out = NULL;
    SYL_TRY(syl_model_open(path, NULL, &file, &config, err));
    syl_params params = {.file = file, .compute = SYL_F32};
    syl_status status = SYL_OK;
    syl_teacher *t = syl_calloc(1, sizeof *t);
    if (!t)
        status = syl_fail_memory(err, sizeof *t, "a teacher");
    else if (config.kind != SYL_ENCODER_MEL)
        status = syl_fail(err, SYL_EUNSUPPORTED,
                          "%s: a teacher must be a log-mel encoder (model_type sylkit-mel)", path);
    if (status == SYL_OK) {
        t->config = config;
        status = load_parts(t, &params, err);
    }
    syl_safetensors_free(file);
    if (status == SYL_OK)
        *out = t;
    else
        syl_teacher_free(t);
    return status;
}

void syl_teacher_free(syl_teacher *t)
{
    if (!t) return;
    syl_weight_free(t->conv1);
    syl_weight_free(t->conv2);
    syl_norm_free(&t->norm);
    for (int i = 0; t->block && i < t->config.layers; i++)
        syl_block_free(&t->block[i]);
    free(t->block);
    free(t->positions);
    free(t);
}

/* ---- hidden states --------------------------------------------------------------------- */

int syl_teacher_levels(const syl_teacher *t)
{
    return t->config.layers + 2;
}

float *syl_hidden_level(const syl_hidden *h, int level)
{
    return h->data + (size_t)level * (size_t)h->frames * (size_t)h->dim;
}

void syl_hidden_free(syl_hidden *h)
{
    free(h->data);
    *h = (syl_hidden){0};
}

/* ---- one piece ------------------------------------------------------------------------- */

/* Log-mel rows [rows][mels] of n samples and silence behind them. */
static syl_status log_mel(const syl_config *c, const float *samples, size_t n, syl_mat rows,
                          syl_error *err)
{
    syl_logmel_config config = {.sample_rate = c->sample_rate,
                                .n_fft = c->mel.n_fft,
                                .hop = c->mel.hop,
                                .mels = c->mel.mels,
                                .log10_floor = c->mel.log10_floor};
    size_t tail = (size_t)(TAIL(c->sample_rate) + c->mel.n_fft);
    return syl_logmel_whole(&config, samples, n, tail, rows.data, (size_t)rows.rows, err);
}

static void keep(syl_hidden *out, int level, int64_t at, syl_mat x, int64_t frames)
{
    syl_mat_copy(
        syl_mat_rows(x, 0, frames),
        syl_mat_of(syl_hidden_level(out, level) + at * out->dim, SYL_F32, frames, out->dim));
}

/* Log-mel to the stem's output with its positions. */
static syl_status stem(const syl_teacher *t, syl_ctx *ctx, syl_mat rows, syl_mat x, syl_error *err)
{
    syl_mat h;
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, rows.rows, x.cols, &h, err));
    SYL_TRY(syl_conv1d(ctx, t->conv1, rows, SYL_ACT_GELU, h, err));
    SYL_TRY(syl_conv1d(ctx, t->conv2, h, SYL_ACT_GELU, x, err));
    syl_add(ctx, syl_mat_of(t->positions, SYL_F32, x.rows, x.cols), x);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* n samples become the frames from `at` on. */
static syl_status encode_piece(const syl_teacher *t, syl_ctx *ctx, const float *samples, size_t n,
                               syl_hidden *out, int64_t at, syl_error *err)
{
    const syl_config *c = &t->config;
    int64_t num_rows = ((int64_t)n + TAIL(c->sample_rate)) / c->mel.hop;
    int64_t frames = (int64_t)n / syl_config_hop(c);
    size_t mark = syl_ctx_mark(ctx);
    syl_mat rows, x, y;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, num_rows, c->mel.mels, &rows, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, (num_rows - 1) / 2 + 1, c->dim, &x, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, x.rows, c->dim, &y, err));
    SYL_TRY(log_mel(c, samples, n, rows, err));
    SYL_TRY(stem(t, ctx, rows, x, err));
    keep(out, 0, at, x, frames);
    for (int i = 0; i < c->layers; i++) {
        SYL_TRY(syl_block_forward(ctx, &t->block[i], x, err));
        keep(out, i + 1, at, x, frames);
    }
    SYL_TRY(syl_layer_norm(ctx, t->norm.gamma, t->norm.beta, (float)c->norm_eps, x, SYL_ACT_NONE, y,
                           err));
    keep(out, c->layers + 1, at, y, frames);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* ---- a recording ----------------------------------------------------------------------- */

/* Where to cut: the frame in (limit / 2, limit] around which two frames on either side hold the
 * least energy; the first of equals. */
static int64_t quietest(const float *samples, int64_t limit, int hop)
{
    int64_t best = limit;
    double least = INFINITY;
    for (int64_t t = limit / 2 + 1; t <= limit; t++) {
        double energy = 0;
        int64_t begin = t < 2 ? 0 : t - 2;
        for (int64_t i = begin * hop; i < (t + 2) * hop; i++)
            energy += (double)samples[i] * samples[i];
        if (energy >= least) continue;
        least = energy;
        best = t;
    }
    return best;
}

static syl_status encode_all(const syl_teacher *t, syl_ctx *ctx, const float *samples, size_t n,
                             syl_hidden *out, syl_error *err)
{
    const syl_config *c = &t->config;
    int hop = syl_config_hop(c);
    /* Frames of a piece, so that with its tail (rounded up) it has as many positions. */
    int64_t room = t->num_positions - TAIL(c->sample_rate) / hop - 2;
    int64_t limit = (int64_t)PIECE_SECONDS * c->sample_rate / hop, at = 0;
    if (limit > room) limit = room;
    if (out->frames <= room) return encode_piece(t, ctx, samples, n, out, 0, err);
    while (at < out->frames) {
        const float *from = samples + at * hop;
        size_t left = n - (size_t)(at * hop);
        if (out->frames - at <= limit) return encode_piece(t, ctx, from, left, out, at, err);
        /* The search looks two frames beyond the limit. */
        int64_t most = out->frames - at - 2 < limit ? out->frames - at - 2 : limit;
        int64_t cut = quietest(from, most, hop);
        SYL_TRY(encode_piece(t, ctx, from, (size_t)(cut * hop), out, at, err));
        at += cut;
    }
    return SYL_OK;
}

syl_status syl_teacher_encode(const syl_teacher *t, syl_ctx *ctx, const float *samples, size_t n,
                              syl_hidden *out, syl_error *err)
{
    const syl_config *c = &t->config;
    *out = (syl_hidden){.levels = syl_teacher_levels(t), .dim = c->dim};
    if (n > (size_t)MAX_SECONDS * (size_t)c->sample_rate)
        return syl_fail(err, SYL_EUNSUPPORTED, "a recording of %.0f s; cut it to at most %d s",
                        (double)n / c->sample_rate, MAX_SECONDS);
    out->frames = (int64_t)n / syl_config_hop(c);
    size_t count = syl_mul_size((size_t)out->levels * (size_t)out->frames, (size_t)out->dim);
    out->data = syl_calloc(count, sizeof *out->data);
    if (!out->data) return syl_fail_memory(err, count * sizeof *out->data, "hidden states");
    syl_status status = out->frames ? encode_all(t, ctx, samples, n, out, err) : SYL_OK;
    if (status != SYL_OK) syl_hidden_free(out);
    return status;
}
