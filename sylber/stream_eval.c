#include "sylber/stream_eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

/* ---- quantiles ------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double syl_sample_quantile(syl_sample *s, double p)
{
    if (!s->count) return NAN;
    qsort(s->values, s->count, sizeof *s->values, by_value);
    double rank = ceil(p * (double)s->count);
    return s->values[rank < 1 ? 0 : (size_t)rank - 1];
}

static syl_status note(syl_sample *s, double value, syl_error *err)
{
    void *values = s->values;
    SYL_TRY(syl_grow(&values, &s->capacity, s->count + 1, sizeof *s->values, err));
    s->values = values;
    s->values[s->count++] = value;
    return SYL_OK;
}

/* ---- one recording through a stream ---------------------------------------------------- */

typedef struct listening {
    syl_stream_score *score;
    syl_stream *stream;
    double frame_rate, fed; /* fed: seconds so far */
    double *known;          /* [max_frames] seconds fed when the frame was known */
    int64_t max_frames, num_known;
    size_t dim;
    float *frames; /* [max_frames][dim] */
    size_t num_frames;
    double (*spans)[2]; /* [num_spans] final segments, seconds */
    int64_t (*bounds)[2];
    int32_t *tokens;
    size_t num_spans;
    bool finished, open; /* open: the last segment was provisional, with this end: */
    int64_t open_end;
} listening;

static syl_status note_latency(listening *l, const syl_segment *s, syl_error *err)
{
    double end = (double)s->end_frame / l->frame_rate, known = l->known[s->end_frame - 1];
    if (l->num_spans == 0) SYL_TRY(note(&l->score->first, l->fed - end, err));
    if (l->finished) return SYL_OK;
    SYL_TRY(note(&l->score->total, l->fed - end, err));
    SYL_TRY(note(&l->score->ahead, known - end, err));
    return note(&l->score->lag, l->fed - known, err);
}

static syl_status listen(listening *l, syl_error *err)
{
    syl_segment s;
    while (l->num_known < syl_stream_num_frames(l->stream) && l->num_known < l->max_frames)
        l->known[l->num_known++] = l->fed;
    l->num_frames += syl_stream_get_frames(l->stream, l->frames + l->num_frames * l->dim,
                                           (size_t)l->max_frames - l->num_frames);
    while (syl_stream_get(l->stream, &s)) {
        l->score->revised += l->open && s.end_frame != l->open_end;
        l->open = s.provisional;
        l->open_end = s.end_frame;
        l->score->provisional += s.provisional;
        if (s.provisional) continue;
        SYL_TRY(note_latency(l, &s, err));
        l->spans[l->num_spans][0] = (double)s.start_frame / l->frame_rate;
        l->spans[l->num_spans][1] = (double)s.end_frame / l->frame_rate;
        l->bounds[l->num_spans][0] = s.start_frame;
        l->bounds[l->num_spans][1] = s.end_frame;
        l->tokens[l->num_spans++] = s.token;
    }
    return SYL_OK;
}

static syl_status run(listening *l, const float *samples, size_t n, int rate, double feed_seconds,
                      syl_error *err)
{
    size_t piece = (size_t)fmax(1, feed_seconds * rate);
    for (size_t i = 0; i < n; i += piece) {
        size_t some = n - i < piece ? n - i : piece;
        double begin = syl_clock_seconds();
        SYL_TRY(syl_stream_feed(l->stream, samples + i, some, err));
        l->score->compute_seconds += syl_clock_seconds() - begin;
        l->fed = (double)(i + some) / rate;
        SYL_TRY(listen(l, err));
    }
    l->finished = true;
    double begin = syl_clock_seconds();
    SYL_TRY(syl_stream_finish(l->stream, err));
    l->score->compute_seconds += syl_clock_seconds() - begin;
    return listen(l, err);
}

/* ---- comparison ------------------------------------------------------------------------ */

