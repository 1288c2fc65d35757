/* One channel from any rate to any rate as a stream, through libsoxr (high quality). */
#ifndef SYL_AUDIO_RESAMPLE_H
#define SYL_AUDIO_RESAMPLE_H

#include "lib/base/status.h"

typedef struct syl_resampler syl_resampler;

syl_status syl_resampler_create(syl_resampler **out, double from_hz, double to_hz, syl_error *err);
/* Takes n samples; *out points at *got results, owned by the resampler, valid until its next
 * call. in = NULL ends the stream and gives what is left. The total is round(n * to / from). */
syl_status syl_resampler_process(syl_resampler *r, const float *in, size_t n, const float **out,
                                 size_t *got, syl_error *err);
/* Back to an empty stream, without allocation. */
syl_status syl_resampler_reset(syl_resampler *r, syl_error *err);
void syl_resampler_free(syl_resampler *r);

/* A whole buffer. *out is owned by the caller; a copy when the rates are the same. NULL on
 * failure. */
syl_status syl_resample(float **out, size_t *count, const float *in, size_t n, double from_hz,
                        double to_hz, syl_error *err);

#endif
