/* Whisper's log-mel spectrogram as a stream. */
#include "lib/audio/logmel.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define PI 3.14159265358979323846
#define MAX_FFT 65536
#define MAX_MELS 4096
#define MAX_HZ 1000000
#define BLOCK 4096 /* samples moved into the window buffer at a time */

struct syl_logmel {
    syl_logmel_config config;
    int bins, pad;       /* n_fft/2 + 1, n_fft/2 */
    float *window;       /* [n_fft] */
    float *filters;      /* [mels][bins] */
    int (*support)[2];   /* [mels] half-open range of the bins that count */
    float *input;        /* [n_fft] FFTW's own aligned memory */
    fftwf_complex *spec; /* [bins] */
    float *power;        /* [bins] */
    fftwf_plan plan;
    float *pending;     /* [n_fft + BLOCK]; the next frame begins at its first sample */
    size_t filled;      /* samples in pending; the first `pad` are the reflection's room */
    int reflected;      /* the reflection has been written */
    float *queue;       /* [capacity][mels] */
    size_t head, count; /* in frames */
    size_t capacity;
};

/* FFTW's planner is global to the process and not thread-safe. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

/* ---- filter bank -------------------------------------------------------------------- */

/* Slaney's scale (Auditory Toolbox): linear below 1 kHz, logarithmic above. */
static double mel_to_hz(double mel)
{
    if (mel < 15.0) return mel * 200.0 / 3.0;
    return 1000.0 * exp((mel - 15.0) * log(6.4) / 27.0);
}

static double hz_to_mel(double hz)
{
    if (hz < 1000.0) return hz * 3.0 / 200.0;
    return 15.0 + log(hz / 1000.0) * 27.0 / log(6.4);
}

static void build_filter(syl_logmel *m, int index, double top_mel)
{
    double step = top_mel / (m->config.mels + 1);
    double left = mel_to_hz(index * step), centre = mel_to_hz((index + 1) * step);
    double right = mel_to_hz((index + 2) * step);
    float *row = m->filters + (size_t)index * (size_t)m->bins;

    for (int k = 0; k < m->bins; k++) {
        double hz = (double)k * m->config.sample_rate / m->config.n_fft;
        double weight = fmin((hz - left) / (centre - left), (right - hz) / (right - centre));
        if (weight <= 0) continue;
        row[k] = (float)(weight * 2.0 / (right - left)); /* every triangle has the same area */
        if (m->support[index][1] == 0) m->support[index][0] = k;
        m->support[index][1] = k + 1;
    }
}

static void build_tables(syl_logmel *m)
{
    double top_mel = hz_to_mel(m->config.sample_rate / 2.0);

    for (int i = 0; i < m->config.n_fft; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2.0 * PI * i / m->config.n_fft));
    for (int i = 0; i < m->config.mels; i++)
        build_filter(m, i, top_mel);
}

/* ---- creation ----------------------------------------------------------------------- */

static syl_status check_config(const syl_logmel_config *c, syl_error *err)
{
    if (c->sample_rate < 1 || c->sample_rate > MAX_HZ)
        return syl_fail(err, SYL_EINVAL, "log-mel: a sample rate of %d Hz (1..%d)", c->sample_rate,
                        MAX_HZ);
    if (c->n_fft < 2 || c->n_fft > MAX_FFT)
        return syl_fail(err, SYL_EINVAL, "log-mel: n_fft is %d (2..%d)", c->n_fft, MAX_FFT);
    if (c->hop < 1 || c->hop > c->n_fft)
        return syl_fail(err, SYL_EINVAL, "log-mel: hop is %d (1..n_fft, which is %d)", c->hop,
                        c->n_fft);
    if (c->mels < 1 || c->mels > MAX_MELS)
        return syl_fail(err, SYL_EINVAL, "log-mel: %d mel bands (1..%d)", c->mels, MAX_MELS);
    if (!(c->log10_floor >= -30 && c->log10_floor <= 30))
        return syl_fail(err, SYL_EINVAL, "log-mel: a floor of %g (-30..30)", c->log10_floor);
    return SYL_OK;
}

static int allocate(syl_logmel *m)
{
    size_t n = (size_t)m->config.n_fft, bins = (size_t)m->bins, mels = (size_t)m->config.mels;

    m->window = syl_calloc(n, sizeof(float));
    m->filters = syl_calloc(syl_mul_size(mels, bins), sizeof(float));
    m->support = syl_calloc(mels, sizeof *m->support);
    m->power = syl_calloc(bins, sizeof(float));
    m->pending = syl_calloc(n + BLOCK, sizeof(float));
    m->input = fftwf_alloc_real(n);
    m->spec = fftwf_alloc_complex(bins);
    if (!m->window || !m->filters || !m->support || !m->power || !m->pending || !m->input ||
        !m->spec)
        return 0;
    pthread_mutex_lock(&planner);
    m->plan = fftwf_plan_dft_r2c_1d(m->config.n_fft, m->input, m->spec, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    return m->plan != NULL;
}

syl_status syl_logmel_create(syl_logmel **out, const syl_logmel_config *config, syl_error *err)
{
    syl_logmel *m;

    *out = NULL;
    SYL_TRY(check_config(config, err));
    m = syl_calloc(1, sizeof *m);
    if (!m) return syl_fail_memory(err, sizeof *m, "a log-mel front end");
    m->config = *config;
    m->pad = config->n_fft / 2;
    m->bins = m->pad + 1;
    m->filled = (size_t)m->pad;
    if (!allocate(m)) {
        syl_logmel_free(m);
        return syl_fail(err, SYL_ENOMEM, "no memory for a log-mel front end (n_fft %d, %d mels)",
                        config->n_fft, config->mels);
    }
    build_tables(m);
    *out = m;
    return SYL_OK;
}

void syl_logmel_free(syl_logmel *mel)
{
    if (!mel) return;
    if (mel->plan) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(mel->plan);
        pthread_mutex_unlock(&planner);
    }
    fftwf_free(mel->input);
    fftwf_free(mel->spec);
    free(mel->window);
    free(mel->filters);
    free(mel->support);
    free(mel->power);
    free(mel->pending);
    free(mel->queue);
    free(mel);
}

