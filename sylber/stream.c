/* The public stream: down-mix, resample, encode, segment, tokenise, queue. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/mix.h"
#include "lib/audio/resample.h"
#include "lib/base/memory.h"
#include "sylber/model.h"
#include "sylber/segmenter.h"

#define MAX_SEGMENT_SECONDS 30.0 /* a hum without a cut is closed then, to bound memory */
#define MAX_SAMPLE 1e6f          /* far above any scale of audio, far below overflow */
#define MONO_SIZE 4096           /* samples down-mixed at a time */

struct syl_stream {
    const syl_model *model;
    syl_stream_options options;
    syl_resampler *resampler, *scan_resampler; /* NULL: the rates agree */
    syl_encoding *encoding;
    syl_segmenter *segmenter;
    int64_t num_samples, num_frames, last_end;
    bool fed, finished;
    syl_status outcome; /* of finish */
    syl_segment *queue; /* [head, tail) wait */
    float *features;    /* [queue_capacity][dim], beside the queue */
    size_t head, tail, queue_capacity, feature_capacity;
    float *frames; /* [num_kept][dim], when keep_frames */
    size_t num_kept, frame_capacity;
    float *nearest; /* [dim] scratch of the tokeniser */
    float mono[MONO_SIZE];
};

syl_stream_options syl_stream_options_defaults(void)
{
    return (syl_stream_options){.sample_rate = 16000,
                                .channels = 1,
                                .norm_threshold = NAN,
                                .merge_threshold = NAN,
                                .threads = 1,
                                .prior_seconds = 2};
}

static int dim_of(const syl_stream *s)
{
    return syl_config_dim(&s->model->config);
}

/* ---- results --------------------------------------------------------------------------- */

static double seconds(const syl_stream *s, int64_t frame)
{
    double t = (double)frame / syl_config_frame_rate(&s->model->config) + s->options.shift_seconds;
    return t > 0 ? t : 0;
}

static syl_status enqueue(syl_stream *s, syl_segment segment, const float *feature, syl_error *err)
{
    size_t dim = (size_t)dim_of(s);
    if (s->head == s->tail) s->head = s->tail = 0;
    void *queue = s->queue, *features = s->features;
    SYL_TRY(syl_grow(&queue, &s->queue_capacity, s->tail + 1, sizeof *s->queue, err));
    s->queue = queue;
    SYL_TRY(syl_grow(&features, &s->feature_capacity, s->tail + 1, dim * sizeof(float), err));
    s->features = features;
    if (feature) memcpy(s->features + s->tail * dim, feature, dim * sizeof(float));
    s->queue[s->tail++] = segment;
    return SYL_OK;
}

/* A gap of more than silence_frames before `start` becomes a segment of its own. */
static syl_status report_silence(syl_stream *s, int64_t start, syl_error *err)
{
    const syl_codebook *c = s->model->codebook;
    if (s->options.silence_frames <= 0 || start - s->last_end <= s->options.silence_frames)
        return SYL_OK;
    syl_segment gap = {.start_frame = s->last_end,
                       .end_frame = start,
                       .start = seconds(s, s->last_end),
                       .end = seconds(s, start),
                       .token = c ? c->size : -1,
                       .residual_token = -1,
                       .silence = 1};
    return enqueue(s, gap, NULL, err);
}

static void tokenise(syl_stream *s, const float *mean, syl_segment *segment)
{
    const syl_codebook *c = s->model->codebook, *r = s->model->residual;
    segment->token = segment->residual_token = -1;
    if (!c) return;
    segment->token = syl_codebook_nearest(c, mean, s->nearest);
    if (!r) return;
    const float *centroid = c->centroids + (size_t)segment->token * (size_t)c->dim;
    float *left_over = s->nearest + c->dim;
    for (int i = 0; i < c->dim; i++)
        left_over[i] = s->nearest[i] - centroid[i];
    segment->residual_token = syl_codebook_nearest(r, left_over, s->nearest);
}

