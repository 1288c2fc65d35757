/* Peaks of a curve, as scipy.signal.find_peaks finds them. */
#ifndef SYL_TRAIN_PEAKS_H
#define SYL_TRAIN_PEAKS_H

#include "lib/base/status.h"

/* Which peaks count. -INFINITY, 0 and 1 let all pass. */
typedef struct syl_peak_rule {
    double height;     /* at least this high */
    double prominence; /* at least this far above the higher of the two valleys beside it */
    int64_t distance;  /* at least this far from a higher peak */
} syl_peak_rule;

/* Indices of x [n] that are higher than both neighbours, of a plateau its middle, into peaks
 * (room for n / 2); *count receives how many. The rules apply in the order height, distance,
 * prominence. */
syl_status syl_find_peaks(const double *x, int64_t n, syl_peak_rule rule, int64_t *peaks,
                          int64_t *count, syl_error *err);

#endif
