/* Curves over time, one value a frame, and how they are smoothed and compared. */
#ifndef SYL_TRAIN_CURVES_H
#define SYL_TRAIN_CURVES_H

#include "lib/base/status.h"

/* x [n] convolved with a Gaussian cut off at 4 sigma; beyond its ends the curve is mirrored,
 * end values included (scipy.ndimage.gaussian_filter1d). */
syl_status syl_smooth_gaussian(double *x, int64_t n, double sigma, syl_error *err);

/* The value below which `percent` of x [n], n > 0, lie, interpolated (numpy.percentile). */
syl_status syl_percentile(const double *x, int64_t n, double percent, double *out, syl_error *err);

/* out [n]: Euclidean norms of the rows of frames [n][dim]. */
void syl_frame_norms(const float *frames, int64_t n, int dim, double *out);

/* out [n]: how much the frames change around each: 1 - cosine of the means of up to `width`
 * frames before t and from t on; out[0] is 0. */
syl_status syl_frame_change(const float *frames, int64_t n, int dim, int width, double *out,
                            syl_error *err);

#endif
