#include "sylber/spectrogram.h"

#include <fftw3.h>
#include <math.h>
#include <stdlib.h>

#include "lib/audio/logmel.h"
#include "lib/audio/resample.h"
#include "lib/base/memory.h"

#define RATE 16000
#define HOP 160
#define MEL_WINDOW 400
#define MELS 80
#define STFT_WINDOW 320
#define LOG10_FLOOR (-5)

typedef struct waveform {
    float *samples; /* at RATE, owned */
    size_t count;
} waveform;

static syl_status make_mel(syl_spectrogram *out, const waveform *s, syl_error *err)
{
    static const syl_logmel_config config = {RATE, MEL_WINDOW, HOP, MELS, LOG10_FLOOR};
    syl_logmel *mel;
    SYL_TRY(syl_logmel_create(&mel, &config, err));
    syl_status status = syl_logmel_feed(mel, s->samples, s->count, err);
    size_t ready = syl_logmel_ready(mel);
    out->bands = MELS;
    out->values = syl_calloc(syl_mul_size(ready, MELS), sizeof(float));
    if (!status && !out->values)
        status = syl_fail_memory(err, ready * MELS * sizeof(float), "a spectrogram");
    if (!status) out->columns = syl_logmel_take(mel, out->values, ready);
    syl_logmel_free(mel);
    return status;
}

static void stft_columns(syl_spectrogram *out, const waveform *s, float *in,
                         fftwf_complex *spectrum)
{
    fftwf_plan plan = fftwf_plan_dft_r2c_1d(STFT_WINDOW, in, spectrum, FFTW_ESTIMATE);
    for (size_t t = 0; t < out->columns; t++) {
        for (size_t i = 0; i < STFT_WINDOW; i++) {
            double hann = 0.5 - 0.5 * cos(2 * M_PI * (double)i / STFT_WINDOW);
            in[i] = (float)hann * s->samples[t * HOP + i];
        }
        fftwf_execute(plan);
        for (size_t b = 0; b < out->bands; b++) {
            float re = spectrum[b][0], im = spectrum[b][1];
            out->values[t * out->bands + b] =
                fmaxf(log10f(re * re + im * im + 1e-12f), LOG10_FLOOR);
        }
    }
    fftwf_destroy_plan(plan);
}

static syl_status make_stft(syl_spectrogram *out, const waveform *s, syl_error *err)
{
    out->bands = STFT_WINDOW / 2 + 1;
    out->columns = s->count < STFT_WINDOW ? 0 : (s->count - STFT_WINDOW) / HOP + 1;
    out->values = syl_calloc(syl_mul_size(out->columns, out->bands), sizeof(float));
    float *in = fftwf_alloc_real(STFT_WINDOW);
    fftwf_complex *spectrum = fftwf_alloc_complex(STFT_WINDOW / 2 + 1);
    int good = out->values && in && spectrum;
    if (good) stft_columns(out, s, in, spectrum);
    fftwf_free(in);
    fftwf_free(spectrum);
    if (good) return SYL_OK;
    return syl_fail_memory(err, out->columns * out->bands * sizeof(float), "a spectrogram");
}

syl_status syl_spectrogram_create(syl_spectrogram *out, syl_spectrogram_kind kind,
                                  const float *samples, size_t n, int sample_rate, syl_error *err)
{
    waveform s = {0};
    *out = (syl_spectrogram){0};
    syl_status status = syl_resample(&s.samples, &s.count, samples, n, sample_rate, RATE, err);
    if (!status && kind == SYL_SPECTROGRAM_MEL)
        status = make_mel(out, &s, err);
    else if (!status)
        status = make_stft(out, &s, err);
    free(s.samples);
    if (status) syl_spectrogram_free(out);
    return status;
}

void syl_spectrogram_free(syl_spectrogram *spectrogram)
{
    free(spectrogram->values);
    *spectrogram = (syl_spectrogram){0};
}
