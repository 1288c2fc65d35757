/* Boundaries of syllables without labels: valleys of loudness in the band of vowels together
 * with what the teacher's features do there. The recommended method; see syl_sonority_curve. */
#ifndef SYL_TRAIN_SONORITY_H
#define SYL_TRAIN_SONORITY_H

#include "sylber/teacher.h"

/* A recording and the teacher's standardised features of it. */
typedef struct syl_heard {
    const float *samples; /* [n] */
    size_t n;
    int sample_rate, hop;
    const syl_hidden *hidden; /* of n / hop frames */
} syl_heard;

/* The curves that are added up, each high at boundaries:
 * sonority  minus the level in dB of 200-2600 Hz, at most 45 dB under the 98th percentile
 * last      minus the norm of the final layer norm's output
 * middle    the norm of the middle layer's output
 * change    how much the last layer's output changes, means of 6 frames against each other */
enum { SYL_CURVE_SONORITY, SYL_CURVE_LAST, SYL_CURVE_MIDDLE, SYL_CURVE_CHANGE, SYL_NUM_CURVES };

/* All of them: curves [SYL_NUM_CURVES][frames]. */
syl_status syl_sonority_curves(syl_ctx *ctx, const syl_heard *u, double *curves, syl_error *err);

/* curve [frames] = sonority + last + middle / 2 + change / 2, each over its standard deviation
 * `scale` over the speech of a corpus. Boundaries are its peaks of prominence 0.4. */
syl_status syl_sonority_curve(syl_ctx *ctx, const syl_heard *u, const double scale[SYL_NUM_CURVES],
                              double *curve, syl_error *err);

#endif
