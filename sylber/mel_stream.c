/* The small model as a stream. Every layer keeps the queries, keys and values of the frames it
 * may still need; a frame is finished once `right` more frames have arrived. */
#include <stdlib.h>
#include <string.h>

#include "lib/audio/logmel.h"
#include "lib/base/memory.h"
#include "sylber/mel_encoder.h"

#define BLOCK 128                /* frames computed at a time */
#define MEL_ROWS (2 * BLOCK + 3) /* log-mel rows that a block of frames needs */

typedef struct layer_state {
    syl_mat qkv, x;      /* [capacity][3 dim], [capacity][dim] */
    int64_t count, done; /* rows held, rows whose output was given on */
} layer_state;

/* A step of n frames of a stream under way, recorded where the device does that: each layer begins
 * and ends it with `left` rows of past and `right` waiting, so it is the same work every time. */
#define RECORDINGS 4 /* steps of different n */
typedef struct recorded_step {
    int64_t n; /* 0: free */
    syl_recording *recording;
} recorded_step;

typedef struct mel_stream {
    syl_encoding base;
    syl_logmel *logmel;
    float *rows; /* [MEL_ROWS][mels], the next frame's first row at 0 */
    int64_t num_rows;
    bool begun;         /* a frame was computed already */
    layer_state *layer; /* [layers] */
    float *out;         /* [BLOCK][out_dim] */
    int64_t num_samples, num_frames;
    int64_t limit; /* frames to give out; -1: not known yet */
    recorded_step step[RECORDINGS];
    bool recording;
    syl_mat recorded; /* [BLOCK][out_dim] the frames of a replay: scratch memory would not last */
} mel_stream;

static const syl_mel_encoder *weights(const mel_stream *s)
{
    return (const syl_mel_encoder *)s->base.encoder;
}

/* Rows are computed in a few sizes only, so that few primitives are prepared: the rest of the
 * block is ballast. */
static int64_t bucket(int64_t n)
{
    int64_t size = 1;
    while (size < n)
        size *= 2;
    return n > 64 && n <= 96 ? 96 : size;
}

static syl_status scratch(mel_stream *s, int64_t n, int64_t cols, syl_mat *out, syl_error *err)
{
    SYL_TRY(syl_ctx_mat(s->base.ctx, s->base.encoder->compute, bucket(n), cols, out, err));
    syl_zero(s->base.ctx, syl_mat_rows(*out, n, out->rows - n));
    return SYL_OK;
}

static syl_status give(mel_stream *s, syl_mat y, syl_error *err)
{
    if (s->limit >= 0 && y.rows > s->limit - s->num_frames) y.rows = s->limit - s->num_frames;
    if (y.rows <= 0) return SYL_OK;
    SYL_TRY(syl_download(s->base.ctx, y, s->out, err));
    s->num_frames += y.rows;
    return s->base.sink(s->base.user, s->out, y.rows, err);
}

static syl_status emit(mel_stream *s, syl_mat x, int64_t n, syl_error *err)
{
    const syl_mel_encoder *e = weights(s);
    const syl_config *c = &s->base.encoder->config;
    syl_mat h, y;
    y = syl_mat_rows(s->recorded, 0, x.rows);
    if (!s->recording) SYL_TRY(syl_ctx_mat(s->base.ctx, SYL_F32, x.rows, c->mel.out_dim, &y, err));
    SYL_TRY(scratch(s, x.rows, c->dim, &h, err));
    SYL_TRY(syl_layer_norm(s->base.ctx, e->norm.gamma, e->norm.beta, (float)c->norm_eps, x,
                           SYL_ACT_NONE, h, err));
    SYL_TRY(syl_linear(s->base.ctx, e->head, h, SYL_ACT_NONE, false, y, err));
    return s->recording ? SYL_OK : give(s, syl_mat_rows(y, 0, n), err);
}

/* By way of scratch memory: the two places may overlap. */
static syl_status move_to_front(syl_ctx *ctx, syl_mat m, int64_t from, int64_t rows, syl_error *err)
{
    syl_mat copy;
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, m.dtype, rows, m.cols, &copy, err));
    syl_convert(ctx, syl_mat_rows(m, from, rows), copy);
    syl_convert(ctx, copy, syl_mat_rows(m, 0, rows));
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* Forgets rows that no later query can see. */
static syl_status compact(syl_ctx *ctx, layer_state *l, int64_t left, syl_error *err)
{
    int64_t drop = l->done - left;
    if (drop <= 0) return SYL_OK;
    SYL_TRY(move_to_front(ctx, l->qkv, drop, l->count - drop, err));
    SYL_TRY(move_to_front(ctx, l->x, drop, l->count - drop, err));
    l->count -= drop;
    l->done -= drop;
    return SYL_OK;
}

