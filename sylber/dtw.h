/* Dynamic time warping (Sakoe and Chiba 1978). */
#ifndef SYL_SYLBER_DTW_H
#define SYL_SYLBER_DTW_H

#include "lib/base/status.h"

/* The path of least summed Euclidean distance from (0, 0) to (n - 1, m - 1) between a [n][dim] and
 * b [m][dim], n and m at least 1; each step moves one or both sides by one (both, of equals).
 * *path [*length][2] is owned by the caller. n * m bytes of memory. */
syl_status syl_dtw(const float *a, size_t n, const float *b, size_t m, int dim, size_t (**path)[2],
                   size_t *length, syl_error *err);

#endif
