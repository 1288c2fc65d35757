/* The HuBERT shape over a stream. Its attention sees everything, so the recording is encoded
 * in windows of 30 s of which the middle is kept: 5 s of past and 2.5 s of future are context
 * (the position embedding alone looks 1.3 s ahead). A recording that fits in one window is
 * encoded whole, as the published model does.
 *
 * For live use the windows slide by a hop: 5.02 s (as training cropped, so that the model has seen
 * the like), of which the last `future` is look-ahead and the hop before it is kept. The statistics
 * of its two normalisations run along with what was heard, seeded with those of average speech:
 * else a stream that begins with silence would hear the noise in it as loud as speech. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "sylber/hubert_encoder.h"

#define WINDOW_SECONDS 30.0
#define PAST_SECONDS 5.0
#define FUTURE_SECONDS 2.5
#define SLIDING_SECONDS 5.02     /* a window in all */
#define SLIDING_PAST_SECONDS 1.0 /* of it past, at least */
#define FOREVER_SECONDS 1e7      /* look-ahead beyond any recording */

/* Average speech: the long-term spectrum of the prompts that the small model is trained on, at
 * 16 kHz, as x[t] = PRIOR_A1 x[t-1] + PRIOR_A2 x[t-2] + noise, and its power. */
#define PRIOR_A1 0.735
#define PRIOR_A2 0.198
#define PRIOR_POWER 0.0025 /* -26 dB of full scale, the nominal level of telephony (ITU-T P.56) */

typedef struct hubert_stream {
    syl_encoding base;
    syl_moments moments;
    bool scanned;   /* moments are of the whole recording already */
    float *samples; /* from frame `start` on */
    size_t num_samples, capacity;
    float *out; /* frames for the sink */
    size_t out_room;
    int64_t start, done; /* first frame of the buffer, frames given out */
    bool sliding;
    int64_t window, past, hop, future; /* frames; hop: of sliding windows */
} hubert_stream;

static syl_status give(hubert_stream *s, syl_mat kept, syl_error *err)
{
    void *data = s->out;
    size_t values = (size_t)(kept.rows * kept.cols);
    SYL_TRY(syl_grow(&data, &s->out_room, values, sizeof *s->out, err));
    s->out = data;
    SYL_TRY(syl_download(s->base.ctx, kept, s->out, err));
    return s->base.sink(s->base.user, s->out, kept.rows, err);
}

/* Encodes the buffer's first `frames` frames and gives out those from `done` up to `until`. */
static syl_status encode(hubert_stream *s, int64_t frames, int64_t until, syl_error *err)
{
    syl_ctx *ctx = s->base.ctx;
    const syl_hubert_encoder *e = (const syl_hubert_encoder *)s->base.encoder;
    size_t mark = syl_ctx_mark(ctx);
    syl_mat out;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, frames, e->base.config.dim, &out, err));
    SYL_TRY(syl_hubert_forward(ctx, e, &s->moments, s->samples, out, NULL, NULL, err));
    syl_mat kept = syl_mat_rows(out, s->done - s->start, until - s->done);
    if (kept.rows > 0) SYL_TRY(give(s, kept, err));
    s->done = until;
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* Forgets the samples before the next window's past. */
static void slide(hubert_stream *s)
{
    int64_t start = s->done > s->past ? s->done - s->past : 0;
    size_t drop = (size_t)((start - s->start) * syl_config_hop(&s->base.encoder->config));
    memmove(s->samples, s->samples + drop, (s->num_samples - drop) * sizeof(float));
    s->num_samples -= drop;
    s->start = start;
}

static syl_status hubert_scan(syl_encoding *encoding, const float *samples, size_t n,
                              syl_error *err)
{
    hubert_stream *s = (hubert_stream *)encoding;
    (void)err;
    if (!s->scanned) memset(&s->moments, 0, sizeof s->moments); /* no prior is needed */
    s->scanned = true;
    syl_moments_add(&s->moments, &encoding->encoder->config, samples, n);
    return SYL_OK;
}

static syl_status append(hubert_stream *s, const float *samples, size_t n, syl_error *err)
{
    void *data = s->samples;
    SYL_TRY(syl_grow(&data, &s->capacity, s->num_samples + n, sizeof(float), err));
    s->samples = data;
    memcpy(s->samples + s->num_samples, samples, n * sizeof(float));
    s->num_samples += n;
    if (!s->scanned) syl_moments_add(&s->moments, &s->base.encoder->config, samples, n);
    return SYL_OK;
}

