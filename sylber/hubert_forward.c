/* The forward pass of the HuBERT shape over one window of samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "sylber/hubert_encoder.h"

/* Frames whose convolutions are computed together: their intermediate results stay in cache,
 * and the memory does not grow with the recording. */
#define TILE 64

#define CONV_NORM_EPS 1e-5 /* HubertModel's own, not the configuration's */

/* ---- normalisation of the wave --------------------------------------------------------- */

static void moments_add_windows(syl_moments *m, int kernel, int stride)
{
    int at = 0;
    for (; at + kernel <= m->tail_size; at += stride) {
        const float *x = m->tail + at;
        for (int i = 0; i < kernel; i++) {
            m->first[i] += x[i];
            for (int j = 0; j <= i; j++)
                m->second[i][j] += (double)x[i] * x[j];
        }
        m->windows++;
    }
    m->tail_size -= at;
    memmove(m->tail, m->tail + at, (size_t)m->tail_size * sizeof(float));
}

void syl_moments_add(syl_moments *m, const syl_config *c, const float *samples, size_t n)
{
    int kernel = c->hubert.conv_kernel[0], stride = c->hubert.conv_stride[0];
    m->samples += (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        m->sum += samples[i];
        m->squares += (double)samples[i] * samples[i];
    }
    while (n > 0) {
        size_t room = sizeof m->tail / sizeof m->tail[0] - (size_t)m->tail_size;
        size_t some = n < room ? n : room;
        memcpy(m->tail + m->tail_size, samples, some * sizeof(float));
        m->tail_size += (int)some;
        samples += some;
        n -= some;
        moments_add_windows(m, kernel, stride);
    }
}

/* Mean and unbiased standard deviation of the wave (the file path of the released code). */
static void wave_scale(const syl_moments *m, double *mean, double *std)
{
    *mean = m->samples > 0 ? m->sum / (double)m->samples : 0;
    double squares = m->squares - *mean * m->sum;
    *std = m->samples > 1 && squares > 0 ? sqrt(squares / (double)(m->samples - 1)) : 0;
}

/* Mean and variance of output channel o of the first convolution on the wave as it is. */
static void channel_moments(const syl_moments *m, const float *w, int channels, int kernel, int o,
                            double *mean, double *variance)
{
    double n = m->windows > 0 ? (double)m->windows : 1;
    *mean = *variance = 0;
    for (int i = 0; i < kernel; i++) {
        double wi = w[i * channels + o];
        *mean += wi * m->first[i] / n;
        for (int j = 0; j <= i; j++) {
            double covariance = m->second[i][j] / n - m->first[i] / n * (m->first[j] / n);
            *variance += (i == j ? 1 : 2) * wi * w[j * channels + o] * covariance;
        }
    }
}

/* The first convolution with z-normalisation and, for the group-norm shape, the norm folded
 * in: w [kernel][channels], bias [channels]. */
static void fold_conv0(const syl_hubert_encoder *e, const syl_moments *m, float *w, float *bias)
{
    const syl_config *c = &e->base.config;
    int channels = c->hubert.conv_dim[0], kernel = c->hubert.conv_kernel[0];
    double wave_mean, wave_std;
    wave_scale(m, &wave_mean, &wave_std);
    for (int o = 0; o < channels; o++) {
        double scale, mean, variance, own_bias = e->conv0_bias ? e->conv0_bias[o] : 0;
        if (c->hubert.conv_layer_norm) {
            double total = 0;
            for (int k = 0; k < kernel; k++)
                total += e->conv0[k * channels + o];
            scale = 1 / wave_std;
            bias[o] = (float)(own_bias - total * wave_mean * scale);
        } else {
            channel_moments(m, e->conv0, channels, kernel, o, &mean, &variance);
            scale = e->conv_norm[0].gamma[o] /
                    sqrt(fmax(variance, 0) + CONV_NORM_EPS * wave_std * wave_std);
            bias[o] = (float)(e->conv_norm[0].beta[o] - mean * scale);
        }
        for (int k = 0; k < kernel; k++)
            w[k * channels + o] = (float)(e->conv0[k * channels + o] * scale);
    }
}

