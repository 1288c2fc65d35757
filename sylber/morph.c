#include "sylber/morph.h"

#include <fftw3.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/logmel.h"
#include "lib/base/memory.h"
#include "sylber/dtw.h"

#define WINDOW_SECONDS 0.032
#define OVERLAP 4 /* hops in a window */
#define MELS 40
#define FLOOR 1e-6f /* of the largest magnitude; what lies below has no logarithm worth mixing */
#define ROUNDS 50   /* of Griffin and Lim */

typedef struct spectrum {
    size_t samples, frames; /* frame t is centred on sample t * hop */
    float *magnitudes;      /* [frames][bins] */
    fftwf_complex *phases;  /* [frames][bins] of length 1 */
} spectrum;

struct syl_morph {
    int rate, size, hop, bins;
    float *window; /* [size], Hann */
    float *wave;   /* [size] in and out of the transforms */
    fftwf_complex *bin;
    fftwf_plan forward, backward;
    spectrum ends[2];
    size_t (*path)[2];
    size_t length;
};

/* ---- transforms ---------------------------------------------------------------------- */

static void spectrum_free(spectrum *s)
{
    free(s->magnitudes);
    free(s->phases);
}

static syl_status spectrum_create(spectrum *s, const syl_morph *m, size_t samples, syl_error *err)
{
    size_t frames = samples / (size_t)m->hop + 1, values = syl_mul_size(frames, (size_t)m->bins);
    *s = (spectrum){.samples = samples, .frames = frames};
    s->magnitudes = syl_calloc(values, sizeof *s->magnitudes);
    s->phases = syl_calloc(values, sizeof *s->phases);
    if (s->magnitudes && s->phases) return SYL_OK;
    return syl_fail_memory(err, values * 3 * sizeof(float), "a spectrum");
}

/* Both parts, or with `phases_only` all but the magnitudes. */
static void analyse(const syl_morph *m, const float *samples, spectrum *s, bool phases_only)
{
    for (size_t t = 0; t < s->frames; t++) {
        for (int i = 0; i < m->size; i++) {
            int64_t at = (int64_t)t * m->hop - m->size / 2 + i;
            bool inside = at >= 0 && at < (int64_t)s->samples;
            m->wave[i] = inside ? m->window[i] * samples[at] : 0;
        }
        fftwf_execute(m->forward);
        for (int b = 0; b < m->bins; b++) {
            size_t k = t * (size_t)m->bins + (size_t)b;
            float length = hypotf(m->bin[b][0], m->bin[b][1]);
            s->phases[k][0] = length > 0 ? m->bin[b][0] / length : 1;
            s->phases[k][1] = length > 0 ? m->bin[b][1] / length : 0;
            if (!phases_only) s->magnitudes[k] = length;
        }
    }
}

/* The signal whose spectrum is nearest in the squares; weights [samples] is scratch. */
static void synthesise(const syl_morph *m, const spectrum *s, float *samples, float *weights)
{
    memset(samples, 0, s->samples * sizeof *samples);
    memset(weights, 0, s->samples * sizeof *weights);
    for (size_t t = 0; t < s->frames; t++) {
        for (int b = 0; b < m->bins; b++) {
            size_t k = t * (size_t)m->bins + (size_t)b;
            m->bin[b][0] = s->magnitudes[k] * s->phases[k][0] / (float)m->size;
            m->bin[b][1] = s->magnitudes[k] * s->phases[k][1] / (float)m->size;
        }
        fftwf_execute(m->backward);
        for (int i = 0; i < m->size; i++) {
            int64_t at = (int64_t)t * m->hop - m->size / 2 + i;
            if (at < 0 || at >= (int64_t)s->samples) continue;
            samples[at] += m->window[i] * m->wave[i];
            weights[at] += m->window[i] * m->window[i];
        }
    }
    for (size_t i = 0; i < s->samples; i++)
        if (weights[i] > 0) samples[i] /= weights[i];
}

/* ---- alignment ----------------------------------------------------------------------- */

static float largest(const float *values, size_t n)
{
    float top = 0;
    for (size_t i = 0; i < n; i++)
        top = fmaxf(top, values[i]);
    return top;
}

/* [frames][MELS] log10 of the power, owned by the caller; NULL: no memory. */
static float *log_mels(const syl_morph *m, const float *filters, const spectrum *s)
{
    size_t bins = (size_t)m->bins;
    float *mels = syl_calloc(s->frames, MELS * sizeof *mels);
    for (size_t t = 0; mels && t < s->frames; t++)
        for (size_t k = 0; k < MELS; k++)
            for (size_t b = 0; b < bins; b++) {
                float magnitude = s->magnitudes[t * bins + b];
                mels[t * MELS + k] += filters[k * bins + b] * magnitude * magnitude;
            }
    float floor = mels ? fmaxf(largest(mels, s->frames * MELS) * FLOOR, 1e-30f) : 0;
    for (size_t i = 0; mels && i < s->frames * MELS; i++)
        mels[i] = log10f(fmaxf(mels[i], floor));
    return mels;
}

