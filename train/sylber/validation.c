#include "train/sylber/validation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "sylber/segmenter.h"

#define TOLERANCE_MS 50
#define QUIET_DB (-65.0) /* frames below are silence, frames above SPEECH_DB are speech */
#define SPEECH_DB (-45.0)

static const double norm_shares[] = {.25, .3, .35, .4, .45, .5, .55, .6};
static const double merges[] = {.3, .4, .5, .55, .6, .65, .7, .75, .8, .85, .9};

/* Frames of one recording. */
typedef struct heard {
    float *frames; /* [num_frames][dim] */
    int64_t num_frames;
} heard;

/* Norms of all frames that are speech, and the sum of those that are silence. */
typedef struct norms {
    float *speech;
    size_t count, capacity;
    double quiet;
    int64_t num_quiet;
} norms;

typedef struct spans {
    double (*list)[2];
    size_t count, capacity;
    double frame_seconds;
} spans;

static float *float_audio(const syl_utterance *u)
{
    float *audio = syl_calloc((size_t)u->samples, sizeof *audio);
    for (int64_t i = 0; audio && i < u->samples; i++)
        audio[i] = u->scale * u->audio[i] + u->shift;
    return audio;
}

static syl_status encode_rows(const syl_network *n, syl_tape *tape, syl_dtype compute, float *rows,
                              int64_t count, heard *out, syl_error *err)
{
    int64_t begin[2] = {0, count}, cols = n->ops->input_cols(&n->config);
    syl_ctx *ctx = syl_tape_ctx(tape);
    syl_mat input;
    syl_var *x, *frames;
    syl_ragged sequences;
    syl_tape_clear(tape, (syl_tape_options){.compute = compute});
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, count, cols, &input, err));
    SYL_TRY(syl_upload(ctx, rows, input, err));
    SYL_TRY(syl_tape_input(tape, input, false, &x, err));
    SYL_TRY(n->ops->forward(n, tape, x, (syl_ragged){1, begin}, &frames, &sequences, err));
    size_t values = (size_t)(frames->value.rows * frames->value.cols);
    out->frames = syl_calloc(values, sizeof *out->frames);
    if (!out->frames) return syl_fail_memory(err, values * sizeof(float), "frames");
    out->num_frames = frames->value.rows;
    return syl_download(ctx, frames->value, out->frames, err);
}

static syl_status encode(const syl_network *n, syl_tape *tape, syl_dtype compute,
                         const syl_utterance *u, heard *out, syl_error *err)
{
    float *audio = float_audio(u), *rows = NULL;
    int64_t count;
    if (!audio) return syl_fail_memory(err, (size_t)u->samples * 4, "a recording");
    syl_status status = n->ops->prepare(&n->config, audio, u->samples, &rows, &count, err);
    if (status == SYL_OK) status = encode_rows(n, tape, compute, rows, count, out, err);
    free(audio);
    free(rows);
    return status;
}

static double frame_db(const syl_utterance *u, int64_t t, int hop)
{
    double power = 0;
    for (int64_t i = t * hop; i < (t + 1) * hop && i < u->samples; i++)
        power += (double)u->audio[i] * u->audio[i];
    return 10 * log10(power / hop / (32768.0 * 32768.0) + 1e-12);
}

