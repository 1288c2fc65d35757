/* The denoising mixer (Cho et al. 2025, appendix; after WavLM, Chen et al. 2022), synthetic noise
 * and changes of log-mel rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/sylber/example.h"

#define BOX 6             /* samples averaged for the low-passed noise */
#define LONGEST_SIDE 0.7f /* the place that divides another speaker is in the first 70 % */
#define KNOTS 6           /* of the random equalisation */

float syl_range_draw(syl_range r, syl_random *random)
{
    return r.low + (r.high - r.low) * syl_random_uniform(random);
}

/* audio += gain * the clip from a random place; one that is shorter lies at a random place. */
static void add_clip(const syl_utterance *clip, float gain, syl_random *random, float *audio,
                     int64_t n)
{
    int64_t spare = clip->samples - n, from = 0, to = 0;
    int64_t *place = spare >= 0 ? &from : &to;
    *place = (int64_t)syl_random_below(random, (uint32_t)llabs(spare) + 1);
    for (int64_t i = 0; i < n - to && i + from < clip->samples; i++)
        audio[i + to] += gain * (clip->scale * clip->audio[i + from] + clip->shift);
}

static syl_status add_noise_clip(const syl_example_source *s, syl_random *random, float *audio,
                                 int64_t n, syl_error *err)
{
    const syl_utterance *clip;
    int which = (int)syl_random_below(random, (uint32_t)syl_utterances_count(s->noises));
    SYL_TRY(syl_utterances_get(s->noises, which, &clip, err));
    add_clip(clip, syl_range_draw(s->options.noise_gain, random), random, audio, n);
    syl_utterances_release(s->noises, clip);
    return SYL_OK;
}

static syl_status add_other_speech(const syl_example_source *s, syl_random *random, float *audio,
                                   int64_t n, syl_error *err)
{
    const syl_utterance *other;
    int which = (int)syl_random_below(random, (uint32_t)syl_utterances_count(s->speech));
    SYL_TRY(syl_utterances_get(s->speech, which, &other, err));
    int64_t at = (int64_t)(LONGEST_SIDE * syl_random_uniform(random) * (float)n);
    bool left = syl_random_uniform(random) < 0.5f;
    float gain = syl_range_draw(s->options.speech_gain, random);
    add_clip(other, gain, random, audio + (left ? 0 : at), left ? at : n - at);
    syl_utterances_release(s->speech, other);
    return SYL_OK;
}

static double mean_power(const float *audio, int64_t n)
{
    double power = 0;
    for (int64_t i = 0; i < n; i++)
        power += (double)audio[i] * audio[i];
    return power / (double)n;
}

/* ---- coloured noise ---------------------------------------------------------------------------
 */

typedef enum colour { WHITE, LOW_PASSED, PINK, BROWN, NUM_COLOURS } colour;

/* What the filters remember. */
typedef struct noise {
    colour colour;
    float history[BOX], sum; /* LOW_PASSED */
    float pole[3], integral; /* PINK, BROWN */
} noise;

/* The next sample; its power differs from colour to colour. */
static float next_noise(noise *s, int64_t i, syl_random *random)
{
    float v = syl_random_normal(random);
    switch (s->colour) {
    case LOW_PASSED:
        s->sum += v - s->history[i % BOX];
        s->history[i % BOX] = v;
        return s->sum;
    case PINK: /* three poles an octave and a half apart fall off by 3 dB an octave */
        s->pole[0] = 0.99765f * s->pole[0] + 0.0990460f * v;
        s->pole[1] = 0.96300f * s->pole[1] + 0.2965164f * v;
        s->pole[2] = 0.57000f * s->pole[2] + 1.0526913f * v;
        return s->pole[0] + s->pole[1] + s->pole[2] + 0.1848f * v;
    case BROWN:
        s->integral = 0.998f * s->integral + v;
        return s->integral;
    default:
        return v;
    }
}

/* The power that noise is measured against: that of the speech, or in a crop without any one
 * between those of faint and loud noise. */
static double reference_power(const float *audio, int64_t n, syl_random *random)
{
    double power = mean_power(audio, n);
    return power > 1e-10 ? power : pow(10, -6 + 5 * (double)syl_random_uniform(random));
}