static syl_status push(mel_stream *s, int i, syl_mat x, int64_t n, bool last, syl_error *err);

/* Attention and the rest of the block for n waiting rows, then the next layer. */
static syl_status settle(mel_stream *s, int i, int64_t n, bool last, syl_error *err)
{
    const syl_block *b = &weights(s)->block[i];
    const syl_config *c = &s->base.encoder->config;
    layer_state *l = &s->layer[i];
    syl_mat att, x;
    SYL_TRY(scratch(s, n, c->dim, &att, err));
    SYL_TRY(scratch(s, n, c->dim, &x, err));
    syl_convert(s->base.ctx, syl_mat_rows(l->x, l->done, n), syl_mat_rows(x, 0, n));
    syl_mat seen = syl_mat_rows(l->qkv, 0, l->count);
    syl_attention_mask mask = {
        .left = c->mel.left, .right = c->mel.right, .offset = l->done, .rel_bias = b->rel_bias};
    SYL_TRY(syl_attention(s->base.ctx, c->heads, mask,
                          syl_mat_cols(syl_mat_rows(l->qkv, l->done, n), 0, c->dim),
                          syl_mat_cols(seen, c->dim, c->dim),
                          syl_mat_cols(seen, 2 * c->dim, c->dim), syl_mat_rows(att, 0, n), err));
    SYL_TRY(syl_block_finish(s->base.ctx, b, att, x, err));
    l->done += n;
    return push(s, i + 1, x, n, last, err);
}

/* n new rows (x has bucket(n)) enter layer i; what becomes final goes on. With `last`, every
 * row is final when the n have entered. */
static syl_status push(mel_stream *s, int i, syl_mat x, int64_t n, bool last, syl_error *err)
{
    const syl_config *c = &s->base.encoder->config;
    if (i == c->layers) return n ? emit(s, x, n, err) : SYL_OK;
    layer_state *l = &s->layer[i];
    if (n) {
        if (l->count + BLOCK > l->x.rows) SYL_TRY(compact(s->base.ctx, l, c->mel.left, err));
        syl_convert(s->base.ctx, syl_mat_rows(x, 0, n), syl_mat_rows(l->x, l->count, n));
        SYL_TRY(syl_block_qkv(s->base.ctx, &weights(s)->block[i], x,
                              syl_mat_rows(l->qkv, l->count, x.rows), err));
        l->count += n;
    }
    int64_t ready = l->count - l->done - (last ? 0 : c->mel.right);
    while (ready > 0) {
        int64_t m = ready < BLOCK ? ready : BLOCK;
        size_t mark = syl_ctx_mark(s->base.ctx);
        SYL_TRY(settle(s, i, m, last && m == ready, err));
        syl_ctx_release(s->base.ctx, mark);
        ready -= m;
    }
    /* A recording finds every layer as it was. */
    return syl_ctx_records(s->base.ctx) ? compact(s->base.ctx, l, c->mel.left, err) : SYL_OK;
}

/* Frames [0, n) out of the first 2 n + 3 rows. Before the beginning, rows are zero and so is
 * the first convolution's output: both convolutions are zero-padded. */
static syl_status stem(mel_stream *s, int64_t n, syl_mat *x, syl_error *err)
{
    const syl_mel_encoder *e = weights(s);
    const syl_config *c = &s->base.encoder->config;
    int64_t size = bucket(n);
    syl_mat in, rows, h;
    SYL_TRY(syl_ctx_mat(s->base.ctx, SYL_F32, 2 * size + 3, c->mel.mels, &rows, err));
    SYL_TRY(syl_upload(s->base.ctx, s->rows, rows, err));
    in = rows;
    if (s->base.encoder->compute != SYL_F32) {
        SYL_TRY(syl_ctx_mat(s->base.ctx, s->base.encoder->compute, rows.rows, rows.cols, &in, err));
        syl_convert(s->base.ctx, rows, in);
    }
    SYL_TRY(syl_ctx_mat(s->base.ctx, in.dtype, 2 * size + 1, c->dim, &h, err));
    SYL_TRY(syl_ctx_mat(s->base.ctx, in.dtype, size, c->dim, x, err));
    SYL_TRY(syl_conv1d(s->base.ctx, e->conv1, in, SYL_ACT_GELU, h, err));
    if (!s->begun) syl_zero(s->base.ctx, syl_mat_rows(h, 0, 1));
    s->begun = true;
    return syl_conv1d(s->base.ctx, e->conv2, h, SYL_ACT_GELU, *x, err);
}

