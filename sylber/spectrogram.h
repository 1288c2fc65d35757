/* Spectrograms for pictures. */
#ifndef SYL_SYLBER_SPECTROGRAM_H
#define SYL_SYLBER_SPECTROGRAM_H

#include "lib/base/status.h"

typedef enum syl_spectrogram_kind {
    SYL_SPECTROGRAM_MEL,
    SYL_SPECTROGRAM_STFT
} syl_spectrogram_kind;

typedef struct syl_spectrogram {
    float *values; /* [columns][bands], logarithmic, owned */
    size_t columns, bands;
} syl_spectrogram;

/* One column every 10 ms of windows of 25 ms (mel, 80 bands) or 20 ms (STFT), up to 8 kHz. */
syl_status syl_spectrogram_create(syl_spectrogram *out, syl_spectrogram_kind kind,
                                  const float *samples, size_t n, int sample_rate, syl_error *err);
void syl_spectrogram_free(syl_spectrogram *spectrogram);

#endif