static syl_status add_segment(syl_stream *s, int64_t start, int64_t end, bool provisional,
                              const float *mean, syl_error *err)
{
    SYL_TRY(report_silence(s, start, err));
    syl_segment segment = {.start_frame = start,
                           .end_frame = end,
                           .start = seconds(s, start),
                           .end = seconds(s, end),
                           .provisional = provisional};
    tokenise(s, mean, &segment);
    s->last_end = provisional ? start : end; /* a silence before it has been told of */
    return enqueue(s, segment, mean, err);
}

static syl_status on_segment(void *user, int64_t start, int64_t end, const float *mean,
                             syl_error *err)
{
    return add_segment(user, start, end, false, mean, err);
}

static syl_status on_provisional(void *user, int64_t start, int64_t end, const float *mean,
                                 syl_error *err)
{
    return add_segment(user, start, end, true, mean, err);
}

static syl_status on_frames(void *user, const float *frames, int64_t n, syl_error *err)
{
    syl_stream *s = user;
    size_t dim = (size_t)dim_of(s);
    s->num_frames += n;
    if (s->options.keep_frames) {
        void *kept = s->frames;
        SYL_TRY(
            syl_grow(&kept, &s->frame_capacity, s->num_kept + (size_t)n, dim * sizeof(float), err));
        s->frames = kept;
        memcpy(s->frames + s->num_kept * dim, frames, (size_t)n * dim * sizeof(float));
        s->num_kept += (size_t)n;
    }
    return syl_segmenter_push(s->segmenter, frames, n, err);
}

/* ---- life ------------------------------------------------------------------------------ */

static syl_status check_options(const syl_stream_options *o, syl_error *err)
{
    if (o->sample_rate < 1000 || o->sample_rate > 768000)
        return syl_fail(err, SYL_EINVAL, "sample rate %d Hz; 1000 to 768000 are supported",
                        o->sample_rate);
    if (o->channels < 1 || o->channels > 64)
        return syl_fail(err, SYL_EINVAL, "%d channels; 1 to 64 are supported", o->channels);
    if (o->norm_threshold < 0)
        return syl_fail(err, SYL_EINVAL, "norm threshold %g; it must not be negative",
                        o->norm_threshold);
    if (!isfinite(o->shift_seconds))
        return syl_fail(err, SYL_EINVAL, "shift %g is not finite", o->shift_seconds);
    if (!(o->hop_seconds >= 0 && o->hop_seconds <= 30))
        return syl_fail(err, SYL_EINVAL, "a hop of %g s; 0 to 30 are supported", o->hop_seconds);
    if (!(o->lookahead_seconds >= 0))
        return syl_fail(err, SYL_EINVAL, "a look-ahead of %g s; it must not be negative",
                        o->lookahead_seconds);
    if (!(o->prior_seconds >= 0 && o->prior_seconds <= 60))
        return syl_fail(err, SYL_EINVAL, "a prior of %g s; 0 to 60 are supported",
                        o->prior_seconds);
    if (o->silence_frames < 0)
        return syl_fail(err, SYL_EINVAL, "silence of %d frames; 0 turns it off", o->silence_frames);
    return SYL_OK;
}

static syl_status create_parts(syl_stream *s, syl_error *err)
{
    const syl_config *c = &s->model->config;
    const syl_stream_options *o = &s->options;
    syl_segmenter_config segmenter = {
        .dim = dim_of(s),
        .norm_threshold = isnan(o->norm_threshold) ? c->norm_threshold : o->norm_threshold,
        .merge_threshold = isnan(o->merge_threshold) ? c->merge_threshold : o->merge_threshold,
        .max_frames = (int64_t)(MAX_SEGMENT_SECONDS * syl_config_frame_rate(c)),
        .sink = on_segment,
        .provisional = o->provisional ? on_provisional : NULL,
        .user = s};
    syl_encoding_options encoding = {.threads = o->threads,
                                     .hop_seconds = o->hop_seconds,
                                     .lookahead_seconds = o->lookahead_seconds,
                                     .prior_seconds = o->prior_seconds};
    if (o->sample_rate != c->sample_rate)
        SYL_TRY(syl_resampler_create(&s->resampler, o->sample_rate, c->sample_rate, err));
    SYL_TRY(syl_segmenter_create(&s->segmenter, &segmenter, err));
    s->nearest = syl_calloc(2 * (size_t)dim_of(s), sizeof(float));
    if (!s->nearest) return syl_fail_memory(err, 2 * (size_t)dim_of(s) * sizeof(float), "a stream");
    return syl_encoding_open(&s->encoding, s->model->encoder, &encoding, on_frames, s, err);
}

