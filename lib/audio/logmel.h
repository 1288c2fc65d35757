/* Whisper's log-mel spectrogram as a stream (FFTW): Hann window (periodic) of n_fft, centred
 * frames every `hop` samples with n_fft/2 reflected samples before the beginning, power
 * spectrum, Slaney mel filters with area normalisation, (max(log10 p, floor) + 4) / 4. */
#ifndef SYL_AUDIO_LOGMEL_H
#define SYL_AUDIO_LOGMEL_H

#include "lib/base/status.h"

typedef struct syl_logmel_config {
    int sample_rate, n_fft, hop, mels;
    double log10_floor; /* e.g. -5; powers below 10^floor count as that */
} syl_logmel_config;

typedef struct syl_logmel syl_logmel;

syl_status syl_logmel_create(syl_logmel **out, const syl_logmel_config *config, syl_error *err);
void syl_logmel_free(syl_logmel *mel);

/* Takes n samples. Frames that are complete are appended to the inner queue. */
syl_status syl_logmel_feed(syl_logmel *mel, const float *samples, size_t n, syl_error *err);
/* How many frames wait, and up to max of them taken into frames [max][mels]. */
size_t syl_logmel_ready(const syl_logmel *mel);
size_t syl_logmel_take(syl_logmel *mel, float *frames, size_t max);

/* A whole recording with `silence` zeros behind it: its first `count` frames, into [count][mels];
 * what is not there stays as it was. */
syl_status syl_logmel_whole(const syl_logmel_config *config, const float *samples, size_t n,
                            size_t silence, float *frames, size_t count, syl_error *err);

/* The filter bank itself, [mels][n_fft/2 + 1], for tests and pictures. */
const float *syl_logmel_filters(const syl_logmel *mel);

#endif