/* n frames through everything. */
static syl_status compute(mel_stream *s, int64_t n, bool last, syl_error *err)
{
    size_t mark = syl_ctx_mark(s->base.ctx);
    syl_mat x = {0};
    if (n > 0) SYL_TRY(stem(s, n, &x, err));
    SYL_TRY(push(s, 0, x, n, last, err));
    syl_ctx_release(s->base.ctx, mark);
    return SYL_OK;
}

static bool is_under_way(const mel_stream *s)
{
    const syl_config *c = &s->base.encoder->config;
    for (int i = 0; i < c->layers; i++)
        if (s->layer[i].done != c->mel.left || s->layer[i].count != c->mel.left + c->mel.right)
            return false;
    return s->limit < 0 && syl_ctx_records(s->base.ctx);
}

static syl_status record(mel_stream *s, recorded_step *step, syl_error *err)
{
    syl_recording *made = NULL;
    SYL_TRY(syl_ctx_record(s->base.ctx, err));
    s->recording = true;
    syl_status status = compute(s, step->n, false, err);
    s->recording = false;
    syl_status ended = syl_ctx_recorded(s->base.ctx, &made, status == SYL_OK ? err : NULL);
    step->recording = made;
    return status == SYL_OK ? ended : status;
}

/* The first step of a size is computed as ever, which makes room for it; the second is recorded. */
static syl_status repeat(mel_stream *s, int64_t n, syl_error *err)
{
    recorded_step *step = s->step, *end = s->step + RECORDINGS;
    while (step < end && step->n && step->n != n)
        step++;
    if (step == end) return compute(s, n, false, err);
    if (!step->n) {
        step->n = n;
        return compute(s, n, false, err);
    }
    if (!step->recording) SYL_TRY(record(s, step, err));
    SYL_TRY(syl_ctx_replay(s->base.ctx, step->recording, err));
    return give(s, syl_mat_rows(s->recorded, 0, n), err);
}

/* Computes as many frames as the rows held allow. */
static syl_status advance(mel_stream *s, bool last, syl_error *err)
{
    const syl_config *c = &s->base.encoder->config;
    int64_t n = s->num_rows >= 5 ? (s->num_rows - 3) / 2 : 0;
    if (n == 0 && !last) return SYL_OK;
    if (n > 0 && !last && is_under_way(s))
        SYL_TRY(repeat(s, n, err));
    else
        SYL_TRY(compute(s, n, last, err));
    s->num_rows -= 2 * n;
    memmove(s->rows, s->rows + 2 * n * c->mel.mels,
            (size_t)(s->num_rows * c->mel.mels) * sizeof(float));
    return SYL_OK;
}

syl_status syl_mel_stream_rows(syl_encoding *encoding, const float *rows, int64_t n, bool last,
                               syl_error *err)
{
    mel_stream *s = (mel_stream *)encoding;
    int64_t mels = encoding->encoder->config.mel.mels;
    while (n > 0) {
        int64_t m = MEL_ROWS - s->num_rows < n ? MEL_ROWS - s->num_rows : n;
        memcpy(s->rows + s->num_rows * mels, rows, (size_t)(m * mels) * sizeof(float));
        s->num_rows += m;
        rows += m * mels;
        n -= m;
        if (s->num_rows == MEL_ROWS) SYL_TRY(advance(s, false, err));
    }
    if (!last) return advance(s, false, err);
    memset(s->rows + s->num_rows * mels, 0, (size_t)mels * sizeof(float));
    s->num_rows++; /* the padding on the right; room is left since a full block advances */
    return advance(s, true, err);
}

/* Log-mel rows that are ready, into the buffer and on. */
static syl_status drain(mel_stream *s, syl_error *err)
{
    int64_t mels = s->base.encoder->config.mel.mels;
    while (syl_logmel_ready(s->logmel) > 0) {
        s->num_rows += (int64_t)syl_logmel_take(s->logmel, s->rows + s->num_rows * mels,
                                                (size_t)(MEL_ROWS - s->num_rows));
        SYL_TRY(advance(s, false, err));
    }
    return SYL_OK;
}

static syl_status feed_some(mel_stream *s, const float *samples, size_t n, syl_error *err)
{
    const size_t piece = 16384; /* bounds the queue of log-mel rows */
    for (size_t i = 0; i < n; i += piece) {
        size_t m = n - i < piece ? n - i : piece;
        SYL_TRY(syl_logmel_feed(s->logmel, samples + i, m, err));
        SYL_TRY(drain(s, err));
    }
    return SYL_OK;
}