syl_status syl_stream_create(syl_stream **out, const syl_model *model,
                             const syl_stream_options *options, syl_error *err)
{
    syl_stream_options o = options ? *options : syl_stream_options_defaults();
    *out = NULL;
    SYL_TRY(check_options(&o, err));
    syl_stream *s = syl_calloc(1, sizeof *s);
    if (!s) return syl_fail_memory(err, sizeof *s, "a stream");
    s->model = model;
    s->options = o;
    syl_status status = create_parts(s, err);
    if (status != SYL_OK) {
        syl_stream_free(s);
        return status;
    }
    *out = s;
    return SYL_OK;
}

void syl_stream_free(syl_stream *s)
{
    if (!s) return;
    syl_encoding_close(s->encoding);
    syl_segmenter_free(s->segmenter);
    syl_resampler_free(s->resampler);
    syl_resampler_free(s->scan_resampler);
    free(s->queue);
    free(s->features);
    free(s->frames);
    free(s->nearest);
    free(s);
}

/* ---- audio in -------------------------------------------------------------------------- */

typedef syl_status (*take)(syl_stream *s, const float *samples, size_t n, syl_error *err);

static syl_status encode(syl_stream *s, const float *samples, size_t n, syl_error *err)
{
    s->num_samples += (int64_t)n;
    return s->model->encoder->ops->feed(s->encoding, samples, n, err);
}

static syl_status scan(syl_stream *s, const float *samples, size_t n, syl_error *err)
{
    return s->model->encoder->ops->scan(s->encoding, samples, n, err);
}

static syl_status resample(syl_stream *s, syl_resampler *r, const float *samples, size_t n,
                           take next, syl_error *err)
{
    const float *out = samples;
    size_t got = n;
    if (r) SYL_TRY(syl_resampler_process(r, samples, n, &out, &got, err));
    return got > 0 ? next(s, out, got, err) : SYL_OK;
}

static syl_status check_finite(const float *samples, size_t n, int channels, syl_error *err)
{
    for (size_t i = 0; i < n * (size_t)channels; i++)
        if (!(fabsf(samples[i]) <= MAX_SAMPLE)) /* also when it is NaN */
            return syl_fail(err, SYL_EINVAL,
                            "sample %zu of channel %zu is not a finite number below 1e6",
                            i / (size_t)channels, i % (size_t)channels);
    return SYL_OK;
}

static syl_status take_in(syl_stream *s, syl_resampler *r, const float *samples, size_t n,
                          take next, syl_error *err)
{
    size_t channels = (size_t)s->options.channels;
    if (s->finished)
        return syl_fail(err, SYL_EINVAL, "the stream has been finished; create another");
    SYL_TRY(check_finite(samples, n, s->options.channels, err));
    if (channels == 1) return n > 0 ? resample(s, r, samples, n, next, err) : SYL_OK;
    for (size_t i = 0; i < n; i += MONO_SIZE) {
        size_t m = n - i < MONO_SIZE ? n - i : MONO_SIZE;
        syl_mix_down(samples + i * channels, m, s->options.channels, s->mono);
        SYL_TRY(resample(s, r, s->mono, m, next, err));
    }
    return SYL_OK;
}

/* What the resampler of the first pass still holds belongs to the recording too. */
static syl_status end_scan(syl_stream *s, syl_error *err)
{
    if (s->fed || !s->scan_resampler) return SYL_OK;
    return resample(s, s->scan_resampler, NULL, 0, scan, err);
}

syl_status syl_stream_feed(syl_stream *s, const float *samples, size_t n, syl_error *err)
{
    SYL_TRY(end_scan(s, err));
    s->fed = true;
    return take_in(s, s->resampler, samples, n, encode, err);
}