static double norm(const float *x, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

static syl_status compare_frames(listening *l, const syl_result *whole, double threshold,
                                 syl_error *err)
{
    size_t n =
        l->num_frames < (size_t)whole->num_frames ? l->num_frames : (size_t)whole->num_frames;
    for (size_t t = 0; t < n; t++) {
        const float *a = whole->frames + t * l->dim, *b = l->frames + t * l->dim;
        double dot = 0, na = norm(a, l->dim), nb = norm(b, l->dim);
        for (size_t i = 0; i < l->dim; i++)
            dot += (double)a[i] * b[i];
        SYL_TRY(note(&l->score->cosine, na > 0 && nb > 0 ? dot / na / nb : na == nb, err));
        l->score->voiced_same += (na >= threshold) == (nb >= threshold);
    }
    l->score->frames += (int64_t)n;
    return SYL_OK;
}

/* Both lists are in order of time. */
static void compare_segments(listening *l, const syl_result *whole)
{
    size_t i = 0, j = 0;
    while (i < whole->num_segments && j < l->num_spans) {
        const syl_segment *s = &whole->segments[i];
        bool exact = s->start_frame == l->bounds[j][0] && s->end_frame == l->bounds[j][1];
        l->score->exact += exact;
        l->score->same_token += exact && s->token == l->tokens[j];
        if (s->end_frame <= l->bounds[j][1]) i++;
        if (s->end_frame >= l->bounds[j][1]) j++;
    }
    l->score->ref_segments += (int64_t)whole->num_segments;
    l->score->hyp_segments += (int64_t)l->num_spans;
}

static syl_status add_boundaries(syl_boundaries **list, size_t *capacity, size_t count,
                                 const double (*spans)[2], size_t n, syl_error *err)
{
    void *data = *list;
    SYL_TRY(syl_grow(&data, capacity, count + 1, sizeof **list, err));
    *list = data;
    return syl_boundaries_create(&(*list)[count], spans, n, false, err);
}

static syl_status compare(listening *l, const syl_result *whole, double threshold, syl_error *err)
{
    syl_stream_score *score = l->score;
    size_t n = whole->num_segments;
    SYL_TRY(compare_frames(l, whole, threshold, err));
    compare_segments(l, whole);
    double(*spans)[2] = syl_calloc(n, sizeof *spans);
    if (!spans) return syl_fail_memory(err, n * sizeof *spans, "segments");
    for (size_t i = 0; i < n; i++) {
        spans[i][0] = (double)whole->segments[i].start_frame / l->frame_rate;
        spans[i][1] = (double)whole->segments[i].end_frame / l->frame_rate;
    }
    size_t k = score->recordings;
    syl_status status =
        add_boundaries(&score->ref, &score->ref_capacity, k, (const double(*)[2])spans, n, err);
    free(spans);
    if (status) return status;
    status = add_boundaries(&score->hyp, &score->hyp_capacity, k, (const double(*)[2])l->spans,
                            l->num_spans, err);
    if (status)
        syl_boundaries_free(&score->ref[k]);
    else
        score->recordings++;
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static syl_status prepare(listening *l, const syl_model *model, const syl_stream_options *options,
                          int64_t frames, syl_error *err)
{
    syl_model_info info;
    syl_model_get_info(model, &info);
    l->frame_rate = info.frame_rate;
    l->dim = (size_t)info.dim;
    l->max_frames = frames;
    size_t n = (size_t)frames + 1;
    l->known = syl_calloc(n, sizeof *l->known);
    l->frames = syl_calloc(n, l->dim * sizeof *l->frames);
    l->spans = syl_calloc(n, sizeof *l->spans);
    l->bounds = syl_calloc(n, sizeof *l->bounds);
    l->tokens = syl_calloc(n, sizeof *l->tokens);
    if (!l->known || !l->frames || !l->spans || !l->bounds || !l->tokens)
        return syl_fail_memory(err, n * l->dim * sizeof *l->frames, "a recording's frames");
    return syl_stream_create(&l->stream, model, options, err);
}

static void close(listening *l)
{
    syl_stream_free(l->stream);
    free(l->known);
    free(l->frames);
    free(l->spans);
    free(l->bounds);
    free(l->tokens);
}

syl_status syl_stream_score_add(syl_stream_score *score, const syl_model *model,
                                const syl_stream_options *options, double feed_seconds,
                                const float *samples, size_t n, syl_error *err)
{
    syl_stream_options o = *options;
    listening l = {.score = score};
    syl_result whole;
    syl_model_info info;
    syl_model_get_info(model, &info);
    double threshold = isnan(o.norm_threshold) ? info.norm_threshold : o.norm_threshold;
    o.keep_frames = 1;
    o.silence_frames = 0;
    o.channels = 1;
    o.shift_seconds = o.hop_seconds = 0;
    SYL_TRY(syl_tokenize(&whole, model, samples, n, &o, err));
    o.hop_seconds = options->hop_seconds;
    o.provisional = 1;
    syl_status status = prepare(&l, model, &o, whole.num_frames, err);
    if (status == SYL_OK) status = run(&l, samples, n, o.sample_rate, feed_seconds, err);
    if (status == SYL_OK) status = compare(&l, &whole, threshold, err);
    if (status == SYL_OK) score->seconds += (double)n / o.sample_rate;
    close(&l);
    syl_result_free(&whole);
    return status;
}

void syl_stream_score_free(syl_stream_score *score)
{
    for (size_t i = 0; i < score->recordings; i++) {
        syl_boundaries_free(&score->ref[i]);
        syl_boundaries_free(&score->hyp[i]);
    }
    free(score->ref);
    free(score->hyp);
    free(score->cosine.values);
    free(score->total.values);
    free(score->ahead.values);
    free(score->lag.values);
    free(score->first.values);
    memset(score, 0, sizeof *score);
}
