#include "train/sylber/example.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define ATTEMPT_STREAMS ((uint64_t)1 << 40) /* stream numbers of one attempt */
#define FIRST_CUT 60 /* up to so many frames of a collage's first recording are cut off */

/* An example being put together. */
typedef struct draft {
    const syl_example_source *source;
    syl_random random;
    float *audio; /* [frames * hop] */
    int64_t frames;
    syl_example *out;
} draft;

void syl_example_clear(syl_example *e)
{
    free(e->rows);
    free(e->clean_rows);
    free(e->segments);
    free(e->target);
    *e = (syl_example){0};
}

static int hop_of(const draft *d)
{
    return syl_config_hop(d->source->config);
}

/* ---- segments and targets -------------------------------------------------------------------- */

static syl_status add_segment(draft *d, int64_t begin, int64_t end, const float *mean,
                              syl_error *err)
{
    syl_example *e = d->out;
    int dim = syl_config_dim(d->source->config);
    size_t room = (size_t)e->room;
    if (begin < 0) begin = 0;
    if (end > d->frames) end = d->frames;
    if (end <= begin) return SYL_OK;
    SYL_TRY(syl_grow((void **)&e->segments, &room, (size_t)e->num_segments + 1, sizeof *e->segments,
                     err));
    e->room = (int)room;
    e->segments[e->num_segments][0] = (int32_t)begin;
    e->segments[e->num_segments++][1] = (int32_t)end;
    for (int64_t t = begin; mean && e->target && t < end; t++)
        memcpy(e->target + t * dim, mean, (size_t)dim * sizeof *mean);
    return SYL_OK;
}

/* Segments of u, whose frame `from` lies at frame `at` of the crop and which plays `speed` times
 * as fast. */
static syl_status add_segments(draft *d, const syl_utterance *u, int64_t at, float speed,
                               syl_error *err)
{
    int dim = syl_config_dim(d->source->config);
    for (int i = 0; i < u->num_segments; i++)
        SYL_TRY(add_segment(d, at + lrintf((float)u->segments[i][0] / speed),
                            at + lrintf((float)u->segments[i][1] / speed),
                            u->means ? u->means + (int64_t)i * dim : NULL, err));
    return SYL_OK;
}

/* ---- audio ----------------------------------------------------------------------------------- */

/* The audio of u, `speed` times as fast, from sample `at` of the crop on (which may be before it).
 */
static void lay_audio(draft *d, const syl_utterance *u, int64_t at, float speed, float gain)
{
    int64_t length = d->frames * hop_of(d), n = (int64_t)((double)u->samples / speed);
    for (int64_t i = at < 0 ? -at : 0; i < n && at + i < length; i++) {
        double place = (double)i * speed;
        int64_t k = (int64_t)place;
        if (k >= u->samples) break;
        float part = (float)(place - (double)k), next = k + 1 < u->samples ? u->audio[k + 1] : 0;
        float value = (1 - part) * u->audio[k] + part * next;
        d->audio[at + i] = gain * (u->scale * value + u->shift);
    }
}

static syl_status draw(draft *d, const syl_utterance **u, syl_error *err)
{
    syl_utterances *speech = d->source->speech;
    int which = (int)syl_random_below(&d->random, (uint32_t)syl_utterances_count(speech));
    if (!d->out->path) d->out->path = syl_utterances_path(speech, which);
    return syl_utterances_get(speech, which, u, err);
}

/* One recording, or a part of it. */
static syl_status crop(draft *d, syl_error *err)
{
    const syl_utterance *u;
    SYL_TRY(draw(d, &u, err));
    int64_t frames = u->samples / hop_of(d), spare = frames - d->frames;
    if (spare < 0) d->frames = frames;
    int64_t from = spare > 0 ? (int64_t)syl_random_below(&d->random, (uint32_t)spare + 1) : 0;
    lay_audio(d, u, -from * hop_of(d), 1, 1);
    syl_status status = add_segments(d, u, -from, 1, err);
    syl_utterances_release(d->source->speech, u);
    return status;
}

static float draw_speed(draft *d)
{
    const syl_example_options *o = &d->source->options;
    if (syl_random_uniform(&d->random) >= o->change_speed) return 1;
    return expf(syl_range_draw((syl_range){logf(o->speed.low), logf(o->speed.high)}, &d->random));
}

/* Recordings one behind the other until the crop is full. */
static syl_status collage(draft *d, syl_error *err)
{
    const syl_example_options *o = &d->source->options;
    int hop = hop_of(d);
    int64_t at = -(int64_t)syl_random_below(&d->random, FIRST_CUT);
    for (bool first = true; at < d->frames; first = false) {
        const syl_utterance *u;
        SYL_TRY(draw(d, &u, err));
        float speed = draw_speed(d);
        int64_t frames = (int64_t)((double)(u->samples / hop) / speed);
        if (first && frames > d->frames)
            at = -(int64_t)syl_random_below(&d->random, (uint32_t)(frames - d->frames / 2));
        float gain = powf(10, syl_range_draw(o->gain_db, &d->random) / 20);
        lay_audio(d, u, at * hop, speed, gain);
        syl_status status = add_segments(d, u, at, speed, err);
        syl_utterances_release(d->source->speech, u);
        SYL_TRY(status);
        at += frames + (int64_t)syl_random_below(&d->random, (uint32_t)o->max_gap + 1);
    }
    return SYL_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static syl_status prepare(draft *d, float **rows, syl_error *err)
{
    const syl_example_source *s = d->source;
    return s->ops->prepare(s->config, d->audio, d->frames * hop_of(d), rows, &d->out->num_rows,
                           err);
}

static syl_status make(draft *d, syl_error *err)
{
    const syl_example_source *s = d->source;
    syl_example *e = d->out;
    bool speech = syl_random_uniform(&d->random) >= s->options.no_speech;
    if (speech) SYL_TRY(s->options.collage ? collage(d, err) : crop(d, err));
    e->frames = d->frames;
    e->seconds = (double)(d->frames * hop_of(d)) / s->config->sample_rate;
    if (s->clean) SYL_TRY(prepare(d, &e->clean_rows, err));
    SYL_TRY(syl_example_mix(s, &d->random, d->audio, d->frames * hop_of(d), err));
    SYL_TRY(prepare(d, &e->rows, err));
    if (s->config->kind == SYL_ENCODER_MEL)
        syl_example_perturb_rows(&s->options, &d->random, e->rows, e->num_rows,
                                 (int)s->ops->input_cols(s->config));
    return SYL_OK;
}

syl_status syl_example_make(const syl_example_source *source, uint64_t number, int attempt,
                            syl_example *out, syl_error *err)
{
    draft d = {
        .source = source,
        .random = {.seed = source->seed, .stream = number + (uint64_t)attempt * ATTEMPT_STREAMS},
        .frames = source->options.frames,
        .out = out};
    size_t samples = (size_t)(d.frames * hop_of(&d));
    size_t dim = (size_t)syl_config_dim(source->config);
    d.audio = syl_calloc(samples, sizeof *d.audio);
    if (!source->clean) out->target = syl_calloc((size_t)d.frames * dim, sizeof *out->target);
    syl_status status = SYL_OK;
    if (!d.audio || (!source->clean && !out->target))
        status = syl_fail_memory(err, samples * 4, "an example");
    if (status == SYL_OK) status = make(&d, err);
    free(d.audio);
    return status;
}