static syl_status add_coloured_noise(const syl_example_options *o, syl_random *random, float *audio,
                                     int64_t n, syl_error *err)
{
    noise s = {.colour = (colour)syl_random_below(random, NUM_COLOURS)};
    double power = reference_power(audio, n, random);
    float snr = syl_range_draw(o->snr_db, random);
    float *own = syl_calloc((size_t)n, sizeof *own);
    if (!own) return syl_fail_memory(err, (size_t)n * sizeof *own, "noise");
    for (int64_t i = 0; i < n; i++)
        own[i] = next_noise(&s, i, random);
    float level = (float)sqrt(power / mean_power(own, n)) * powf(10, -snr / 20);
    for (int64_t i = 0; i < n; i++)
        audio[i] += level * own[i];
    free(own);
    return SYL_OK;
}

static syl_status add_babble(const syl_example_source *s, syl_random *random, float *audio,
                             int64_t n, syl_error *err)
{
    int voices = 3 + (int)syl_random_below(random, 4);
    double power = reference_power(audio, n, random);
    float snr = syl_range_draw(s->options.babble_snr_db, random);
    float *own = syl_calloc((size_t)n, sizeof *own);
    syl_status status = own ? SYL_OK : syl_fail_memory(err, (size_t)n * sizeof *own, "babble");
    for (int v = 0; v < voices && status == SYL_OK; v++) {
        const syl_utterance *other;
        int which = (int)syl_random_below(random, (uint32_t)syl_utterances_count(s->speech));
        status = syl_utterances_get(s->speech, which, &other, err);
        if (status != SYL_OK) break;
        add_clip(other, 1, random, own, n);
        syl_utterances_release(s->speech, other);
    }
    if (status == SYL_OK) {
        float level = (float)sqrt(power / (mean_power(own, n) + 1e-10)) * powf(10, -snr / 20);
        for (int64_t i = 0; i < n; i++)
            audio[i] += level * own[i];
    }
    free(own);
    return status;
}

syl_status syl_example_mix(const syl_example_source *s, syl_random *random, float *audio, int64_t n,
                           syl_error *err)
{
    const syl_example_options *o = &s->options;
    if (syl_random_uniform(random) < o->mix_noise) {
        bool speech = !s->noises || syl_random_uniform(random) < o->mix_speech;
        SYL_TRY(speech ? add_other_speech(s, random, audio, n, err)
                       : add_noise_clip(s, random, audio, n, err));
    }
    if (syl_random_uniform(random) < o->babble) SYL_TRY(add_babble(s, random, audio, n, err));
    if (syl_random_uniform(random) < o->coloured_noise)
        SYL_TRY(add_coloured_noise(o, random, audio, n, err));
    return SYL_OK;
}

/* ---- log-mel rows ---------------------------------------------------------------------------- */

/* A value for each channel, linear between KNOTS random ones. */
static void smooth_offsets(float deviation, syl_random *random, float *offset, int mels)
{
    float knot[KNOTS];
    for (int k = 0; k < KNOTS; k++)
        knot[k] = deviation * syl_random_normal(random);
    for (int m = 0; m < mels; m++) {
        float at = mels > 1 ? (float)m * (KNOTS - 1) / (float)(mels - 1) : 0;
        int k = at < KNOTS - 2 ? (int)at : KNOTS - 2;
        offset[m] = knot[k] + (knot[k + 1] - knot[k]) * (at - (float)k);
    }
}

/* Channel m becomes what stood at m / factor. */
static void warp_row(float factor, const float *from, float *to, int mels)
{
    for (int m = 0; m < mels; m++) {
        float at = (float)m / factor;
        int k = (int)at;
        if (k >= mels - 1)
            to[m] = from[mels - 1];
        else
            to[m] = from[k] + (from[k + 1] - from[k]) * (at - (float)k);
    }
}

#define MAX_MELS 4096

void syl_example_perturb_rows(const syl_example_options *o, syl_random *random, float *rows,
                              int64_t n, int mels)
{
    float offset[MAX_MELS], copy[MAX_MELS];
    float factor = syl_range_draw(o->warp, random);
    smooth_offsets(o->equalise, random, offset, mels);
    for (int64_t t = 0; t < n; t++) {
        float *row = rows + t * mels;
        memcpy(copy, row, (size_t)mels * sizeof *row);
        if (factor != 1) warp_row(factor, copy, row, mels);
        for (int m = 0; m < mels; m++)
            row[m] += offset[m];
    }
}
