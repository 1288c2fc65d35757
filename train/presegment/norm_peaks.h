/* ZeroSyl's boundaries (arXiv 2602.15537): extremes of the norm of the features. */
#ifndef SYL_TRAIN_NORM_PEAKS_H
#define SYL_TRAIN_NORM_PEAKS_H

#include "lib/base/status.h"

/* curve [n]: the norms of frames [n][dim] turned upside down, with mean 0 and variance 1 over
 * the recording, then averaged over 3 frames (ends repeated). Boundaries are its peaks of
 * prominence 0.45. ZeroSyl takes the norm's peaks; the final layer norm of Whisper, whose norm
 * is high within syllables, wants its valleys. */
syl_status syl_norm_curve(const float *frames, int64_t n, int dim, double *curve, syl_error *err);

#endif