/* ---- convolutions ---------------------------------------------------------------------- */

int64_t syl_hubert_num_frames(const syl_config *c, int64_t samples)
{
    for (int i = 0; i < c->hubert.num_convs; i++) {
        if (samples < c->hubert.conv_kernel[i]) return 0;
        samples = (samples - c->hubert.conv_kernel[i]) / c->hubert.conv_stride[i] + 1;
    }
    return samples;
}

int64_t syl_hubert_num_samples(const syl_config *c, int64_t frames)
{
    for (int i = c->hubert.num_convs - 1; i >= 0; i--)
        frames = (frames - 1) * c->hubert.conv_stride[i] + c->hubert.conv_kernel[i];
    return frames;
}

/* What one window's convolutions share. */
typedef struct front {
    const syl_hubert_encoder *e;
    const float *w, *bias; /* of the first convolution, folded */
    syl_trace trace;
    void *user;
} front;

static syl_status norm_gelu(syl_ctx *ctx, const front *f, int i, syl_mat x, syl_error *err)
{
    const syl_norm *n = &f->e->conv_norm[i];
    return syl_layer_norm(ctx, n->gamma, n->beta, (float)CONV_NORM_EPS, x, SYL_ACT_GELU, x, err);
}

/* out [n][channels] of the samples under n frames. */
static syl_status conv_tile(syl_ctx *ctx, const front *f, const float *samples, syl_mat out,
                            syl_error *err)
{
    const syl_config *c = &f->e->base.config;
    int last = c->hubert.num_convs - 1;
    bool norms = c->hubert.conv_layer_norm;
    syl_act act = norms ? SYL_ACT_NONE : SYL_ACT_GELU;
    int64_t rows[SYL_MAX_CONVS];
    rows[last] = out.rows;
    for (int i = last; i > 0; i--)
        rows[i - 1] = (rows[i] - 1) * c->hubert.conv_stride[i] + c->hubert.conv_kernel[i];
    syl_mat x = out, y;
    for (int i = 0; i <= last; i++, x = y) {
        y = out;
        if (i < last) SYL_TRY(syl_ctx_mat(ctx, out.dtype, rows[i], c->hubert.conv_dim[i], &y, err));
        if (i == 0)
            syl_conv1d_mono(ctx, f->w, f->bias, c->hubert.conv_kernel[0], c->hubert.conv_stride[0],
                            samples, act, y);
        else
            SYL_TRY(syl_conv1d(ctx, f->e->conv[i], x, act, y, err));
        if (norms) SYL_TRY(norm_gelu(ctx, f, i, y, err));
        if (f->trace) f->trace(f->user, "conv", i, y);
    }
    return SYL_OK;
}

/* features [T][channels]. The last tile ends with the window and overlaps the one before it,
 * so that every tile has one shape. */
static syl_status convolve(syl_ctx *ctx, const front *f, const float *samples, syl_mat features,
                           syl_error *err)
{
    int hop = syl_config_hop(&f->e->base.config);
    int64_t tile = f->trace || features.rows < TILE ? features.rows : TILE;
    for (int64_t t = 0; t < features.rows; t += tile) {
        int64_t from = t + tile > features.rows ? features.rows - tile : t;
        size_t mark = syl_ctx_mark(ctx);
        SYL_TRY(conv_tile(ctx, f, samples + from * hop, syl_mat_rows(features, from, tile), err));
        syl_ctx_release(ctx, mark);
    }
    return SYL_OK;
}

/* The folded first convolution, made on the host, where a CPU's memory is. */
static syl_status upload_conv0(syl_ctx *ctx, const syl_hubert_encoder *e,
                               const syl_moments *moments, syl_mat w, syl_mat bias, syl_error *err)
{
    if (!e->base.device) {
        fold_conv0(e, moments, w.data, bias.data);
        return SYL_OK;
    }
    float *host = syl_calloc((size_t)(w.rows + 1), (size_t)w.cols * sizeof *host);
    if (!host) return syl_fail_memory(err, (size_t)(w.rows * w.cols) * sizeof *host, "a weight");
    fold_conv0(e, moments, host, host + w.rows * w.cols);
    syl_status status = syl_upload(ctx, host, w, err);
    if (status == SYL_OK) status = syl_upload(ctx, host + w.rows * w.cols, bias, err);
    free(host);
    return status;
}