static syl_status mel_feed(syl_encoding *encoding, const float *samples, size_t n, syl_error *err)
{
    mel_stream *s = (mel_stream *)encoding;
    SYL_TRY(feed_some(s, samples, n, err));
    s->num_samples += (int64_t)n;
    return SYL_OK;
}

/* Silence follows the recording until its last frame has all the future it looks at. */
static syl_status mel_finish(syl_encoding *encoding, syl_error *err)
{
    mel_stream *s = (mel_stream *)encoding;
    const syl_config *c = &encoding->encoder->config;
    static const float silence[1024];
    s->limit = s->num_samples / syl_config_hop(c);
    if (s->limit == 0) return SYL_OK;
    int64_t need = (2 * (s->limit + syl_mel_lookahead(c)) + 1) * c->mel.hop + c->mel.n_fft;
    for (int64_t fed = s->num_samples; fed < need; fed += 1024)
        SYL_TRY(feed_some(s, silence, 1024, err));
    return SYL_OK;
}

static syl_status mel_scan(syl_encoding *encoding, const float *samples, size_t n, syl_error *err)
{
    (void)encoding, (void)samples, (void)n, (void)err;
    return SYL_OK; /* nothing in this model depends on the whole recording */
}

static void mel_close(syl_encoding *encoding)
{
    mel_stream *s = (mel_stream *)encoding;
    syl_logmel_free(s->logmel);
    for (int i = 0; i < RECORDINGS; i++)
        syl_recording_free(s->base.ctx, s->step[i].recording);
    syl_device_release(encoding->encoder->device, s->recorded.data);
    for (int i = 0; s->layer && i < encoding->encoder->config.layers; i++) {
        syl_device_release(encoding->encoder->device, s->layer[i].qkv.data);
        syl_device_release(encoding->encoder->device, s->layer[i].x.data);
    }
    free(s->layer);
    free(s->rows);
    free(s->out);
}

static syl_status allocate_layer(layer_state *l, const syl_encoder *e, syl_error *err)
{
    const syl_config *c = &e->config;
    int64_t capacity = c->mel.left + c->mel.right + 2 * BLOCK;
    size_t bytes = (size_t)(capacity * c->dim) * syl_dtype_size(e->compute);
    l->qkv = syl_mat_of(NULL, e->compute, capacity, 3 * c->dim);
    l->x = syl_mat_of(NULL, e->compute, capacity, c->dim);
    SYL_TRY(syl_device_alloc(e->device, 3 * bytes, &l->qkv.data, err));
    return syl_device_alloc(e->device, bytes, &l->x.data, err);
}

static syl_status mel_open(syl_encoding *encoding, syl_error *err)
{
    mel_stream *s = (mel_stream *)encoding;
    const syl_config *c = &s->base.encoder->config;
    syl_logmel_config mel = {.sample_rate = c->sample_rate,
                             .n_fft = c->mel.n_fft,
                             .hop = c->mel.hop,
                             .mels = c->mel.mels,
                             .log10_floor = c->mel.log10_floor};
    s->num_rows = 2; /* zeros: the padding on the left */
    s->limit = -1;
    SYL_TRY(syl_logmel_create(&s->logmel, &mel, err));
    s->rows = syl_calloc(MEL_ROWS * (size_t)c->mel.mels, sizeof(float));
    s->out = syl_calloc(BLOCK * (size_t)c->mel.out_dim, sizeof(float));
    s->layer = syl_calloc((size_t)c->layers, sizeof *s->layer);
    if (!s->rows || !s->out || !s->layer)
        return syl_fail(err, SYL_ENOMEM, "no memory for a stream's state");
    s->recorded = syl_mat_of(NULL, SYL_F32, BLOCK, c->mel.out_dim);
    if (syl_ctx_records(s->base.ctx))
        SYL_TRY(syl_device_alloc(s->base.encoder->device,
                                 (size_t)(BLOCK * c->mel.out_dim) * sizeof(float),
                                 &s->recorded.data, err));
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(allocate_layer(&s->layer[i], s->base.encoder, err));
    return SYL_OK;
}

const syl_encoder_ops syl_mel_ops = {.encoder_size = sizeof(syl_mel_encoder),
                                     .encoding_size = sizeof(mel_stream),
                                     .load = syl_mel_load,
                                     .unload = syl_mel_unload,
                                     .open = mel_open,
                                     .scan = mel_scan,
                                     .feed = mel_feed,
                                     .finish = mel_finish,
                                     .close = mel_close};