static syl_status collect_norms(const syl_utterance *u, const heard *h, int hop, int dim, norms *n,
                                syl_error *err)
{
    for (int64_t t = 0; t < h->num_frames; t++) {
        double db = frame_db(u, t, hop), squares = 0;
        for (int c = 0; c < dim; c++)
            squares += (double)h->frames[t * dim + c] * h->frames[t * dim + c];
        if (db < QUIET_DB) {
            n->quiet += sqrt(squares);
            n->num_quiet++;
        }
        if (db <= SPEECH_DB) continue;
        SYL_TRY(syl_grow((void **)&n->speech, &n->capacity, n->count + 1, sizeof *n->speech, err));
        n->speech[n->count++] = (float)sqrt(squares);
    }
    return SYL_OK;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median(norms *n)
{
    if (n->count == 0) return 0;
    qsort(n->speech, n->count, sizeof *n->speech, compare_floats);
    return n->speech[n->count / 2];
}

static syl_status take_span(void *user, int64_t start, int64_t end, const float *mean,
                            syl_error *err)
{
    spans *s = user;
    (void)mean;
    SYL_TRY(syl_grow((void **)&s->list, &s->capacity, s->count + 1, sizeof *s->list, err));
    s->list[s->count][0] = (double)start * s->frame_seconds;
    s->list[s->count++][1] = (double)end * s->frame_seconds;
    return SYL_OK;
}

static syl_status find(const syl_network *n, const heard *h, double norm, double merge,
                       syl_boundaries *out, syl_error *err)
{
    spans s = {.frame_seconds = 1 / syl_config_frame_rate(&n->config)};
    syl_segmenter *segmenter;
    syl_segmenter_config config = {.dim = syl_config_dim(&n->config),
                                   .norm_threshold = norm,
                                   .merge_threshold = merge,
                                   .sink = take_span,
                                   .user = &s};
    SYL_TRY(syl_segmenter_create(&segmenter, &config, err));
    syl_status status = syl_segmenter_push(segmenter, h->frames, h->num_frames, err);
    if (status == SYL_OK) status = syl_segmenter_finish(segmenter, err);
    if (status == SYL_OK)
        status = syl_boundaries_create(out, (const double(*)[2])s.list, s.count, false, err);
    syl_segmenter_free(segmenter);
    free(s.list);
    return status;
}

/* One pair of thresholds over all recordings. */
static syl_status try_thresholds(const syl_validation *v, const syl_network *n, const heard *all,
                                 double norm, double merge, syl_boundary_score *score,
                                 syl_error *err)
{
    size_t count = (size_t)syl_utterances_count(v->speech), made = 0;
    syl_boundaries *found = syl_calloc(count, sizeof *found);
    syl_status status = found ? SYL_OK : syl_fail_memory(err, count * sizeof *found, "boundaries");
    for (; made < count && status == SYL_OK; made++)
        status = find(n, &all[made], norm, merge, &found[made], err);
    if (status == SYL_OK)
        *score = syl_boundaries_score(found, v->reference, count, 0, TOLERANCE_MS);
    for (size_t i = 0; found && i < made; i++)
        syl_boundaries_free(&found[i]);
    free(found);
    return status;
}

static syl_status search(const syl_validation *v, const syl_network *n, const heard *all,
                         double middle, syl_validation_result *out, syl_error *err)
{
    for (size_t i = 0; i < sizeof norm_shares / sizeof *norm_shares; i++)
        for (size_t k = 0; k < sizeof merges / sizeof *merges; k++) {
            syl_boundary_score score;
            double norm = norm_shares[i] * middle;
            SYL_TRY(try_thresholds(v, n, all, norm, merges[k], &score, err));
            if (!(score.f1 > out->score.f1)) continue;
            out->score = score;
            out->norm_threshold = norm;
            out->merge_threshold = merges[k];
        }
    return SYL_OK;
}

static syl_status encode_all(const syl_validation *v, const syl_network *n, syl_tape *tape,
                             syl_dtype compute, heard *all, norms *norm, syl_error *err)
{
    for (int i = 0; i < syl_utterances_count(v->speech); i++) {
        const syl_utterance *u;
        SYL_TRY(syl_utterances_get(v->speech, i, &u, err));
        syl_status status = encode(n, tape, compute, u, &all[i], err);
        if (status == SYL_OK)
            status = collect_norms(u, &all[i], syl_config_hop(&n->config),
                                   syl_config_dim(&n->config), norm, err);
        syl_utterances_release(v->speech, u);
        SYL_TRY(status);
    }
    return SYL_OK;
}

syl_status syl_validate(const syl_validation *v, const syl_network *n, syl_tape *tape,
                        syl_dtype compute, syl_validation_result *out, syl_error *err)
{
    int count = syl_utterances_count(v->speech);
    norms norm = {0};
    heard *all = syl_calloc((size_t)count, sizeof *all);
    *out = (syl_validation_result){0};
    if (!all) return syl_fail_memory(err, (size_t)count * sizeof *all, "the validation");
    syl_status status = encode_all(v, n, tape, compute, all, &norm, err);
    if (status == SYL_OK) status = search(v, n, all, median(&norm), out, err);
    if (out->score.ref > 0) out->count_ratio = (double)out->score.hyp / (double)out->score.ref;
    if (norm.num_quiet > 0 && out->norm_threshold > 0)
        out->silence = norm.quiet / (double)norm.num_quiet / out->norm_threshold;
    for (int i = 0; i < count; i++)
        free(all[i].frames);
    free(all);
    free(norm.speech);
    return status;
}