syl_status syl_stream_scan(syl_stream *s, const float *samples, size_t n, syl_error *err)
{
    const syl_config *c = &s->model->config;
    if (s->fed) return syl_fail(err, SYL_EINVAL, "scan must come before the first feed");
    if (s->resampler && !s->scan_resampler)
        SYL_TRY(
            syl_resampler_create(&s->scan_resampler, s->options.sample_rate, c->sample_rate, err));
    return take_in(s, s->scan_resampler, samples, n, scan, err);
}

static syl_status finish(syl_stream *s, syl_error *err)
{
    SYL_TRY(end_scan(s, err));
    if (s->resampler) SYL_TRY(resample(s, s->resampler, NULL, 0, encode, err));
    SYL_TRY(s->model->encoder->ops->finish(s->encoding, err));
    SYL_TRY(syl_segmenter_finish(s->segmenter, err));
    return report_silence(s, s->num_frames, err);
}

syl_status syl_stream_finish(syl_stream *s, syl_error *err)
{
    if (!s->finished)
        s->outcome = finish(s, err);
    else if (s->outcome != SYL_OK)
        syl_fail(err, s->outcome, "the stream could not be finished");
    s->finished = true;
    return s->outcome;
}

/* ---- results out ----------------------------------------------------------------------- */

int syl_stream_get(syl_stream *s, syl_segment *segment)
{
    if (s->head == s->tail) return 0;
    *segment = s->queue[s->head];
    if (!segment->silence) segment->feature = s->features + s->head * (size_t)dim_of(s);
    s->head++;
    return 1;
}

size_t syl_stream_get_frames(syl_stream *s, float *frames, size_t max)
{
    size_t dim = (size_t)dim_of(s), n = s->num_kept < max ? s->num_kept : max;
    if (n == 0) return 0;
    memcpy(frames, s->frames, n * dim * sizeof(float));
    s->num_kept -= n;
    memmove(s->frames, s->frames + n * dim, s->num_kept * dim * sizeof(float));
    return n;
}

int64_t syl_stream_num_frames(const syl_stream *s)
{
    return s->num_frames;
}

int64_t syl_stream_num_samples(const syl_stream *s)
{
    return s->num_samples;
}

/* ---- a whole buffer -------------------------------------------------------------------- */

static syl_status collect(syl_result *out, syl_stream *s, syl_error *err)
{
    size_t dim = (size_t)dim_of(s), n = s->tail - s->head;
    out->segments = syl_calloc(n, sizeof *out->segments);
    out->features = syl_calloc(n, dim * sizeof(float));
    if (!out->segments || !out->features)
        return syl_fail_memory(err, n * dim * sizeof(float), "the result");
    for (size_t i = 0; i < n; i++) {
        syl_stream_get(s, &out->segments[i]);
        if (out->segments[i].silence) continue;
        memcpy(out->features + i * dim, out->segments[i].feature, dim * sizeof(float));
        out->segments[i].feature = out->features + i * dim;
    }
    out->num_segments = n;
    out->num_frames = s->num_frames;
    out->num_samples = s->num_samples;
    out->frames = s->frames; /* handed over */
    s->frames = NULL;
    s->num_kept = 0;
    return SYL_OK;
}

syl_status syl_tokenize(syl_result *out, const syl_model *model, const float *samples, size_t n,
                        const syl_stream_options *options, syl_error *err)
{
    syl_stream *s;
    syl_stream_options o = options ? *options : syl_stream_options_defaults();
    o.provisional = 0;
    memset(out, 0, sizeof *out);
    out->dim = syl_config_dim(&model->config);
    SYL_TRY(syl_stream_create(&s, model, &o, err));
    syl_status status = syl_stream_scan(s, samples, n, err);
    if (status == SYL_OK) status = syl_stream_feed(s, samples, n, err);
    if (status == SYL_OK) status = syl_stream_finish(s, err);
    if (status == SYL_OK) status = collect(out, s, err);
    syl_stream_free(s);
    if (status != SYL_OK) syl_result_free(out);
    return status;
}

void syl_result_free(syl_result *result)
{
    free(result->segments);
    free(result->features);
    free(result->frames);
    memset(result, 0, sizeof *result);
}
