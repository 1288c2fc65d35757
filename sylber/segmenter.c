#include "sylber/segmenter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define EPS 1e-8 /* of get_segment, under both roots */

typedef struct piece {
    int64_t start, end;
    double *sum; /* [dim] of its frames */
} piece;

struct syl_segmenter {
    syl_segmenter_config config;
    int64_t now;   /* frames seen */
    float *frames; /* [capacity][dim] from frame `base` on */
    size_t capacity;
    int64_t base, held;
    int64_t run;     /* voiced frames since the run began; 0: in silence */
    piece prev, cur; /* prev is there when has_prev */
    bool has_prev;
    float *proto;        /* [dim] running mean of phase 1 */
    float *mean, *other; /* [dim] scratch */
};

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static double cosine(const float *a, const float *b, int n)
{
    return dot(a, b, n) / sqrt(dot(a, a, n) + EPS) / sqrt(dot(b, b, n) + EPS);
}

static const float *frame_at(const syl_segmenter *s, int64_t t)
{
    return s->frames + (t - s->base) * s->config.dim;
}

static void add_frame(double *sum, const float *x, double sign, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += sign * x[i];
}

static void mean_of(const piece *p, float *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (float)(p->sum[i] / (double)(p->end - p->start));
}

static int64_t half(const piece *p)
{
    int64_t n = (p->end - p->start) / 2;
    return n > 1 ? n : 1;
}

/* ---- phase 2 --------------------------------------------------------------------------- */

/* The cut between prev and cur that gives each side the frames nearest its mean: the first
 * maximum of sum_{t < cut} cos(x_t, left) + sum_{t >= cut} cos(x_t, right). */
static int64_t best_cut(const syl_segmenter *s, const float *left, const float *right)
{
    int64_t b = s->prev.end;
    int64_t lo = b - half(&s->prev), hi = b + half(&s->cur);
    lo = lo > s->prev.start ? lo : s->prev.start;
    hi = hi < s->cur.end ? hi : s->cur.end;
    double gain = 0, best = 0;
    int64_t cut = lo;
    for (int64_t t = lo; t + 1 < hi; t++) {
        const float *x = frame_at(s, t);
        gain += cosine(x, left, s->config.dim) - cosine(x, right, s->config.dim);
        if (gain > best) {
            best = gain;
            cut = t + 1;
        }
    }
    return cut;
}

static void move_cut(syl_segmenter *s, int64_t cut)
{
    for (; s->prev.end > cut; s->prev.end--) {
        const float *x = frame_at(s, s->prev.end - 1);
        add_frame(s->prev.sum, x, -1, s->config.dim);
        add_frame(s->cur.sum, x, 1, s->config.dim);
    }
    for (; s->prev.end < cut; s->prev.end++) {
        const float *x = frame_at(s, s->prev.end);
        add_frame(s->prev.sum, x, 1, s->config.dim);
        add_frame(s->cur.sum, x, -1, s->config.dim);
    }
    s->cur.start = cut;
}

static syl_status emit(syl_segmenter *s, const piece *p, syl_error *err)
{
    mean_of(p, s->mean, s->config.dim);
    return s->config.sink(s->config.user, p->start, p->end, s->mean, err);
}

static syl_status emit_provisional(syl_segmenter *s, const piece *p, syl_error *err)
{
    if (!s->config.provisional) return SYL_OK;
    mean_of(p, s->mean, s->config.dim);
    return s->config.provisional(s->config.user, p->start, p->end, s->mean, err);
}

/* cur became complete; afterwards it is prev, merged or not. */
static syl_status settle(syl_segmenter *s, syl_error *err)
{
    int dim = s->config.dim;
    if (s->has_prev) {
        mean_of(&s->prev, s->mean, dim);
        mean_of(&s->cur, s->other, dim);
        if (cosine(s->mean, s->other, dim) >= s->config.merge_threshold) {
            s->cur.start = s->prev.start;
            for (int i = 0; i < dim; i++)
                s->cur.sum[i] += s->prev.sum[i];
        } else {
            move_cut(s, best_cut(s, s->mean, s->other));
            SYL_TRY(emit(s, &s->prev, err));
        }
    }
    piece done = s->cur;
    s->cur = s->prev;
    s->prev = done;
    s->has_prev = true;
    return SYL_OK;
}

/* ---- phase 1 --------------------------------------------------------------------------- */

static void begin_piece(syl_segmenter *s, const float *x)
{
    s->cur.start = s->now;
    memcpy(s->proto, x, (size_t)s->config.dim * sizeof *x);
    memset(s->cur.sum, 0, (size_t)s->config.dim * sizeof *s->cur.sum);
}

/* Drops frames that phase 2 cannot look at any more. */
static void trim(syl_segmenter *s)
{
    int64_t keep = s->cur.start;
    if (s->has_prev)
        keep = s->prev.end - half(&s->prev) > s->prev.start ? s->prev.end - half(&s->prev)
                                                            : s->prev.start;
    int64_t drop = keep - s->base;
    if (drop <= 0) return;
    s->held -= drop;
    s->base = keep;
    memmove(s->frames, s->frames + drop * s->config.dim,
            (size_t)(s->held * s->config.dim) * sizeof(float));
}

