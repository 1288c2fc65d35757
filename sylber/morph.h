/* Recordings between two recordings: aligned in time by the log-mel spectra, the logarithms of the
 * magnitudes mixed along the alignment, phases by Griffin and Lim (1984), who begin with those of
 * the nearer recording. At the ends are the recordings themselves. */
#ifndef SYL_SYLBER_MORPH_H
#define SYL_SYLBER_MORPH_H

#include "lib/base/status.h"

#define SYL_MORPH_SECONDS 60 /* a recording's length at most */

typedef struct syl_morph syl_morph;

/* Both of one rate, 8,000 Hz or more. They are copied. */
syl_status syl_morph_create(syl_morph **out, const float *a, size_t num_a, const float *b,
                            size_t num_b, int sample_rate, syl_error *err);
void syl_morph_free(syl_morph *morph);

/* alpha 0: a, 1: b. *samples is owned by the caller. */
syl_status syl_morph_step(const syl_morph *morph, double alpha, float **samples, size_t *n,
                          syl_error *err);

#endif
