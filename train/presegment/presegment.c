#include "train/presegment/presegment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/presegment/mincut.h"
#include "train/presegment/norm_peaks.h"
#include "train/presegment/peaks.h"
#include "train/presegment/speech_regions.h"

/* The best of 0.2 to 0.6 on 70 English prompts. */
#define GREEDY_MERGE 0.3

const char *const syl_presegment_method_names[] = {"sonority", "norm-peaks", "mincut",
                                                   "probe",    "greedy",     NULL};

typedef struct state {
    const syl_stats *stats;
    syl_ctx *ctx;
    syl_presegment_method method;
    syl_heard utterance;
    syl_hidden hidden;
    const float *last; /* [frames][dim] the final layer norm's output */
    syl_spans regions;
    syl_presegments *out;
} state;

void syl_presegments_free(syl_presegments *s)
{
    syl_spans_free(&s->segments);
    free(s->means);
    *s = (syl_presegments){0};
}

/* ---- methods that cut at the peaks of a curve ------------------------------------------- */

static syl_status make_curve(state *s, double *curve, syl_peak_rule *rule, syl_error *err)
{
    const syl_hidden *h = &s->hidden;
    double scale[SYL_NUM_CURVES];
    *rule = (syl_peak_rule){.height = -INFINITY, .prominence = 0, .distance = 1};
    switch (s->method) {
    case SYL_PRESEGMENT_PROBE:
        *rule = (syl_peak_rule){.height = 0.3, .prominence = 0.1, .distance = 3};
        syl_probe_curve(s->stats->probe, s->stats->probe_bias, s->last, h->frames, h->dim, curve);
        return SYL_OK;
    case SYL_PRESEGMENT_NORM_PEAKS:
        rule->prominence = 0.45;
        return syl_norm_curve(s->last, h->frames, h->dim, curve, err);
    default:
        rule->prominence = 0.4;
        for (int c = 0; c < SYL_NUM_CURVES; c++)
            scale[c] = s->stats->scale[c];
        return syl_sonority_curve(s->ctx, &s->utterance, scale, curve, err);
    }
}

static syl_status cut_at_peaks(state *s, syl_error *err)
{
    int64_t count = 0, n = s->hidden.frames;
    double *curve = syl_calloc((size_t)n, sizeof *curve);
    int64_t *peaks = syl_calloc((size_t)n, sizeof *peaks);
    syl_peak_rule rule;
    syl_status status = curve && peaks ? make_curve(s, curve, &rule, err)
                                       : syl_fail_memory(err, (size_t)n * sizeof *curve, "a curve");
    if (status == SYL_OK) status = syl_find_peaks(curve, n, rule, peaks, &count, err);
    for (size_t i = 0; status == SYL_OK && i < s->regions.count; i++)
        status = syl_spans_cut(&s->out->segments, s->regions.items[i], peaks, count, err);
    free(curve);
    free(peaks);
    return status;
}

/* ---- methods that look at one region at a time ------------------------------------------ */

static syl_status greedy(state *s, syl_span region, syl_error *err)
{
    int64_t n = region.end - region.start, count;
    int64_t(*bounds)[2] = syl_calloc((size_t)n, sizeof *bounds);
    if (!bounds) return syl_fail_memory(err, (size_t)n * sizeof *bounds, "segments");
    syl_status status = syl_segment_frames(s->last + (int64_t)region.start * s->hidden.dim, n,
                                           s->hidden.dim, 0, GREEDY_MERGE, bounds, &count, err);
    for (int64_t i = 0; status == SYL_OK && i < count; i++)
        status = syl_spans_add(&s->out->segments, region.start + bounds[i][0],
                               region.start + bounds[i][1], err);
    free(bounds);
    return status;
}

static syl_status cut_regions(state *s, syl_error *err)
{
    for (size_t i = 0; i < s->regions.count; i++) {
        syl_span region = s->regions.items[i];
        if (s->method == SYL_PRESEGMENT_GREEDY)
            SYL_TRY(greedy(s, region, err));
        else
            SYL_TRY(syl_mincut(s->last, s->hidden.dim, region, syl_mincut_defaults(),
                               &s->out->segments, err));
    }
    return SYL_OK;
}

/* ---- all ------------------------------------------------------------------------------- */

static syl_status take_means(state *s, syl_error *err)
{
    size_t dim = (size_t)s->hidden.dim, count = s->out->segments.count;
    float *means = s->out->means = syl_calloc(syl_mul_size(count, dim), sizeof *means);
    double *sum = syl_calloc(dim, sizeof *sum);
    if (!means || !sum) {
        free(sum);
        return syl_fail_memory(err, count * dim * sizeof *means, "means");
    }
    for (size_t i = 0; i < count; i++) {
        syl_span span = s->out->segments.items[i];
        memset(sum, 0, dim * sizeof *sum);
        for (int64_t t = span.start; t < span.end; t++)
            for (size_t d = 0; d < dim; d++)
                sum[d] += s->last[(size_t)t * dim + d];
        for (size_t d = 0; d < dim; d++)
            means[i * dim + d] = (float)(SYL_TARGET_SCALE * sum[d] / (span.end - span.start));
    }
    free(sum);
    return SYL_OK;
}

static syl_status run(state *s, const syl_teacher *teacher, syl_error *err)
{
    syl_heard *u = &s->utterance;
    SYL_TRY(syl_teacher_encode(teacher, s->ctx, u->samples, u->n, &s->hidden, err));
    syl_stats_standardise(s->stats, &s->hidden);
    u->hidden = &s->hidden;
    s->last = syl_hidden_level(&s->hidden, s->hidden.levels - 1);
    s->out->num_frames = s->hidden.frames;
    SYL_TRY(syl_speech_regions(u->samples, u->n, u->hop, &s->regions, err));
    if (s->method == SYL_PRESEGMENT_MINCUT || s->method == SYL_PRESEGMENT_GREEDY)
        SYL_TRY(cut_regions(s, err));
    else
        SYL_TRY(cut_at_peaks(s, err));
    return take_means(s, err);
}

syl_status syl_presegment(const syl_teacher *teacher, const syl_stats *stats, syl_ctx *ctx,
                          syl_presegment_method method, const float *samples, size_t n,
                          syl_presegments *out, syl_error *err)
{
    const syl_config *c = &teacher->config;
    *out = (syl_presegments){0};
    if (method == SYL_PRESEGMENT_PROBE && !stats->probe)
        return syl_fail(err, SYL_EINVAL,
                        "the statistics hold no probe; make them with presegment fit --labels");
    state s = {.stats = stats,
               .ctx = ctx,
               .method = method,
               .utterance = {.samples = samples,
                             .n = n,
                             .sample_rate = c->sample_rate,
                             .hop = syl_config_hop(c)},
               .out = out};
    syl_status status = run(&s, teacher, err);
    syl_hidden_free(&s.hidden);
    syl_spans_free(&s.regions);
    if (status != SYL_OK) syl_presegments_free(out);
    return status;
}