static syl_status keep_frame(syl_segmenter *s, const float *x, syl_error *err)
{
    void *data = s->frames;
    size_t dim = (size_t)s->config.dim;
    SYL_TRY(syl_grow(&data, &s->capacity, (size_t)s->held + 1, dim * sizeof(float), err));
    s->frames = data;
    memcpy(s->frames + (size_t)s->held * dim, x, dim * sizeof(float));
    s->held++;
    add_frame(s->cur.sum, x, 1, s->config.dim);
    return SYL_OK;
}

static syl_status close_run(syl_segmenter *s, syl_error *err)
{
    if (s->run > 0) {
        s->cur.end = s->now;
        SYL_TRY(settle(s, err));
        SYL_TRY(emit(s, &s->prev, err));
    }
    s->run = 0;
    s->has_prev = false;
    s->held = 0;
    return SYL_OK;
}

static syl_status voiced(syl_segmenter *s, const float *x, syl_error *err)
{
    int dim = s->config.dim;
    if (s->run == 0) {
        s->base = s->now;
        begin_piece(s, x);
    } else if (cosine(s->proto, x, dim) >= s->config.merge_threshold) {
        float n = (float)s->run;
        for (int i = 0; i < dim; i++)
            s->proto[i] = (s->proto[i] * n + x[i]) / (n + 1);
    } else {
        s->cur.end = s->now;
        SYL_TRY(settle(s, err));
        SYL_TRY(emit_provisional(s, &s->prev, err));
        begin_piece(s, x);
        trim(s);
    }
    /* The published count runs on over a cut: a piece inside a run keeps a prototype that is
     * nearly frozen at its first frame. */
    s->run++;
    return keep_frame(s, x, err);
}

syl_status syl_segmenter_push(syl_segmenter *s, const float *frames, int64_t n, syl_error *err)
{
    const syl_segmenter_config *c = &s->config;
    for (int64_t i = 0; i < n; i++) {
        const float *x = frames + i * c->dim;
        bool loud = sqrt(dot(x, x, c->dim) + EPS) >= c->norm_threshold; /* false for NaN */
        bool full = s->run > 0 && c->max_frames > 0 && s->held >= c->max_frames;
        if (!loud || full) SYL_TRY(close_run(s, err));
        if (loud) SYL_TRY(voiced(s, x, err));
        s->now++;
    }
    return SYL_OK;
}

syl_status syl_segmenter_finish(syl_segmenter *s, syl_error *err)
{
    return close_run(s, err);
}

syl_status syl_segmenter_create(syl_segmenter **out, const syl_segmenter_config *config,
                                syl_error *err)
{
    *out = NULL;
    if (config->dim < 1)
        return syl_fail(err, SYL_EINVAL, "frames of %d dimensions cannot be segmented",
                        config->dim);
    syl_segmenter *s = syl_calloc(1, sizeof *s);
    if (!s) return syl_fail_memory(err, sizeof *s, "a segmenter");
    size_t dim = (size_t)config->dim;
    s->config = *config;
    s->prev.sum = syl_calloc(dim, sizeof(double));
    s->cur.sum = syl_calloc(dim, sizeof(double));
    s->proto = syl_calloc(3 * dim, sizeof(float));
    if (!s->prev.sum || !s->cur.sum || !s->proto) {
        syl_segmenter_free(s);
        return syl_fail_memory(err, 7 * dim * sizeof(float), "a segmenter");
    }
    s->mean = s->proto + dim;
    s->other = s->mean + dim;
    *out = s;
    return SYL_OK;
}

void syl_segmenter_free(syl_segmenter *s)
{
    if (!s) return;
    free(s->prev.sum);
    free(s->cur.sum);
    free(s->proto);
    free(s->frames);
    free(s);
}

/* ---- a whole array --------------------------------------------------------------------- */

typedef struct collected {
    int64_t (*bounds)[2];
    int64_t count;
} collected;

static syl_status collect(void *user, int64_t start, int64_t end, const float *mean, syl_error *err)
{
    collected *c = user;
    (void)mean, (void)err;
    c->bounds[c->count][0] = start;
    c->bounds[c->count][1] = end;
    c->count++;
    return SYL_OK;
}

syl_status syl_segment_frames(const float *frames, int64_t num_frames, int dim,
                              double norm_threshold, double merge_threshold, int64_t (*bounds)[2],
                              int64_t *num_segments, syl_error *err)
{
    collected c = {.bounds = bounds};
    syl_segmenter_config config = {.dim = dim,
                                   .norm_threshold = norm_threshold,
                                   .merge_threshold = merge_threshold,
                                   .sink = collect,
                                   .user = &c};
    syl_segmenter *s;
    *num_segments = 0;
    if (num_frames < 0) return syl_fail(err, SYL_EINVAL, "%lld frames", (long long)num_frames);
    SYL_TRY(syl_segmenter_create(&s, &config, err));
    syl_status status = syl_segmenter_push(s, frames, num_frames, err);
    if (status == SYL_OK) status = syl_segmenter_finish(s, err);
    syl_segmenter_free(s);
    *num_segments = c.count;
    return status;
}