static syl_status align(syl_morph *m, syl_error *err)
{
    syl_logmel_config config = {m->rate, m->size, m->hop, MELS, -10};
    syl_logmel *bank;
    SYL_TRY(syl_logmel_create(&bank, &config, err));
    float *a = log_mels(m, syl_logmel_filters(bank), &m->ends[0]);
    float *b = log_mels(m, syl_logmel_filters(bank), &m->ends[1]);
    syl_status status = a && b ? syl_dtw(a, m->ends[0].frames, b, m->ends[1].frames, MELS, &m->path,
                                         &m->length, err)
                               : syl_fail_memory(err, MELS * sizeof(float), "log-mel spectra");
    free(a);
    free(b);
    syl_logmel_free(bank);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------- */

void syl_morph_free(syl_morph *m)
{
    if (!m) return;
    if (m->forward) fftwf_destroy_plan(m->forward);
    if (m->backward) fftwf_destroy_plan(m->backward);
    fftwf_free(m->wave);
    fftwf_free(m->bin);
    free(m->window);
    free(m->path);
    spectrum_free(&m->ends[0]);
    spectrum_free(&m->ends[1]);
    free(m);
}

static syl_status prepare(syl_morph *m, int rate, syl_error *err)
{
    m->rate = rate;
    m->hop = (int)(rate * WINDOW_SECONDS / OVERLAP);
    m->size = OVERLAP * m->hop;
    m->bins = m->size / 2 + 1;
    m->window = syl_calloc((size_t)m->size, sizeof *m->window);
    m->wave = fftwf_alloc_real((size_t)m->size);
    m->bin = fftwf_alloc_complex((size_t)m->bins);
    if (!m->window || !m->wave || !m->bin)
        return syl_fail_memory(err, (size_t)m->size * sizeof(float), "a window");
    for (int i = 0; i < m->size; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * i / m->size));
    m->forward = fftwf_plan_dft_r2c_1d(m->size, m->wave, m->bin, FFTW_ESTIMATE);
    m->backward = fftwf_plan_dft_c2r_1d(m->size, m->bin, m->wave, FFTW_ESTIMATE);
    if (m->forward && m->backward) return SYL_OK;
    return syl_fail(err, SYL_ECOMPUTE, "FFTW has no transform of %d values", m->size);
}

syl_status syl_morph_create(syl_morph **out, const float *a, size_t num_a, const float *b,
                            size_t num_b, int rate, syl_error *err)
{
    size_t most = (size_t)(rate > 0 ? rate : 0) * SYL_MORPH_SECONDS;
    *out = NULL;
    if (rate < 8000) return syl_fail(err, SYL_EINVAL, "%d Hz, at least 8000 are needed", rate);
    if (!num_a || !num_b || num_a > most || num_b > most)
        return syl_fail(err, SYL_EINVAL,
                        "recordings of %.3g s and %.3g s; give words, of up to %d s",
                        (double)num_a / rate, (double)num_b / rate, SYL_MORPH_SECONDS);
    syl_morph *m = syl_calloc(1, sizeof *m);
    if (!m) return syl_fail_memory(err, sizeof *m, "a continuum");
    syl_status status = prepare(m, rate, err);
    if (!status) status = spectrum_create(&m->ends[0], m, num_a, err);
    if (!status) status = spectrum_create(&m->ends[1], m, num_b, err);
    if (!status) {
        analyse(m, a, &m->ends[0], false);
        analyse(m, b, &m->ends[1], false);
        status = align(m, err);
    }
    if (status)
        syl_morph_free(m);
    else
        *out = m;
    return status;
}

/* Frame t of the mixture: the first step of the path that has come so far. */
static void mix(const syl_morph *m, double alpha, spectrum *s)
{
    size_t bins = (size_t)m->bins, step = 0;
    const spectrum *a = &m->ends[0], *b = &m->ends[1];
    float low_a = fmaxf(largest(a->magnitudes, a->frames * bins) * FLOOR, 1e-30f);
    float low_b = fmaxf(largest(b->magnitudes, b->frames * bins) * FLOOR, 1e-30f);
    for (size_t t = 0; t < s->frames; t++) {
        while (step + 1 < m->length &&
               (1 - alpha) * (double)m->path[step][0] + alpha * (double)m->path[step][1] <
                   (double)t - 1e-9)
            step++;
        size_t i = m->path[step][0] * bins, j = m->path[step][1] * bins;
        const fftwf_complex *phases = alpha < 0.5 ? a->phases + i : b->phases + j;
        memcpy(s->phases + t * bins, phases, bins * sizeof *phases);
        for (size_t k = 0; k < bins; k++) {
            double x = log(fmaxf(a->magnitudes[i + k], low_a));
            double y = log(fmaxf(b->magnitudes[j + k], low_b));
            s->magnitudes[t * bins + k] = (float)exp((1 - alpha) * x + alpha * y);
        }
    }
}

syl_status syl_morph_step(const syl_morph *m, double alpha, float **samples, size_t *n,
                          syl_error *err)
{
    spectrum s;
    *n = (size_t)llround((1 - alpha) * (double)m->ends[0].samples +
                         alpha * (double)m->ends[1].samples);
    *samples = syl_calloc(*n, sizeof **samples);
    float *weights = syl_calloc(*n, sizeof *weights);
    syl_status status = spectrum_create(&s, m, *n, err);
    if (!status && (!*samples || !weights))
        status = syl_fail_memory(err, 2 * *n * sizeof(float), "a mixture");
    if (!status) {
        mix(m, alpha, &s);
        synthesise(m, &s, *samples, weights);
        for (int round = 0; round < ROUNDS; round++) {
            analyse(m, *samples, &s, true);
            synthesise(m, &s, *samples, weights);
        }
    }
    spectrum_free(&s);
    free(weights);
    if (status) free(*samples);
    return status;
}