/* ---- frames ------------------------------------------------------------------------- */

/* samples [n_fft] to frame [mels]. */
static void compute_frame(syl_logmel *m, const float *samples, float *frame)
{
    float least = (float)pow(10.0, m->config.log10_floor);
    float floor_value = (float)m->config.log10_floor;

    for (int i = 0; i < m->config.n_fft; i++)
        m->input[i] = samples[i] * m->window[i];
    fftwf_execute(m->plan);
    for (int k = 0; k < m->bins; k++)
        m->power[k] = m->spec[k][0] * m->spec[k][0] + m->spec[k][1] * m->spec[k][1];
    for (int i = 0; i < m->config.mels; i++) {
        const float *row = m->filters + (size_t)i * (size_t)m->bins;
        float sum = 0;
        for (int k = m->support[i][0]; k < m->support[i][1]; k++)
            sum += row[k] * m->power[k];
        /* Written so that a NaN, too, becomes the floor. */
        frame[i] = ((sum > least ? log10f(sum) : floor_value) + 4.0f) / 4.0f;
    }
}

/* The samples before the first one mirror those after it; the first one is not repeated. */
static void reflect(syl_logmel *m)
{
    float *first = m->pending + m->pad;

    for (int i = 1; i <= m->pad; i++)
        first[-i] = first[i];
    m->reflected = 1;
}

/* Takes every complete frame out of pending; the queue has room. */
static void drain(syl_logmel *m)
{
    size_t n_fft = (size_t)m->config.n_fft, hop = (size_t)m->config.hop, at = 0;

    if (!m->reflected) {
        if (m->filled < 2 * (size_t)m->pad + 1) return;
        reflect(m);
    }
    for (; m->filled - at >= n_fft; at += hop) {
        size_t slot = m->head + m->count++;
        compute_frame(m, m->pending + at, m->queue + slot * (size_t)m->config.mels);
        /* hop <= n_fft, so that `at` never passes the end. */
    }
    m->filled -= at;
    if (at > 0) memmove(m->pending, m->pending + at, m->filled * sizeof *m->pending);
}

/* Room for all frames that n more samples can complete, so that a feed fails before it has
 * taken anything. */
static syl_status reserve(syl_logmel *m, size_t n, syl_error *err)
{
    size_t more = n / (size_t)m->config.hop + m->filled / (size_t)m->config.hop + 2;
    size_t row = (size_t)m->config.mels;

    if (m->head > 0) {
        memmove(m->queue, m->queue + m->head * row, m->count * row * sizeof *m->queue);
        m->head = 0;
    }
    return syl_grow((void **)&m->queue, &m->capacity, m->count + more, row * sizeof *m->queue, err);
}

syl_status syl_logmel_feed(syl_logmel *mel, const float *samples, size_t n, syl_error *err)
{
    size_t room = (size_t)mel->config.n_fft + BLOCK;

    SYL_TRY(reserve(mel, n, err));
    while (n > 0) {
        size_t part = room - mel->filled < n ? room - mel->filled : n;
        memcpy(mel->pending + mel->filled, samples, part * sizeof *samples);
        mel->filled += part;
        samples += part;
        n -= part;
        drain(mel);
    }
    return SYL_OK;
}

size_t syl_logmel_ready(const syl_logmel *mel)
{
    return mel->count;
}

size_t syl_logmel_take(syl_logmel *mel, float *frames, size_t max)
{
    size_t n = mel->count < max ? mel->count : max, row = (size_t)mel->config.mels;

    if (n > 0) memcpy(frames, mel->queue + mel->head * row, n * row * sizeof *frames);
    mel->head = n == mel->count ? 0 : mel->head + n;
    mel->count -= n;
    return n;
}

const float *syl_logmel_filters(const syl_logmel *mel)
{
    return mel->filters;
}

syl_status syl_logmel_whole(const syl_logmel_config *config, const float *samples, size_t n,
                            size_t silence, float *frames, size_t count, syl_error *err)
{
    syl_logmel *mel = NULL;
    float *zeros = syl_calloc(silence, sizeof *zeros);
    if (!zeros) return syl_fail_memory(err, silence * sizeof *zeros, "silence");
    syl_status status = syl_logmel_create(&mel, config, err);
    if (status == SYL_OK) status = syl_logmel_feed(mel, samples, n, err);
    if (status == SYL_OK) status = syl_logmel_feed(mel, zeros, silence, err);
    if (status == SYL_OK) syl_logmel_take(mel, frames, count);
    syl_logmel_free(mel);
    free(zeros);
    return status;
}