static syl_status front_end(syl_ctx *ctx, front *f, const syl_moments *moments,
                            const float *samples, syl_mat x, syl_error *err)
{
    const syl_hubert_encoder *e = f->e;
    const syl_config *c = &e->base.config;
    syl_mat w, bias, features, wave;
    int channels = c->hubert.conv_dim[c->hubert.num_convs - 1];
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, c->hubert.conv_kernel[0], c->hubert.conv_dim[0], &w, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, c->hubert.conv_dim[0], &bias, err));
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, channels, &features, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, syl_hubert_num_samples(c, x.rows), &wave, err));
    SYL_TRY(upload_conv0(ctx, e, moments, w, bias, err));
    SYL_TRY(syl_upload(ctx, samples, wave, err));
    f->w = w.data;
    f->bias = bias.data;
    SYL_TRY(convolve(ctx, f, wave.data, features, err));
    SYL_TRY(syl_layer_norm(ctx, e->projection_norm.gamma, e->projection_norm.beta,
                           (float)c->norm_eps, features, SYL_ACT_NONE, features, err));
    return syl_linear(ctx, e->projection, features, SYL_ACT_NONE, false, x, err);
}

/* ---- transformer ----------------------------------------------------------------------- */

static syl_status position(syl_ctx *ctx, const front *f, syl_mat x, syl_error *err)
{
    syl_mat p;
    SYL_TRY(syl_ctx_mat(ctx, x.dtype, x.rows, x.cols, &p, err));
    SYL_TRY(syl_conv1d(ctx, f->e->position, x, SYL_ACT_GELU, p, err));
    if (f->trace) f->trace(f->user, "pos_conv", 0, p);
    syl_add(ctx, p, x);
    return SYL_OK;
}

static syl_status encoder_norm(syl_ctx *ctx, const syl_hubert_encoder *e, syl_mat x, syl_error *err)
{
    return syl_layer_norm(ctx, e->norm.gamma, e->norm.beta, (float)e->base.config.norm_eps, x,
                          SYL_ACT_NONE, x, err);
}

static syl_status transform(syl_ctx *ctx, const front *f, syl_mat x, syl_error *err)
{
    const syl_config *c = &f->e->base.config;
    SYL_TRY(position(ctx, f, x, err));
    if (!c->hubert.pre_norm) SYL_TRY(encoder_norm(ctx, f->e, x, err));
    if (f->trace) f->trace(f->user, "encoder_input", 0, x);
    for (int i = 0; i < c->layers; i++) {
        SYL_TRY(syl_block_forward(ctx, &f->e->block[i], x, err));
        if (f->trace) f->trace(f->user, "layer", i, x);
    }
    return c->hubert.pre_norm ? encoder_norm(ctx, f->e, x, err) : SYL_OK;
}

syl_status syl_hubert_forward(syl_ctx *ctx, const syl_hubert_encoder *e, const syl_moments *moments,
                              const float *samples, syl_mat frames, syl_trace trace, void *user,
                              syl_error *err)
{
    front f = {.e = e, .trace = trace, .user = user};
    size_t mark = syl_ctx_mark(ctx);
    double mean, std;
    syl_mat x;
    wave_scale(moments, &mean, &std);
    if (std == 0) { /* a constant wave has no z-normalisation: silence */
        syl_zero(ctx, frames);
        return SYL_OK;
    }
    SYL_TRY(syl_ctx_mat(ctx, e->base.compute, frames.rows, e->base.config.dim, &x, err));
    SYL_TRY(front_end(ctx, &f, moments, samples, x, err));
    if (trace) trace(user, "projection", 0, x);
    SYL_TRY(transform(ctx, &f, x, err));
    syl_convert(ctx, x, frames);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}