/* How many frames the buffer holds when the next window is encoded: no more, so that the running
 * statistics do not depend on how the audio is cut into feeds. A recording that ends with a whole
 * window is encoded in one piece, so that one frame more has to be there. */
static int64_t frames_wanted(const hubert_stream *s)
{
    return s->sliding ? s->done - s->start + s->hop + s->future : s->window + 1;
}

static syl_status encode_window(hubert_stream *s, syl_error *err)
{
    if (s->sliding)
        SYL_TRY(encode(s, frames_wanted(s), s->done + s->hop, err));
    else
        SYL_TRY(encode(s, s->window, s->start + s->window - s->future, err));
    slide(s);
    return SYL_OK;
}

static syl_status hubert_feed(syl_encoding *encoding, const float *samples, size_t n,
                              syl_error *err)
{
    hubert_stream *s = (hubert_stream *)encoding;
    const syl_config *c = &encoding->encoder->config;
    while (n > 0) {
        int64_t missing = syl_hubert_num_samples(c, frames_wanted(s)) - (int64_t)s->num_samples;
        size_t piece = (uint64_t)missing < n ? (size_t)missing : n;
        SYL_TRY(append(s, samples, piece, err));
        if ((int64_t)piece == missing) SYL_TRY(encode_window(s, err));
        samples += piece;
        n -= piece;
    }
    return SYL_OK;
}

static syl_status hubert_finish(syl_encoding *encoding, syl_error *err)
{
    hubert_stream *s = (hubert_stream *)encoding;
    int64_t frames = syl_hubert_num_frames(&encoding->encoder->config, (int64_t)s->num_samples);
    return frames > 0 ? encode(s, frames, s->start + frames, err) : SYL_OK;
}

static void hubert_close(syl_encoding *encoding)
{
    free(((hubert_stream *)encoding)->samples);
    free(((hubert_stream *)encoding)->out);
}

/* As if `seconds` of average speech had been heard. */
static void add_prior(syl_moments *m, const syl_config *c, double seconds)
{
    double rho[64] = {1, PRIOR_A1 / (1 - PRIOR_A2)};
    int kernel = c->hubert.conv_kernel[0];
    for (int k = 2; k < kernel; k++)
        rho[k] = PRIOR_A1 * rho[k - 1] + PRIOR_A2 * rho[k - 2];
    m->samples = (int64_t)(seconds * c->sample_rate);
    m->squares = (double)m->samples * PRIOR_POWER;
    m->windows = m->samples / c->hubert.conv_stride[0];
    for (int i = 0; i < kernel; i++)
        for (int j = 0; j <= i; j++)
            m->second[i][j] = (double)m->windows * PRIOR_POWER * rho[i - j];
}

static syl_status hubert_open(syl_encoding *encoding, syl_error *err)
{
    hubert_stream *s = (hubert_stream *)encoding;
    const syl_encoding_options *o = &encoding->options;
    double rate = syl_config_frame_rate(&encoding->encoder->config);
    (void)err;
    s->sliding = o->hop_seconds > 0;
    s->window = (int64_t)(WINDOW_SECONDS * rate);
    s->past = (int64_t)(PAST_SECONDS * rate);
    s->future = (int64_t)(FUTURE_SECONDS * rate);
    if (!s->sliding) return SYL_OK;
    double past = SLIDING_SECONDS - o->hop_seconds - o->lookahead_seconds;
    s->past = (int64_t)(fmax(past, SLIDING_PAST_SECONDS) * rate);
    s->hop = llround(fmax(1, o->hop_seconds * rate));
    s->future = llround(fmin(o->lookahead_seconds, FOREVER_SECONDS) * rate);
    add_prior(&s->moments, &encoding->encoder->config, o->prior_seconds);
    return SYL_OK;
}

const syl_encoder_ops syl_hubert_ops = {.encoder_size = sizeof(syl_hubert_encoder),
                                        .encoding_size = sizeof(hubert_stream),
                                        .load = syl_hubert_load,
                                        .unload = syl_hubert_unload,
                                        .open = hubert_open,
                                        .scan = hubert_scan,
                                        .feed = hubert_feed,
                                        .finish = hubert_finish,
                                        .close = hubert_close};
